"""`blanktrap export`."""

from typing import Annotated, Literal

import typer

from blanktrap.cli.root import Cutoff, KeepSequences, NoSignRequest, ReviewBelow, print_lines
from blanktrap.core.config import ExportConfig, ExportFormatName, resolve
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine


def export(
    scores: Annotated[str, typer.Argument(metavar="SCORES", help="The scores dataset, local or s3://.")],
    format_: Annotated[
        ExportFormatName,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="megadetector, camtrap-dp, timelapse, wildlife-insights, coco, csv or parquet.",
        ),
    ],
    out: Annotated[str, typer.Option(help="The file or folder to write, local or s3://.")],
    cutoff: Cutoff = None,
    review_below: ReviewBelow = None,
    keep_sequences: KeepSequences = False,
    timezone: Annotated[
        str | None,
        typer.Option(help="What the cameras' clocks were set to: UTC, +02:00, Africa/Nairobi (camtrap-dp)."),
    ] = None,
    coordinates: Annotated[
        str | None,
        typer.Option(
            help="CSV of location_id or deployment_id, latitude, longitude (camtrap-dp, wildlife-insights)."
        ),
    ] = None,
    levels: Annotated[
        Literal["media", "event", "both"] | None,
        typer.Option(help="Observations of each media, each sequence, or both (camtrap-dp; default both)."),
    ] = None,
    tables: Annotated[
        Literal["csv", "gzip", "parquet"] | None,
        typer.Option(help="Form of the package's tables (camtrap-dp; default csv)."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="Address below which the media are published (camtrap-dp, wildlife-insights)."),
    ] = None,
    project_id: Annotated[
        str | None, typer.Option(help="The project at Wildlife Insights (wildlife-insights).")
    ] = None,
    by_location: Annotated[
        bool,
        typer.Option(
            "--by-location",
            help="One file for each location, names relative to the folder of its media (megadetector).",
        ),
    ] = False,
    columns: Annotated[
        str | None, typer.Option(help="Columns of the table, separated by commas (csv, parquet).")
    ] = None,
    exact_names: Annotated[
        bool,
        typer.Option("--exact-names", help="Keep names in CSV that a spreadsheet would run as a formula."),
    ] = False,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Export a run that has not finished.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export at --out.")
    ] = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Write the result for another tool: Timelapse, Camtrap DP, …"""
    from blanktrap.files.exporting import export_scores

    settings = resolve(
        ExportConfig,
        {
            "format": format_,
            "cutoff": cutoff,
            "review_below": review_below,
            "keep_sequences": keep_sequences,
            "timezone": timezone,
            "levels": levels,
            "tables": tables,
            "base_url": base_url,
            "project_id": project_id,
            "by_location": by_location,
            "columns": None if columns is None else tuple(name.strip() for name in columns.split(",")),
            "exact_names": exact_names,
            "allow_incomplete": allow_incomplete,
        },
    )
    with ProgressLine() as line:
        exported = export_scores(
            scores,
            out,
            config=settings,
            storage=Storage(no_sign_request=no_sign_request),
            coordinates=coordinates,
            overwrite=overwrite,
            on_progress=line.show,
        )
    print_lines(exported.lines())
