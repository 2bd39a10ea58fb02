"""`blanktrap explain`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blanktrap.cli.augment_flags import Augment, NoAugment, parse_augment
from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import AugmentConfig, ExplainConfig, Precision, resolve
from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine

if TYPE_CHECKING:
    from blanktrap.files.explained_media import MediaSource


def explain(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="The checkpoint directory, local or s3://; with --augmentations there is none.",
        ),
    ],
    media: Annotated[
        list[str] | None,
        typer.Argument(metavar="MEDIA", help="Images, folders, lists or manifests, local or s3://."),
    ] = None,
    out: Annotated[str, typer.Option(help="A new folder for pictures and table, local or s3://.")] = ...,  # type: ignore[assignment]
    scores: Annotated[str | None, typer.Option(help="Scores whose media to look at instead.")] = None,
    worst: Annotated[
        int | None,
        typer.Option(help="So many worst errors of --scores: nonblank scored low, blank scored high."),
    ] = None,
    boxes: Annotated[
        list[str] | None,
        typer.Option(help="Animals' boxes: COCO Camera Traps or MegaDetector results. Repeatable."),
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(help="Detections below it are no boxes (default 0.2).")
    ] = None,
    with_people: Annotated[
        bool, typer.Option("--with-people", help="Boxes of persons and vehicles count as well.")
    ] = False,
    location: Annotated[
        list[str] | None, typer.Option(help="Only media of this location. Repeatable.")
    ] = None,
    label: Annotated[
        Literal["blank", "nonblank"] | None, typer.Option(help="Only media with this label.")
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"] | None, typer.Option(help="Only media of this split.")
    ] = None,
    num_images: Annotated[
        int | None, typer.Option(help="Most media; more are drawn by chance (default 40).")
    ] = None,
    precision: Annotated[Precision | None, typer.Option(help="Number format of the arithmetic.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the draw.")] = None,
    augmentations: Annotated[
        bool,
        typer.Option(
            "--augmentations", help="Show what training may do to the MEDIA instead; there is no MODEL then."
        ),
    ] = False,
    augment: Augment = None,
    no_augment: NoAugment = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Show where the model looks, or what training may vary."""
    chances = parse_augment(augment, no_augment)
    if augmentations:
        if scores is not None or worst is not None or boxes:
            raise UsageError("--augmentations looks at images alone: leave --scores, --worst and --boxes out")
        media = [model, *(media or ())]
    elif chances is not None:
        raise UsageError("--augment and --no-augment go with --augmentations: give that too")
    if (scores is None) == (not media):
        raise UsageError("give the media to look at: images, folders, lists or manifests, or else --scores")
    if worst is not None and scores is None:
        raise UsageError("--worst finds errors by scores and labels: pass --scores too")
    if worst is not None and num_images is not None:
        raise UsageError("--worst says how many already: leave --num-images out")
    settings = resolve(
        ExplainConfig,
        {
            "num_images": num_images,
            "num_worst": worst,
            "locations": tuple(location) if location else None,
            "label": label,
            "split": split,
            "min_confidence": min_confidence,
            "with_people": with_people or None,
            "precision": precision,
            "seed": seed,
        },
        flags={"num_worst": "worst", "locations": "location"},
    )
    if (min_confidence is not None or with_people) and not boxes:
        raise UsageError("--min-confidence and --with-people say which boxes count: pass --boxes too")
    from blanktrap.files.explained_media import MediaSource

    storage = Storage(no_sign_request=no_sign_request)
    source = MediaSource(storage=storage, named=tuple(media or ()), scores=scores)
    if augmentations:
        print_lines(_show_augmentations(source, out, settings, chances or AugmentConfig()))
        return
    from blanktrap.vision.explaining import explain as explain_media

    with ProgressLine() as line:
        summary = explain_media(
            model,
            source,
            out,
            config=settings,
            storage=storage,
            boxes=tuple(boxes or ()),
            on_progress=line.show,
        )
    print_lines(summary.lines())


def _show_augmentations(
    source: "MediaSource", out: str, settings: ExplainConfig, chances: AugmentConfig
) -> list[str]:
    from blanktrap.vision.augmentation.showing import show_augmentations

    with ProgressLine() as line:
        return show_augmentations(
            source, out, config=settings, augment=chances, storage=source.storage, on_progress=line.show
        )
