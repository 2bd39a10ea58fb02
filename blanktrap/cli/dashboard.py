"""`blanktrap dashboard`."""

from typing import Annotated

import typer

from blanktrap.cli.root import NoSignRequest
from blanktrap.core.config import DashboardConfig, resolve
from blanktrap.files.outputs import recognise_output
from blanktrap.files.storage import Storage


def dashboard(
    locations: Annotated[
        list[str],
        typer.Argument(
            metavar="REPORT_OR_RUN",
            help="Reports, scores, models, folds, review queues, heatmaps; local or s3://.",
        ),
    ],
    address: Annotated[
        str | None, typer.Option(help="Address to listen on; any but this machine's needs --password.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port to listen on (default 8501).")
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="BLANKTRAP_DASHBOARD_PASSWORD",
            show_envvar=True,
            help="What visitors have to give. In the environment no other user of this machine sees it.",
        ),
    ] = None,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Look at results, choose the cutoff, review images."""
    config = resolve(DashboardConfig, {"address": address, "port": port, "password": password})
    storage = Storage(no_sign_request=no_sign_request)
    # What cannot be shown is said here, in the terminal, and not on a page.
    for location in locations:
        recognise_output(storage, location)
    from dashboard.launch import launch

    launch(locations, config, no_sign_request=no_sign_request)
