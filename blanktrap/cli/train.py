"""`blanktrap train`."""

import re
import sys
from typing import Annotated

import typer

from blanktrap.cli.augment_flags import Augment, NoAugment, parse_augment
from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import (
    TRAINED_BACKGROUND,
    Background,
    Balance,
    BoxesConfig,
    CalibrationKind,
    Frames,
    Precision,
    Preprocessing,
    TrainConfig,
    WorkersConfig,
    resolve,
)
from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine


def train(
    manifest: Annotated[
        str | None, typer.Argument(metavar="MANIFEST", help="A manifest with labels, local or s3://.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="The checkpoint to write: a folder, local or s3://. Resumes.")
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
    head_epochs: Annotated[
        int | None,
        typer.Option(help="First passes for the last layer alone (default 1; 0 with --weights none)."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Media in one step, over all workers together.")
    ] = None,
    micro_batch_size: Annotated[
        int | None, typer.Option(help="Media that a worker computes at once: lower it when memory is short.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    layer_decay: Annotated[
        float | None, typer.Option(help="Factor of the rate from one stage of the network to that below.")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of the weights, norms apart.")] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(help="Share of a label given to the other one.")
    ] = None,
    averaging_epochs: Annotated[
        float | None, typer.Option(help="Epochs that the average of the weights reaches back; 0: none.")
    ] = None,
    balance: Annotated[Balance | None, typer.Option(help="How a rare label is made up for.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better one that end training; 0: never.")
    ] = None,
    precision: Annotated[Precision | None, typer.Option(help="Number format of the arithmetic.")] = None,
    calibration: Annotated[
        CalibrationKind | None, typer.Option(help="How scores become probabilities.")
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(metavar="N|WxH", help="Long side of the network's input, or both (default 500x375)."),
    ] = None,
    letterbox: Annotated[
        bool | None,
        typer.Option(
            "--letterbox/--squash",
            help="Keep the shape of an image and pad it, or fill the input (default).",
        ),
    ] = None,
    banner_top: Annotated[
        float | None, typer.Option(help="Share of the height cropped at the top (the camera's banner).")
    ] = None,
    banner_bottom: Annotated[
        float | None, typer.Option(help="Share of the height cropped at the bottom.")
    ] = None,
    background: Annotated[
        Background | None,
        typer.Option(
            help="What a media is compared with: nothing, frames of its sequence, or others of its location "
            "too (default)."
        ),
    ] = None,
    auto_gamma: Annotated[
        bool,
        typer.Option("--auto-gamma", help="Brighten underexposed images and darken overexposed ones first."),
    ] = False,
    augment: Augment = None,
    no_augment: NoAugment = False,
    boxes: Annotated[
        list[str] | None,
        typer.Option(
            help="Boxes of animals, which the crop then spares: COCO Camera Traps or MegaDetector results. "
            "Repeatable."
        ),
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(help="Detections below it are no boxes (default 0.2).")
    ] = None,
    min_recall: Annotated[
        float | None, typer.Option(help="Nonblank recall that the recommended cutoff keeps.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of split, weights, order, augmentation.")] = None,
    num_workers: Annotated[
        str | None,
        typer.Option(metavar="N|MIN-MAX", help="Workers that learn together (default 1); MIN-MAX: elastic."),
    ] = None,
    use_gpu: Annotated[bool, typer.Option("--use-gpu", help="One GPU for each worker.")] = False,
    name: Annotated[str | None, typer.Option(help="Name of the run, to go on with under --storage.")] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="Where unfinished runs are kept, local or s3:// (default beside the checkpoint)."),
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(help="Local folder that keeps decoded images (default a temporary one)."),
    ] = None,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Train the blank model on labelled media. Interrupted, the same command goes on."""
    door = Storage(no_sign_request=no_sign_request)
    if describe is not None:
        if manifest is not None or out is not None:
            raise UsageError("give --describe MODEL alone: it prints a model card and trains nothing")
        print_lines(_describe(describe, door))
        return
    if manifest is None or out is None:
        missing = "MANIFEST" if manifest is None else "--out"
        raise UsageError(f"missing {missing}; see blanktrap train --help")
    width_px, height_px = _parse_size(image_size)
    min_workers, max_workers = _parse_workers(num_workers)
    preprocessing = resolve(
        Preprocessing,
        {
            "width_px": width_px,
            "height_px": height_px,
            "fit": None if letterbox is None else "letterbox" if letterbox else "squash",
            "banner_top": banner_top,
            "banner_bottom": banner_bottom,
            "background": background or TRAINED_BACKGROUND,
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
            "head_epochs": head_epochs,
            "batch_size": batch_size,
            "micro_batch_size": micro_batch_size,
            "learning_rate": learning_rate,
            "augment": parse_augment(augment, no_augment),
            "layer_decay": layer_decay,
            "weight_decay": weight_decay,
            "label_smoothing": label_smoothing,
            "averaging_epochs": averaging_epochs,
            "balance": balance,
            "patience": patience or None,
            "precision": precision,
            "calibration": calibration,
            "min_recall": min_recall,
            "seed": seed,
            "preprocessing": preprocessing,
        },
        flags={"num_folds": "folds"},
    )
    if patience == 0:
        settings = settings.model_copy(update={"patience": None})
    given = resolve(BoxesConfig, {"files": tuple(boxes or ()), "min_confidence": min_confidence})
    if min_confidence is not None and not boxes:
        raise UsageError("--min-confidence says which detections are boxes: pass --boxes too")
    if boxes and not settings.augment.crop:
        raise UsageError(
            "--boxes spares animals from the crop, which is off: leave it out, or give --augment crop=0.5"
        )
    workers = resolve(
        WorkersConfig,
        {
            "min_workers": min_workers,
            "max_workers": max_workers,
            "use_gpu": use_gpu,
            "name": name,
            "storage": storage,
            "cache": cache,
        },
        flags={"min_workers": "num-workers", "max_workers": "num-workers"},
    )
    print_lines(_train(manifest, out, settings, workers, given, door))


def _describe(model: str, storage: Storage) -> list[str]:
    from blanktrap.core.reporting.card_text import describe_card
    from blanktrap.files.model_cards import read_card

    return describe_card(read_card(storage, model))


def _train(
    manifest: str,
    out: str,
    settings: TrainConfig,
    workers: WorkersConfig,
    given: BoxesConfig,
    storage: Storage,
) -> list[str]:
    from blanktrap.files.given_boxes import read_labelled_boxes
    from blanktrap.files.manifest import open_manifest

    opened = open_manifest(storage, manifest)
    boxes, notes = read_labelled_boxes(storage, opened, given)
    # Told before the hours of training, into a log too.
    print_lines(notes)
    sys.stdout.flush()

    from blanktrap.engines.training import OnRay
    from blanktrap.vision.cross_validation import cross_validate
    from blanktrap.vision.training.running import run_location, train

    run = run_location(out, workers)
    with (
        ProgressLine() as line,
        OnRay(workers, storage, run=run, on_start=lambda: line.show("starting Ray")) as launcher,
    ):
        if settings.num_folds is not None:
            return cross_validate(
                opened,
                out,
                settings,
                storage,
                launcher,
                workers=workers,
                boxes=boxes,
                on_progress=line.show,
            ).lines()
        return train(
            opened,
            out,
            settings,
            storage,
            launcher,
            workers=workers,
            boxes=boxes,
            on_progress=lambda progress: line.show(progress.text()),
        ).lines()


def _parse_size(text: str | None) -> tuple[int | None, int | None]:
    """Width and height in pixels; a long side alone is that of a frame of 4 to 3."""
    if text is None:
        return None, None
    if text.isdecimal():
        return int(text), round(int(text) * 3 / 4)
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise UsageError(
            f"--image-size {text}: expected the long side or width x height in pixels, such as 500 or 500x375"
        )
    return int(width), int(height)


def _parse_workers(text: str | None) -> tuple[int | None, int | None]:
    """The fewest and the most workers."""
    if text is None:
        return None, None
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if found is None:
        raise UsageError(f"--num-workers {text}: expected a number or two, such as 4 or 2-8")
    return int(found[1]), int(found[2] or found[1])
