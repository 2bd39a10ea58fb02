"""`blanktrap demo`."""

from pathlib import Path
from typing import Annotated

import typer

from blanktrap.core.config import ArchiveConfig, TrainConfig, resolve
from blanktrap.progress import ProgressLine


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

    archive = resolve(
        ArchiveConfig,
        {"num_images": images, "num_locations": locations, "difficulty": difficulty, "seed": seed},
        flags={"num_images": "images", "num_locations": "locations"},
    )
    resolve(TrainConfig, {"num_epochs": num_epochs})  # refused before anything is drawn
    with ProgressLine() as line:
        for text in run_demo(out, archive, num_epochs=num_epochs, show=line.show):
            line.leave(text)
