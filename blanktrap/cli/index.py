"""`blanktrap index`."""

from typing import Annotated, get_args

import typer

from blanktrap.cli.root import NoSignRequest, OverwriteManifest, print_lines
from blanktrap.core.config import IndexConfig, resolve
from blanktrap.core.config.index import AnnotationFormatKey
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine


def index(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Folders, s3://bucket/prefix/, or a .txt, .csv or .parquet list of URIs. "
            "NAME=SOURCE puts NAME/ before the media's ids.",
        ),
    ] = None,
    out: Annotated[str, typer.Option(help="The manifest to write: a folder, local or s3://.")] = ...,  # type: ignore[assignment]
    annotations: Annotated[
        list[str] | None,
        typer.Option(help="Labels: a file, folder or zip of any known format. Repeatable."),
    ] = None,
    annotation_format: Annotated[
        AnnotationFormatKey | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help=f"Format of --annotations: {', '.join(get_args(AnnotationFormatKey))}; "
            "auto, the default, goes by content.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="What a label table's columns are called, such as path=file,label=is_empty."),
    ] = None,
    label_from_path: Annotated[
        bool,
        typer.Option(
            "--label-from-path",
            help="A file's folder is its label; {label} in --path-pattern names another folder.",
        ),
    ] = False,
    megadetector_cutoff: Annotated[
        float | None,
        typer.Option(help="Confidence from which a MegaDetector result as label is nonblank."),
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Count label rows that cannot be used and go on.")
    ] = False,
    inventory: Annotated[
        str | None, typer.Option(help="An S3 Inventory's manifest.json, read instead of listing.")
    ] = None,
    path_pattern: Annotated[
        str | None, typer.Option(help="Takes place from the path, such as {location}/{deployment}/{}.")
    ] = None,
    exif: Annotated[
        bool, typer.Option("--exif", help="Read capture time and night from the first 64 KiB of every file.")
    ] = False,
    sequence_gap: Annotated[
        float | None,
        typer.Option(help="Media of one location within so many seconds form a sequence (default 2)."),
    ] = None,
    overwrite: OverwriteManifest = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """List an archive and join its labels into a manifest."""
    from blanktrap.files.indexing import build_manifest

    settings = resolve(
        IndexConfig,
        {
            "path_pattern": path_pattern,
            "read_exif": exif,
            "sequence_gap_s": sequence_gap,
            "format": annotation_format,
            "columns": columns,
            "label_from_path": label_from_path,
            "megadetector_cutoff": megadetector_cutoff,
            "skip_bad_rows": skip_bad_rows,
        },
        flags={"sequence_gap_s": "sequence-gap"},
    )
    with ProgressLine() as line:
        summary = build_manifest(
            sources or [],
            out,
            annotations=annotations or [],
            inventory=inventory,
            config=settings,
            storage=Storage(no_sign_request=no_sign_request),
            overwrite=overwrite,
            on_progress=lambda _, text: line.show(text),
        )
    print_lines(summary.lines())
