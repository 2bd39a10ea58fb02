"""What is seen on a page."""

HOSTILE = "<script>alert(1)</script>"
"""Part of every name in the tests' archive."""


def drawn_texts(page):
    """Everything on a page that is read as Markdown."""
    kinds = (page.markdown, page.caption, page.warning, page.error, page.info, page.success, page.title)
    return [element.value for kind in kinds for element in kind]


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}
