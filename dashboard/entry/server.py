"""The web server's process, `python -m dashboard.entry.server`, with the arguments of `streamlit`.

Owns: loading every page before the server listens, so that nobody's first visit waits for it. Refuses: the
command line, which is Streamlit's, and its options, which are `dashboard.launch`'s.
"""

from importlib import import_module

from streamlit.web import cli

from dashboard.navigation import PAGES


def main() -> None:
    """Load the pages and hand the command line to Streamlit."""
    import_module("dashboard.app")
    for name in PAGES:
        import_module(f"dashboard.pages.{name}")
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
