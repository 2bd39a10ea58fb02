"""`blanktrap demo`: the whole main job on an archive that it draws.

Owns: the order of the steps, their settings, and what is said between them. Refuses: doing anything that
the commands themselves do not do; each step is the call of the command of its name.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from blanktrap.core.config import (
    TRAINED_BACKGROUND,
    ArchiveConfig,
    EvaluateConfig,
    IndexConfig,
    Preprocessing,
    ScoreConfig,
    SelectConfig,
    TrainConfig,
    WorkersConfig,
)
from blanktrap.core.errors import UsageError
from blanktrap.core.wording import duration
from blanktrap.files.storage import Storage

MARK = "demo.json"
RESULTS = ("manifest", "split", "model", "scores", "report")
# Small pictures: ResNet34 learns from nothing in some minutes on two cores.
PREPROCESSING = Preprocessing(width_px=128, height_px=96, banner_bottom=0.07, background=TRAINED_BACKGROUND)


def run_demo(
    out: Path, archive: ArchiveConfig, *, num_epochs: int | None, show: Callable[[str], None]
) -> Iterator[str]:
    """Draw, index, select, train, score, evaluate; yield what is to be printed after each step.

    Args:
        out: folder of the archive and all results. An earlier demo's results there are replaced.
        archive: what is drawn; an archive drawn with the same settings is used again.
        num_epochs: passes over the training media; None takes the default.
        show: shows a progress text.

    Raises:
        UsageError: `out` holds something that no demo wrote.
        BlanktrapError: a step failed.
    """
    from blanktrap.engines.scoring import score_manifest
    from blanktrap.engines.training import OnRay
    from blanktrap.files.evaluating import evaluate_scores
    from blanktrap.files.indexing import build_manifest
    from blanktrap.files.manifest import open_manifest
    from blanktrap.files.scores_reader import describe_run
    from blanktrap.files.selecting import select_splits
    from blanktrap.vision.background_gain import background_gain
    from blanktrap.vision.drawing.archive import draw_archive
    from blanktrap.vision.training.running import run_location, train

    clock = _Clock()
    _claim(out, archive)
    storage = Storage()
    folder, manifest, split, model, scores, report = (str(out / name) for name in ("archive", *RESULTS))
    yield "This demo draws its own images: its figures say nothing about real animals."

    drawn = draw_archive(
        Path(folder), archive, on_progress=lambda done, total: show(f"drew {done:,}/{total:,} images")
    )
    yield from clock.told(f"Drew an archive in {folder}", drawn.lines())

    indexed = build_manifest(
        [folder],
        manifest,
        annotations=[f"{folder}/annotations.json"],
        inventory=None,
        config=IndexConfig(),
        storage=storage,
        on_progress=lambda _, text: show(text),
    )
    yield from clock.told("Indexed it", indexed.lines())

    selected = select_splits(manifest, split, config=SelectConfig(seed=archive.seed), storage=storage)
    yield from clock.told("Put whole locations aside for validation and test", selected.lines())

    recipe = TrainConfig(weights="none", preprocessing=PREPROCESSING, seed=archive.seed)
    workers = WorkersConfig()
    with OnRay(workers, storage, run=run_location(model, workers)) as launcher:
        trained = train(
            open_manifest(storage, split),
            model,
            recipe.model_copy(update={"num_epochs": num_epochs}) if num_epochs else recipe,
            storage,
            launcher,
            on_progress=lambda progress: show(progress.text()),
        )
    yield from clock.told("Trained ResNet34 from nothing", trained.lines())

    run = score_manifest(
        split,
        model,
        scores,
        config=ScoreConfig(),
        storage=storage,
        on_progress=lambda progress: show(progress.text()),
    )
    yield from clock.told("Scored the archive", describe_run(scores, run))

    measured = evaluate_scores(scores, report, config=EvaluateConfig(), storage=storage)
    gained = background_gain(scores, model, storage)
    lines = [*measured.lines(), *gained]
    yield from clock.told("Measured it on the locations that the model never saw", lines)
    yield f"\nAll of it took {clock.total()}. The images are drawn. To look at them and move the cutoff:"
    yield f"  blanktrap dashboard {report}"


class _Clock:
    """Words how long each step took."""

    def __init__(self) -> None:
        self._started = self._step = time.monotonic()

    def told(self, what: str, lines: list[str]) -> Iterator[str]:
        now = time.monotonic()
        yield f"\n{what} ({duration(now - self._step)})"
        yield from (f"  {line}" if line else "" for line in lines)
        self._step = now

    def total(self) -> str:
        return duration(time.monotonic() - self._started)


def _claim(out: Path, archive: ArchiveConfig) -> None:
    """Make `out` ready: only what an earlier demo wrote there is removed."""
    mark = out / MARK
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give --out a folder")
    if not mark.exists() and out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty and no demo wrote it: give --out another folder")
    settings = archive.model_dump()
    if mark.exists():
        is_same = json.loads(mark.read_text()) == settings
        for name in RESULTS if is_same else ("archive", *RESULTS):
            shutil.rmtree(out / name, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(settings, indent=1))
