"""`blanktrap train`."""

from typing import Annotated, Literal

import typer

from blanktrap.cli.augment_flags import Augment, NoAugment, parse_augment
from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import Frames, Preprocessing, TrainConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine


def train(
    manifest: Annotated[
        str | None, typer.Argument(metavar="MANIFEST", help="A manifest with labels, local or s3://.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="The checkpoint to write: a folder, local or s3://.")
    ] = None,
    describe: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Print what a model's card says, and train nothing."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Hold each location out once: a model for each of so many parts, and the scores of what it "
            "was not shown, for audit-labels. Resumes."
        ),
    ] = None,
    frames: Annotated[
        Frames | None,
        typer.Option(help="Frames to learn from (default all); only-media-level: judged one by one."),
    ] = None,
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
    auto_gamma: Annotated[
        bool,
        typer.Option("--auto-gamma", help="Brighten underexposed images and darken overexposed ones first."),
    ] = False,
    augment: Augment = None,
    no_augment: NoAugment = False,
    min_recall: Annotated[
        float | None, typer.Option(help="Nonblank recall that the recommended cutoff keeps.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of split, weights, order, augmentation.")] = None,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Train the blank model on labelled media."""
    storage = Storage(no_sign_request=no_sign_request)
    if describe is not None:
        if manifest is not None or out is not None:
            raise UsageError("give --describe MODEL alone: it prints a model card and trains nothing")
        print_lines(_describe(describe, storage))
        return
    if manifest is None or out is None:
        missing = "MANIFEST" if manifest is None else "--out"
        raise UsageError(f"missing {missing}; see blanktrap train --help")
    width_px, height_px = _parse_size(image_size)
    preprocessing = resolve(
        Preprocessing,
        {
            "width_px": width_px,
            "height_px": height_px,
            "fit": fit,
            "banner_top": banner_top,
            "banner_bottom": banner_bottom,
            "auto_gamma": auto_gamma,
        },
        flags={"width_px": "image-size", "height_px": "image-size"},
    )
    settings = resolve(
        TrainConfig,
        {
            "num_folds": folds,
            "frames": frames,
            "weights": weights,
            "num_epochs": num_epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "augment": parse_augment(augment, no_augment),
            "min_recall": min_recall,
            "seed": seed,
            "preprocessing": preprocessing,
        },
        flags={"num_folds": "folds"},
    )
    print_lines(_train(manifest, out, settings, storage))


def _describe(model: str, storage: Storage) -> list[str]:
    from blanktrap.core.reporting.card_text import describe_card
    from blanktrap.files.model_cards import read_card

    return describe_card(read_card(storage, model))


def _train(manifest: str, out: str, settings: TrainConfig, storage: Storage) -> list[str]:
    from blanktrap.files.manifest import open_manifest
    from blanktrap.vision.cross_validation import cross_validate
    from blanktrap.vision.training.one_machine import train as train_network

    with ProgressLine() as line:
        opened = open_manifest(storage, manifest)
        if settings.num_folds is not None:
            return cross_validate(opened, out, settings, storage, on_progress=line.show).lines()
        return train_network(
            opened, out, settings, storage, on_progress=lambda progress: line.show(progress.text())
        ).lines()


def _parse_size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--image-size {text}: expected width x height in pixels, such as 500x375")
    return int(width), int(height)
