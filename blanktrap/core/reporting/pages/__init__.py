"""Reports for people without a dashboard: one document, written as HTML or as Markdown.

`document` has the parts of a page, `html` and `markdown` write them, `charts` draws, and `report_page` says
what of a report goes where. Nothing here reads a file; text from an archive is always escaped.
"""
