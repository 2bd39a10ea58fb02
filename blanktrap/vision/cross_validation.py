"""Cross-validation: every labelled media is scored by a model that has not seen its location.

Owns: what each fold learns from, which folds are there already, and the order of the work. Refuses: the
recipe (`training`), starting workers, and the scores dataset (`out_of_fold`).

The folder holds `folds.json` (what the folds are of, written first), `fold-0` … (a checkpoint each) and
`out-of-fold` (scores). The cache of decoded images serves all folds. A start that follows another one trains
the folds whose checkpoint is not there, the unfinished one from its last epoch.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.config import TrainConfig, WorkersConfig
from blanktrap.core.errors import LossError, TrainingError
from blanktrap.core.model_card import CARD_NAME, WEIGHTS_NAME, ModelCard
from blanktrap.core.schemas import MANIFEST_SCHEMA
from blanktrap.core.selection.folds import deal_folds, fold_lines
from blanktrap.core.selection.frames import choose_frames, describe_left_out
from blanktrap.core.selection.splits import split_by_location
from blanktrap.core.vocabulary import Label, Split
from blanktrap.files.folds import HELD_OUT_SCORES, claim_folds
from blanktrap.files.given_boxes import BoxesByMedia
from blanktrap.files.manifest import Manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.scores import OpenRun
from blanktrap.files.storage import Storage, join
from blanktrap.vision.labelled_media import (
    LabelledMedia,
    group_rows,
    media_of,
    read_labelled_rows,
    refuse_one_sided,
)
from blanktrap.vision.loading import LoadedImage
from blanktrap.vision.out_of_fold import (
    HeldOut,
    OutOfFold,
    begin_out_of_fold,
    read_out_of_fold,
    write_out_of_fold,
)
from blanktrap.vision.scorer import Scorer
from blanktrap.vision.training.cached_feed import CachedFeed
from blanktrap.vision.training.preparation import warn_of_banner
from blanktrap.vision.training.running import Launcher, run_location, train_media

_SCORING_BATCH = 64
_NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True, kw_only=True)
class FoldsSummary:
    """What cross-validation ended with."""

    out: str
    num_folds: int
    num_labelled: int
    measured: OutOfFold
    notes: list[str]
    """What was left out or not used, in plain words."""

    def lines(self) -> list[str]:
        """The summary for people."""
        total, scores = self.measured.figures[-1], join(self.out, HELD_OUT_SCORES)
        lines = [
            f"{self.num_folds} folds: {total.num_media:,} of {self.num_labelled:,} labelled media of "
            f"{total.num_locations:,} locations scored by models that have not seen their location",
            *fold_lines(self.measured.figures),
            "each cutoff is chosen on the media it is told for, so others may lose more; the models of the "
            "folds score on scales of their own, which the line `all` mixes",
        ]
        if self.measured.not_scored:
            told = ", ".join(f"{num:,} {status}" for status, num in self.measured.not_scored.items())
            lines.append(f"not scored: {told} of the labelled images (--verbose names them)")
        if self.measured.num_without_location:
            lines.append(
                f"{self.measured.num_without_location:,} scored media have no location: they are held out by "
                f"sequence, and nobody can tell whether a model has seen their place"
            )
        return [
            *lines,
            *self.notes,
            f"models in {join(self.out, 'fold-0')} … fold-{self.num_folds - 1}, scores in {scores}",
            f"next: blanktrap audit-labels {scores} --out {join(self.out, 'review')}",
        ]


def cross_validate(
    manifest: Manifest,
    out: str,
    config: TrainConfig,
    storage: Storage,
    launcher: Launcher,
    *,
    workers: WorkersConfig | None = None,
    boxes: BoxesByMedia | None = None,
    on_progress: Callable[[str], None] = lambda text: None,
) -> FoldsSummary:
    """Train a model for each fold and score the labelled media that it was not shown.

    Args:
        manifest: with labels; its splits are not used, since each labelled media is held out once.
        out: the folder of folds and scores; an earlier start of the same folds is gone on with.
        config: the recipe, `num_folds` set. `frames` chooses what is learned from; all labelled media are
            scored.
        storage: reads media, writes checkpoints and scores.
        launcher: starts the workers of each fold.
        workers: where the state of an unfinished fold is kept; None: beside the folder.
        boxes: of animals that the crop is to spare.
        on_progress: shows a progress text.

    Raises:
        TrainingError: too few locations, a label missing in a fold's part, a folder of other folds, or as
            `training.running.train`.
        BlanktrapError: manifest, media, checkpoints or scores cannot be read or written.
    """
    assert config.num_folds is not None  # the command line's own promise
    warn_of_banner(config)
    rows = read_labelled_rows(manifest, storage, config.preprocessing.background)
    is_nonblank = np.array([label == Label.NONBLANK for label in rows.column("label").to_pylist()])
    groups = group_rows(rows)
    folds = deal_folds(groups, is_nonblank, num_folds=config.num_folds, seed=config.seed)
    learned = choose_frames(rows, config.frames)
    is_learned = pc.is_in(rows.column("media_id"), learned.column("media_id")).to_numpy()
    splits = [
        _splits_beside(fold, folds, groups, is_nonblank, is_learned, config)
        for fold in range(config.num_folds)
    ]
    parts = [media_of(rows, one) for one in splits]
    for fold, part in enumerate(parts):
        refuse_one_sided(part, where=_beginning(fold))
    _refuse_seen_weights(storage, config, parts[0])
    claim_folds(storage, out, manifest, config, boxes or {})
    plan = _Plan(
        manifest=manifest,
        out=out,
        config=config,
        storage=storage,
        workers=workers or WorkersConfig(),
        boxes=boxes or {},
        rows=rows,
        folds=folds,
    )
    _run(plan, splits, launcher, on_progress)
    return FoldsSummary(
        out=out,
        num_folds=config.num_folds,
        num_labelled=rows.num_rows,
        measured=read_out_of_fold(storage, join(out, HELD_OUT_SCORES)),
        notes=_notes(rows, rows.num_rows - learned.num_rows, config),
    )


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What all folds share."""

    manifest: Manifest
    out: str
    config: TrainConfig
    storage: Storage
    workers: WorkersConfig
    boxes: BoxesByMedia
    rows: pa.Table
    folds: np.ndarray

    @property
    def num_folds(self) -> int:
        """Folds that the media are dealt to."""
        return int(self.folds.max()) + 1

    @property
    def scores(self) -> str:
        """The dataset of held-out scores."""
        return join(self.out, HELD_OUT_SCORES)

    def place(self, fold: int) -> str:
        """The checkpoint of a fold."""
        return join(self.out, f"fold-{fold}")

    def beginning(self, fold: int) -> str:
        """How progress names a fold."""
        return f"fold {fold} ({fold + 1} of {self.num_folds}): "


def _splits_beside(
    fold: int,
    folds: np.ndarray,
    groups: list[str],
    is_nonblank: np.ndarray,
    is_learned: np.ndarray,
    config: TrainConfig,
) -> list[str | None]:
    """`train`, `val`, or `test` where held out; None for frames that are not learned from."""
    learned = np.flatnonzero((folds != fold) & is_learned)
    shares = {Split.TRAIN: 1.0 - config.val_share, Split.VAL: config.val_share}
    dealt = split_by_location(
        [groups[index] for index in learned], is_nonblank[learned], shares=shares, seed=config.seed
    )
    splits: list[str | None] = [Split.TEST if one == fold else None for one in folds.tolist()]
    for index, split in zip(learned, dealt, strict=True):
        splits[index] = split
    return splits


def _run(
    plan: _Plan, splits: list[list[str | None]], launcher: Launcher, show: Callable[[str], None]
) -> None:
    """Do what is left to do."""
    standing = [_standing_card(plan, fold) for fold in range(len(splits))]
    if None not in standing and plan.storage.exists(join(plan.scores, "_SUCCESS")):
        _begin(plan)  # refuses scores of other models
        return
    for fold, card in enumerate(standing):
        if card is None:
            _train_fold(plan, fold, media_of(plan.rows, splits[fold]), launcher, show)
    run, cards = _begin(plan)
    feed = launcher.feed(media_of(plan.rows, [None] * plan.rows.num_rows), plan.config)
    write_out_of_fold(plan.storage, run, _score_folds(plan, cards, feed, show))


def _begin(plan: _Plan) -> tuple[OpenRun, list[ModelCard]]:
    cards = [read_card(plan.storage, plan.place(fold)) for fold in range(plan.num_folds)]
    run = begin_out_of_fold(plan.storage, plan.scores, plan.manifest, plan.rows, cards, plan.config)
    return run, cards


def _train_fold(
    plan: _Plan, fold: int, media: LabelledMedia, launcher: Launcher, show: Callable[[str], None]
) -> None:
    # Weights without a card are what a killed start of these folds left.
    plan.storage.delete(join(plan.place(fold), WEIGHTS_NAME))
    try:
        train_media(
            media.take(np.isin(media.splits.astype(str), [Split.TRAIN, Split.VAL])).with_boxes(plan.boxes),
            plan.place(fold),
            plan.config,
            plan.storage,
            launcher,
            location=f"{run_location(plan.out, plan.workers)}-fold-{fold}",
            is_kept=False,
            manifest_digest=plan.manifest.digest,
            on_progress=lambda progress: show(f"{plan.beginning(fold)}{progress.text()}"),
        )
    except LossError as problem:
        is_kept = plan.storage.exists(join(plan.place(fold), CARD_NAME))
        end = f"; remove {plan.place(fold)} to train it again, or go on with it" if is_kept else ""
        raise LossError(f"{_beginning(fold)}{problem}{end}") from problem
    except TrainingError as problem:
        raise type(problem)(f"{_beginning(fold)}{problem}") from problem


def _score_folds(
    plan: _Plan, cards: list[ModelCard], feed: CachedFeed, show: Callable[[str], None]
) -> HeldOut:
    """Score what each fold held out with its model, as `blanktrap score` would."""
    p_nonblank = np.full(plan.rows.num_rows, np.nan, np.float32)
    loaded: dict[int, LoadedImage] = {}
    number_format = ""
    device_s = 0.0
    for fold in range(plan.num_folds):
        scorer = Scorer.load(plan.storage, plan.place(fold))
        number_format = scorer.number_format
        mine = np.flatnonzero(plan.folds == fold)
        num_done = 0
        for part in feed.loaded(mine, _SCORING_BATCH):
            pixels = {row: one.image.pixels for row, one in part if one.image is not None}
            started = time.perf_counter()
            if pixels:
                p_nonblank[list(pixels)] = scorer.score_pixels(np.stack(list(pixels.values())))
            device_s += time.perf_counter() - started
            loaded.update((row, _without_pixels(one)) for row, one in part)
            num_done += len(part)
            show(f"{plan.beginning(fold)}scored {num_done:,}/{len(mine):,} images")
        is_scored = [row for row in mine.tolist() if loaded[row].image is not None]
        if not np.isfinite(p_nonblank[is_scored]).all():
            raise TrainingError(
                f"{_beginning(fold)}its network gives no numbers: remove {plan.place(fold)} and train with "
                f"a lower --learning-rate (now {plan.config.learning_rate:g})"
            )
    return HeldOut(
        rows=plan.rows.select(MANIFEST_SCHEMA.names),
        loaded=[loaded[row] for row in range(plan.rows.num_rows)],
        p_nonblank=p_nonblank,
        folds=plan.folds,
        cards=cards,
        number_format=number_format,
        device_s=device_s,
    )


def _without_pixels(one: LoadedImage) -> LoadedImage:
    return one if one.image is None else replace(one, image=replace(one.image, pixels=_NO_PIXELS))


def _standing_card(plan: _Plan, fold: int) -> ModelCard | None:
    """The card of a fold that is trained already; None where it is still to be trained."""
    location = plan.place(fold)
    if not plan.storage.exists(join(location, CARD_NAME)):
        return None
    card = read_card(plan.storage, location)
    held_out = plan.rows.filter(pa.array(plan.folds == fold)).column("location_id").to_pylist()
    seen = {*card.training_locations, *card.validation_locations}.intersection(held_out)
    if card.manifest_digest != plan.manifest.digest or card.config != plan.config or seen:
        raise TrainingError(
            f"{location} is not the model of this fold (another manifest, configuration or deal): remove it, "
            f"or give --out a new folder"
        )
    return card


def _refuse_seen_weights(storage: Storage, config: TrainConfig, media: LabelledMedia) -> None:
    """Every location is held out once, so the first weights may come from none of them."""
    if config.weights in ("imagenet", "none"):
        return
    card = read_card(storage, config.weights)
    shared = sorted({*card.training_locations, *card.validation_locations}.intersection(media.locations()))
    if shared:
        raise TrainingError(
            f"{config.weights} has already seen {len(shared):,} of the locations that are to be held out, "
            f"such as {shared[0]!r}: begin with --weights imagenet or none"
        )


def _notes(rows: pa.Table, num_left_out: int, config: TrainConfig) -> list[str]:
    notes = []
    if rows.column("split").null_count < rows.num_rows:
        notes.append("the manifest's splits are not used: every labelled media is held out once")
    left_out = describe_left_out(config.frames, num_left_out, rows.num_rows)
    if left_out is not None:
        notes.append(f"{left_out}; they were scored all the same")
    return notes


def _beginning(fold: int) -> str:
    return f"fold {fold}: "
