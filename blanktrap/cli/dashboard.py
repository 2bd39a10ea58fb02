"""`blanktrap dashboard`."""

from typing import Annotated

import typer

from blanktrap.cli.root import NoSignRequest


def dashboard(
    reports: Annotated[list[str], typer.Argument(metavar="REPORT", help="Reports, local or s3://.")],
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on 127.0.0.1.")] = 8501,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Open a report in the browser."""
    from dashboard.launch import launch

    launch(reports, port=port, no_sign_request=no_sign_request)
