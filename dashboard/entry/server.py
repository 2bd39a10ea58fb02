"""The web server's process, `python -m dashboard.entry.server`, with the arguments of `streamlit`.

Owns: loading every page before the server listens, so that nobody's first visit waits for it. Refuses: the
command line, which is Streamlit's, and its options, which are `dashboard.launch`'s.
"""

import logging
from importlib import import_module

from streamlit.web import cli


def main() -> None:
    """Load the pages and hand the command line to Streamlit."""
    # Streamlit warns of every cached function that it meets before its server runs, and caches all the same.
    logging.disable(logging.WARNING)
    for name in import_module("dashboard.navigation").PAGES:
        import_module(f"dashboard.pages.{name}")
    import_module("dashboard.app")
    logging.disable(logging.NOTSET)
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
