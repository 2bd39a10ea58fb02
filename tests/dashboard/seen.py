"""What is seen on a page."""

HOSTILE = "<script>alert(1)</script>"
"""Part of every name in the tests' archive."""


def drawn_texts(page):
    """Everything on a page that is read as Markdown."""
    kinds = (page.markdown, page.caption, page.warning, page.error, page.info, page.success, page.title)
    texts = [element.value for kind in kinds for element in kind]
    # Small tables are Markdown too, in every cell.
    return [*texts, *(str(cell) for table in page.table for cell in table.value.to_numpy().ravel())]


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}


def shown_rows(table):
    """The rows of a small table as they are read, without what keeps Markdown from reading them."""
    return [
        {name: str(cell).replace("\\", "") for name, cell in row.items()}
        for row in table.value.to_dict(orient="records")
    ]
