"""The command line: flags in, one call, printed lines out.

Owns: the names of commands and flags, printing, exit codes (0 done, 1 failed, 2 bad usage). Refuses:
doing any of the work. Heavy libraries are imported by the command that needs them, so that `--help`
answers at once.
"""

import logging
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

import blanktrap
from blanktrap.core import config
from blanktrap.core.errors import BlanktrapError, UsageError
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine

app = typer.Typer(
    name="blanktrap",
    help="Find the blank images in a camera-trap archive, and say how many animals a cutoff would lose.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

NoSignRequest = Annotated[
    bool, typer.Option("--no-sign-request", help="Read public S3 buckets without credentials.")
]
OverwriteManifest = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier manifest at --out.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"blanktrap {blanktrap.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is being done.")] = False,
) -> None:
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("blanktrap").setLevel(level)


@app.command()
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
        typer.Option(help="A file with labels: COCO Camera Traps JSON or CSV (path,label,…). Repeatable."),
    ] = None,
    inventory: Annotated[
        str | None, typer.Option(help="An S3 Inventory's manifest.json, read instead of listing.")
    ] = None,
    path_pattern: Annotated[
        str | None, typer.Option(help="Takes place from the path, such as {location}/{deployment}/{}.")
    ] = None,
    exif: Annotated[
        bool, typer.Option("--exif", help="Read capture times from the first 64 KiB of every file.")
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

    settings = config.resolve(
        config.IndexConfig,
        {"path_pattern": path_pattern, "read_exif": exif, "sequence_gap_s": sequence_gap},
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
    _print_lines(summary.lines())


@app.command()
def select(
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="A manifest with labels, local or s3://.")
    ],
    out: Annotated[str, typer.Option(help="The manifest to write, with its split column filled.")],
    shares: Annotated[
        str | None, typer.Option(help="Shares for train,val,test (default 0.6,0.2,0.2).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the deal.")] = None,
    overwrite: OverwriteManifest = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Put whole locations into train, val and test."""
    from blanktrap.files.selecting import select_splits

    settings = config.resolve(config.SelectConfig, {"shares": _parse_shares(shares), "seed": seed})
    storage = Storage(no_sign_request=no_sign_request)
    _print_lines(select_splits(manifest, out, config=settings, storage=storage, overwrite=overwrite).lines())


@app.command()
def train(
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="A manifest with labels, local or s3://.")
    ],
    out: Annotated[str, typer.Option(help="The checkpoint to write: a folder, local or s3://.")],
    weights: Annotated[
        str | None, typer.Option(help="imagenet (default), none, or a checkpoint to go on from.")
    ] = None,
    num_epochs: Annotated[int | None, typer.Option(help="Passes over the training media.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Media in one step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    image_size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Network input in pixels (default 500x375).")
    ] = None,
    fit: Annotated[
        Literal["squash", "letterbox"] | None, typer.Option(help="How an image is put into the input.")
    ] = None,
    banner_top: Annotated[
        float | None, typer.Option(help="Share of the height cropped at the top (the camera's banner).")
    ] = None,
    banner_bottom: Annotated[
        float | None, typer.Option(help="Share of the height cropped at the bottom.")
    ] = None,
    min_recall: Annotated[
        float | None, typer.Option(help="Nonblank recall that the recommended cutoff keeps.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of split, weights, order, augmentation.")] = None,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Train the blank model on labelled media."""
    from blanktrap.files.manifest import open_manifest
    from blanktrap.vision.training import train as train_network

    width_px, height_px = _parse_size(image_size)
    preprocessing = config.resolve(
        config.Preprocessing,
        {
            "width_px": width_px,
            "height_px": height_px,
            "fit": fit,
            "banner_top": banner_top,
            "banner_bottom": banner_bottom,
        },
        flags={"width_px": "image-size", "height_px": "image-size"},
    )
    settings = config.resolve(
        config.TrainConfig,
        {
            "weights": weights,
            "num_epochs": num_epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "min_recall": min_recall,
            "seed": seed,
            "preprocessing": preprocessing,
        },
    )
    storage = Storage(no_sign_request=no_sign_request)
    with ProgressLine() as line:
        summary = train_network(
            open_manifest(storage, manifest),
            out,
            settings,
            storage,
            on_progress=lambda progress: line.show(progress.text()),
        )
    _print_lines(summary.lines())


@app.command()
def score(
    manifest: Annotated[str, typer.Argument(metavar="MANIFEST", help="The manifest, local or s3://.")],
    model: Annotated[str, typer.Option(help="The checkpoint directory, local or s3://.")],
    out: Annotated[str, typer.Option(help="The scores dataset: a folder, local or s3://. Resumes.")],
    num_gpus: Annotated[float | None, typer.Option(help="GPUs of one inference actor (default 0).")] = None,
    min_actors: Annotated[int | None, typer.Option(help="Inference actors at the least.")] = None,
    max_actors: Annotated[int | None, typer.Option(help="Inference actors at the most.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in one batch (default 32).")] = None,
    chunk_size: Annotated[int | None, typer.Option(help="Manifest rows in one output file.")] = None,
    fetch_threads: Annotated[
        int | None, typer.Option(help="Objects one decoding task fetches at a time (default 8).")
    ] = None,
    precision: Annotated[config.Precision | None, typer.Option(help="Number format of inference.")] = None,
    max_pixels: Annotated[int | None, typer.Option(help="Larger images are too_large.")] = None,
    max_bytes: Annotated[int | None, typer.Option(help="Larger files are too_large, not fetched.")] = None,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Score every media of a manifest. Interrupted, the same command goes on where it stopped."""
    from blanktrap.engines.scoring import score_manifest
    from blanktrap.files.scores_reader import describe_run

    limits = config.resolve(config.DecodeLimits, {"max_pixels": max_pixels, "max_bytes": max_bytes})
    settings = config.resolve(
        config.ScoreConfig,
        {
            "num_gpus": num_gpus,
            "min_actors": min_actors,
            "max_actors": max_actors,
            "batch_size": batch_size,
            "chunk_size": chunk_size,
            "fetch_threads": fetch_threads,
            "precision": precision,
            "limits": limits,
        },
    )
    with ProgressLine() as line:
        run = score_manifest(
            manifest,
            model,
            out,
            config=settings,
            storage=Storage(no_sign_request=no_sign_request),
            on_progress=lambda progress: line.show(progress.text()),
        )
    _print_lines(describe_run(out, run))


@app.command()
def evaluate(
    scores: Annotated[str, typer.Argument(metavar="SCORES", help="The scores dataset, local or s3://.")],
    out: Annotated[str, typer.Option(help="The report to write: a folder, local or s3://.")],
    labels: Annotated[
        str | None, typer.Option(help="A manifest whose labels replace those the scores carry.")
    ] = None,
    cutoff: Annotated[
        float | None, typer.Option(help="Media at or above it are kept (default: the model card's).")
    ] = None,
    blank_rate: Annotated[
        float | None, typer.Option(help="Share of blanks in the archive to extrapolate to (default 0.75).")
    ] = None,
    images_per_hour: Annotated[
        float | None, typer.Option(help="Images one person excludes in an hour (default 500).")
    ] = None,
    hours_per_week: Annotated[
        float | None, typer.Option(help="Working hours in a week (default 40).")
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"] | None,
        typer.Option(help="Part to measure on (default: test where there is one, else all)."),
    ] = None,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Measure a run that has not finished.")
    ] = False,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Measure places that the model has seen; warned of.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier report at --out.")
    ] = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Measure scores against labels: precision, recall, hours saved."""
    from blanktrap.files.evaluating import evaluate_scores

    settings = config.resolve(
        config.EvaluateConfig,
        {
            "cutoff": cutoff,
            "blank_rate": blank_rate,
            "images_per_hour": images_per_hour,
            "hours_per_week": hours_per_week,
            "split": split,
            "allow_incomplete": allow_incomplete,
            "allow_seen": allow_seen,
        },
    )
    report = evaluate_scores(
        scores,
        out,
        config=settings,
        storage=Storage(no_sign_request=no_sign_request),
        labels=labels,
        overwrite=overwrite,
    )
    _print_lines(report.lines())


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the archive and all results.")] = Path("demo"),
    images: Annotated[int | None, typer.Option(help="Images to draw (default 1200).")] = None,
    locations: Annotated[int | None, typer.Option(help="Locations to draw (default 12).")] = None,
    difficulty: Annotated[
        float | None, typer.Option(help="0: large clear animals … 1: small, hidden, blurred, at night.")
    ] = None,
    num_epochs: Annotated[int | None, typer.Option(help="Passes over the training media.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the archive and the training.")] = None,
) -> None:
    """Draw an archive, then index, train, score and evaluate."""
    from blanktrap.demo import run_demo

    archive = config.resolve(
        config.ArchiveConfig,
        {"num_images": images, "num_locations": locations, "difficulty": difficulty, "seed": seed},
        flags={"num_images": "images", "num_locations": "locations"},
    )
    config.resolve(config.TrainConfig, {"num_epochs": num_epochs})  # refused before anything is drawn
    with ProgressLine() as line:
        for text in run_demo(out, archive, num_epochs=num_epochs, show=line.show):
            line.leave(text)


@app.command()
def dashboard(
    reports: Annotated[list[str], typer.Argument(metavar="REPORT", help="Reports, local or s3://.")],
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on 127.0.0.1.")] = 8501,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Open a report in the browser."""
    from dashboard.launch import launch

    launch(reports, port=port, no_sign_request=no_sign_request)


def _parse_shares(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    refusal = UsageError(f"--shares {text}: expected three shares, such as 0.6,0.2,0.2")
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError as problem:
        raise refusal from problem
    if len(shares) != 3:
        raise refusal
    return shares


def _parse_size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--image-size {text}: expected width x height in pixels, such as 500x375")
    return int(width), int(height)


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        print(line)


def main(command: str | None = None) -> None:
    """Run the command line; `command` is put before the arguments by the entry points in `jobs/`."""
    arguments = sys.argv[1:] if command is None else [command, *sys.argv[1:]]
    try:
        code = app(args=arguments or ["--help"], prog_name="blanktrap", standalone_mode=False)
    except BlanktrapError as problem:
        _print_error(str(problem))
        sys.exit(problem.exit_code)
    except typer.TyperException as problem:
        _print_error(_reworded(problem))
        sys.exit(problem.exit_code)
    sys.exit(code or 0)


def _reworded(problem: typer.TyperException) -> str:
    """What typer found wrong, in the form of our own messages."""
    message = (
        problem.format_message().replace("Value error, ", "").replace(": Input should", ": input should")
    )
    message = f"{message[:1].lower()}{message[1:].rstrip('.')}"
    context = getattr(problem, "ctx", None)
    if context is None or message.endswith("?"):
        return message
    return f"{message}; see {context.command_path} --help"


def _print_error(message: str) -> None:
    """Print one line, whatever a file name in it holds."""
    line = " ".join(message.split())
    plain = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
    print(f"blanktrap: {plain}", file=sys.stderr)
