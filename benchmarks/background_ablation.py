"""What the background is worth: `python benchmarks/background_ablation.py MANIFEST --keep FOLDER`.

MANIFEST has labels: of real images, or of an archive that `--draw` draws there first. Media are dealt to
folds by location, each fold is scored by a network, ResNet34, that has not seen it, and the held-out scores
of all folds are judged together. Networks begin from nothing, or with the model that `--weights` names, which
must not have seen the manifest's locations and is judged too, as it is. Variants:

    heuristic   no network: the quantile --quantile of |coded difference|
    single      colours alone
    difference  the difference and its mask alone; colours are blotted out
    both        colours, difference and mask

A fold that is done is kept in FOLDER and not trained again.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from blanktrap.core.config import (
    NUM_COLOURS,
    ArchiveConfig,
    Background,
    IndexConfig,
    Preprocessing,
    TrainConfig,
)
from blanktrap.core.selection.folds import deal_folds
from blanktrap.core.selection.splits import split_by_location
from blanktrap.core.statistics.calibration import fit_calibration
from blanktrap.core.statistics.cutoffs import best_blank_recall
from blanktrap.core.statistics.metrics import area_under_roc, average_precision
from blanktrap.core.vocabulary import Label, Split
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.storage import Storage
from blanktrap.vision.background import NO_CHANGE
from blanktrap.vision.checkpoints import first_network
from blanktrap.vision.labelled_media import LabelledMedia, group_rows, media_of, read_labelled_rows
from blanktrap.vision.scorer import Scorer
from blanktrap.vision.training.cached_feed import decoder_here
from blanktrap.vision.training.feeds import MemoryFeed
from blanktrap.vision.training.loop import TrainingLoop

VARIANTS = ("heuristic", "single", "difference", "both")
RECALL = 0.96


def main() -> None:
    arguments = parse()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if arguments.draw:
        config = ArchiveConfig(num_images=arguments.draw, difficulty=0.6, num_corrupt=0)
        draw(arguments.manifest, config)
    width_px, _, height_px = arguments.image_size.partition("x")
    preprocessing = Preprocessing(
        width_px=int(width_px),
        height_px=int(height_px),
        banner_top=arguments.banner_top,
        banner_bottom=arguments.banner_bottom,
        background=arguments.background,
    )
    archive = Archive(arguments.manifest, preprocessing)
    if is_model(arguments.weights):
        as_it_is = figures_of(untouched(archive, arguments.weights), archive)
        print(f"{arguments.weights} as it is: {told(as_it_is)}", flush=True)
    for variant in arguments.variants.split(","):
        reached = []
        for seed in range(arguments.seeds):
            scores = archive.heuristic(arguments.quantile)
            seconds = archive.seconds_per_image
            if variant != "heuristic":
                scores, seconds = held_out(archive, variant, seed, arguments)
            reached.append(figures_of(scores, archive))
            print(f"{variant}, seed {seed}: {told(reached[-1])}; {1 / seconds:.1f} images/s", flush=True)
            if variant == "heuristic":
                break
        if len(reached) > 1:
            print(f"{variant}, {len(reached)} seeds: {spread(reached)}", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("manifest")
    parser.add_argument("--keep", type=Path, required=True, help="folder of finished folds")
    parser.add_argument("--draw", type=int, help="draw an archive of so many images and index it to MANIFEST")
    parser.add_argument("--background", choices=get_args(Background)[1:], default="location")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--weights", default="none", help="none, imagenet, or a model to begin with")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only-folds", help="such as 0,1: train these and print nothing of the others")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--image-size", default="128x96")
    parser.add_argument("--banner-top", type=float, default=0.06)
    parser.add_argument("--banner-bottom", type=float, default=0.06)
    parser.add_argument("--num-epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--quantile", type=float, default=0.998)
    return parser.parse_args()


def draw(manifest: str, config: ArchiveConfig) -> None:
    """Draw an archive beside MANIFEST and index it there; what stands is kept."""
    from blanktrap.vision.drawing.archive import draw_archive

    drawn = draw_archive(Path(f"{manifest}-images"), config)
    if not Path(manifest).exists():
        build_manifest(
            [str(drawn.folder)],
            manifest,
            annotations=[str(drawn.annotations)],
            inventory=None,
            config=IndexConfig(),
            storage=Storage(),
        )


class Archive:
    """Labelled media with their pixels, difference and mask, in memory."""

    def __init__(self, manifest: str, preprocessing: Preprocessing) -> None:
        storage = Storage()
        opened = open_manifest(storage, manifest)
        self.preprocessing = preprocessing
        rows = read_labelled_rows(opened, storage, preprocessing.background)
        started = time.perf_counter()
        media = media_of(rows, [Split.TEST] * rows.num_rows)
        decode = decoder_here(media, preprocessing, storage, num_threads=2)
        images = [loaded.image for loaded in decode(np.arange(rows.num_rows))]
        self.seconds_per_image = (time.perf_counter() - started) / rows.num_rows
        is_there = np.array([image is not None for image in images])
        self.rows = rows.filter(is_there)
        self.is_nonblank = np.array([one == Label.NONBLANK for one in self.rows.column("label").to_pylist()])
        decoded = [image for image in images if image is not None]
        self.pixels = np.stack([image.pixels for image in decoded])
        self.is_night = np.array([image.is_night for image in decoded])
        has_background = np.mean([image.has_background for image in decoded])
        print(
            f"{len(decoded):,} labelled media, {self.is_nonblank.mean():.1%} nonblank, "
            f"{self.is_night.mean():.1%} by night, {has_background:.1%} with a background "
            f"({preprocessing.background}), {preprocessing.width_px}x{preprocessing.height_px}",
            flush=True,
        )

    def heuristic(self, quantile: float) -> np.ndarray:
        """How much changed, where it changed most."""
        apart = np.abs(self.pixels[..., NUM_COLOURS].astype(np.int16) - NO_CHANGE)
        found: np.ndarray = np.quantile(apart.reshape(len(apart), -1), quantile, axis=1) / NO_CHANGE
        return found

    def pixels_for(self, variant: str) -> tuple[np.ndarray, Preprocessing]:
        """What a variant's network sees."""
        if variant == "single":
            alone = self.preprocessing.model_copy(update={"background": "none"})
            return np.ascontiguousarray(self.pixels[..., :NUM_COLOURS]), alone
        pixels = self.pixels.copy()
        if variant == "difference":
            pixels[..., :NUM_COLOURS] = np.rint(255 * np.array(self.preprocessing.mean)).astype(np.uint8)
        return pixels, self.preprocessing


def is_model(weights: str) -> bool:
    """Whether first weights are those of a checkpoint."""
    return weights not in ("none", "imagenet")


def named(weights: str) -> str:
    """First weights in the names of finished folds: a folder's name would not tell two models apart."""
    return read_card(Storage(), weights).model_id if is_model(weights) else weights


def untouched(archive: Archive, weights: str) -> np.ndarray:
    """Scores of a model that has learned nothing of this archive."""
    scorer = Scorer.load(Storage(), weights)
    num_channels = scorer.preprocessing.num_channels
    return scorer.score_pixels(np.ascontiguousarray(archive.pixels[..., :num_channels]))


def held_out(
    archive: Archive, variant: str, seed: int, arguments: argparse.Namespace
) -> tuple[np.ndarray, float]:
    """Scores of all media, each by a network that has not seen its location, and seconds an image."""
    groups = group_rows(archive.rows)
    folds = deal_folds(groups, archive.is_nonblank, num_folds=arguments.folds, seed=seed)
    scores = np.full(len(folds), np.nan)
    seconds = []
    of_folds = []
    began = "" if arguments.weights == "none" else f"{named(arguments.weights)}-"
    only = range(arguments.folds)
    if arguments.only_folds:
        only = [int(fold) for fold in arguments.only_folds.split(",")]
    for fold in only:
        run = f"{arguments.background}-{arguments.image_size}-{arguments.num_epochs}"
        name = f"{run}-{began}{variant}-{seed}-{fold}"
        kept = arguments.keep / f"{name}.json"
        mine = folds == fold
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            found, took_s = train_fold(archive, variant, seed, mine, groups, arguments)
            kept.write_text(json.dumps({"scores": found.tolist(), "seconds": took_s}))
        record = json.loads(kept.read_text())
        scores[mine] = record["scores"]
        seconds.append(record["seconds"])
        of_folds.append(figures_of(np.where(mine, scores, np.nan), archive))
        print(f"  {variant}, seed {seed}, fold {fold}: {mine.sum()} media, {told(of_folds[-1])}", flush=True)
    print(f"  {variant}, seed {seed}, within a fold: {spread(of_folds)}", flush=True)
    return scores, float(np.mean(seconds))


def train_fold(
    archive: Archive,
    variant: str,
    seed: int,
    is_held_out: np.ndarray,
    groups: list[str],
    arguments: argparse.Namespace,
) -> tuple[np.ndarray, float]:
    """Train without some media, keep the epoch that is best on some of the others, score those left out."""
    pixels, preprocessing = archive.pixels_for(variant)
    config = TrainConfig(
        weights=arguments.weights,
        num_epochs=arguments.num_epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        patience=None,
        preprocessing=preprocessing,
        seed=seed,
    )
    others = np.flatnonzero(~is_held_out)
    dealt = split_by_location(
        [groups[index] for index in others],
        archive.is_nonblank[others],
        shares={Split.TRAIN: 0.85, Split.VAL: 0.15},
        seed=seed,
    )
    media: LabelledMedia = media_of(archive.rows.take(others), list(dealt))
    feeds = (MemoryFeed(pixels[others], archive.is_night[others]) for _ in range(2))
    torch.manual_seed(seed)
    network = first_network(Storage(), arguments.weights, preprocessing.num_channels)
    loop = TrainingLoop(network, media, *feeds, config, device=torch.device("cpu"))
    for record in loop.epochs():
        print(f"    {record.line(config.num_epochs)}", flush=True)
    network.load_state_dict(loop.state.best)
    judged = loop.state.best_scores
    # Scores of several networks are judged together: calibrated, as those of a model are.
    calibration = fit_calibration(judged.p_nonblank, media.is_nonblank[judged.rows], config.calibration)
    scorer = Scorer(network.eval(), preprocessing, device="cpu", calibration=calibration)
    started = time.perf_counter()
    scores = scorer.score_pixels(pixels[is_held_out])
    return scores, (time.perf_counter() - started) / len(scores)


def figures_of(scores: np.ndarray, archive: Archive) -> dict[str, float]:
    """Figures of all media, and of those by day and by night."""
    found: dict[str, float] = {}
    is_scored = np.isfinite(scores)
    by_day, by_night = is_scored & ~archive.is_night, is_scored & archive.is_night
    for part, is_in in (("", is_scored), ("day ", by_day), ("night ", by_night)):
        if len(set(archive.is_nonblank[is_in].tolist())) < 2:
            continue
        mine = scores[is_in], archive.is_nonblank[is_in]
        found[f"{part}AUROC"] = area_under_roc(*mine)
        found[f"{part}AP"] = average_precision(*mine)
        found[f"{part}blanks removed"] = best_blank_recall(*mine, min_recall=RECALL) or 0.0
    return found


def told(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


def spread(reached: list[dict[str, float]]) -> str:
    def columns() -> Iterator[str]:
        for name in reached[0]:
            # A fold may have one label alone by night.
            values = np.array([one[name] for one in reached if name in one])
            yield f"{name} {values.mean():.3f} ± {values.std(ddof=min(1, len(values) - 1)):.3f}"

    return ", ".join(columns())


if __name__ == "__main__":
    main()
