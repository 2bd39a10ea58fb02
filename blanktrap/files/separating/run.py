"""Separating media by decision, from the first record of the journal to the last.

Owns: the order of things: the plan before anything is touched, `begin` before each batch and `end` after it,
and what a run does that finds the journal of an earlier one. Refuses: how a media is placed; that is the
placers'.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import blanktrap
from blanktrap.core.config import SeparateConfig
from blanktrap.core.errors import SeparationError, SourceError
from blanktrap.files.decided_scores import decide_scores
from blanktrap.files.s3 import shown
from blanktrap.files.separating.batch_lists import write_lists
from blanktrap.files.separating.history import (
    JOURNAL_VERSION,
    LEFT,
    History,
    Left,
    read_history,
    refuse_other,
)
from blanktrap.files.separating.journal import Journal, Record, open_journal
from blanktrap.files.separating.placing import CHANGED, GONE, TAKEN, Outcome, Placer, left
from blanktrap.files.separating.plan import PlanCounts, PlannedMedia, iter_batches, plan_media
from blanktrap.files.separating.starting import (
    BATCH_SIZE,
    NUM_PROBED,
    identity_of,
    names_allowed,
    open_decided,
    write_first,
)
from blanktrap.files.separating.summary import Planned, Separated, progress_text
from blanktrap.files.separating.ways import open_placer, outside_archive, refuse_impossible
from blanktrap.files.storage import Storage

# Reasons that say something of one media; any other, if every media has it, is one of the place.
_OF_MEDIA = frozenset({CHANGED, GONE, TAKEN})

OnProgress = Callable[[str], None]


def plan_separation(scores_location: str, to: str, *, config: SeparateConfig, storage: Storage) -> Planned:
    """Say what `separate_media` would do, and write nothing.

    Raises: as `separate_media`, as far as it can be told without looking at the media.
    """
    scores, rule = open_decided(scores_location, config, storage)
    refuse_impossible(config, to)
    names = names_allowed(to, config)
    with (
        decide_scores(scores, storage, rule, keep_sequences=config.keep_sequences) as decided,
        plan_media(decided, config, names) as (rows, counts),
    ):
        for _ in outside_archive(rows, to, config):
            pass  # counted as they come
    refuse_impossible(config, to, counts)
    return Planned(
        scores=scores_location, to=to, config=config, rule=rule, counts=counts, num_scored=scores.num_media
    )


def separate_media(
    scores_location: str,
    to: str,
    *,
    config: SeparateConfig,
    storage: Storage,
    batch_size: int = BATCH_SIZE,
    on_progress: OnProgress | None = None,
) -> Separated:
    """Link, copy, move, tag or list media by decision; killed at any moment, the same call goes on.

    Args:
        scores_location: the scores dataset, local or S3.
        to: the folder for the separated media and the journal, local or S3: new or empty, or this call's own.
        config: which media, and how.
        storage: the door to the bytes.
        batch_size: media between two records of the journal; an interrupted run keeps its own.
        on_progress: called with the text of the progress line.

    Raises:
        SeparationError: `to` holds something else, belongs to another separation, or is being taken back.
        UsageError: this way does not go from where the originals are to `to`.
        ScoresError, CutoffError: the scores are missing, incomplete or damaged, or no cutoff is known.
        SourceError: something cannot be read or written; what was done is in the journal.
    """
    scores, rule = open_decided(scores_location, config, storage)
    refuse_impossible(config, to)
    identity = identity_of(scores, rule, config)
    with _journal_of(storage, to) as journal:
        history = _ready(journal, to, identity, config, batch_size)
        if history.planned is None:
            write_first(journal, history, scores, rule, config, storage)
        assert history.planned is not None
        counts = PlanCounts.of_record(history.planned)
        num_before = history.placed.total()
        started = time.monotonic()
        if not history.is_complete:
            for text in _act(journal, history, config, counts.num_media, storage):
                if on_progress is not None:
                    on_progress(text)
            journal.append({"kind": "complete", "time": time.time()})
        return Separated(
            to=to,
            config=config,
            rule=rule,
            counts=counts,
            num_scored=scores.num_media,
            history=history,
            num_before=num_before,
            wall_s=time.monotonic() - started,
        )


@contextlib.contextmanager
def _journal_of(storage: Storage, to: str) -> Iterator[Journal]:
    journal = open_journal(storage, to, create=True)
    assert journal is not None  # it was made
    try:
        yield journal
    finally:
        journal.close()


def _ready(
    journal: Journal, to: str, identity: dict[str, Any], config: SeparateConfig, batch_size: int
) -> History:
    """What was done so far, after a first record where there was none."""
    history = read_history(journal)
    if history.is_undoing:
        raise SeparationError(
            f"{to} is being taken back: finish that with `blanktrap separate --to {to} --undo`, or give "
            "--to another folder"
        )
    if history.start is not None:
        refuse_other(to, history.start, identity)
        return history
    names = names_allowed(to, config)
    start: Record = {
        "kind": "start",
        "journal_version": JOURNAL_VERSION,
        "blanktrap_version": blanktrap.__version__,
        "time": time.time(),
        "identity": identity,
        "batch_size": batch_size,
        "names": vars(names),
        "made_root": journal.made_root,
    }
    journal.append(start)
    history.read(start)
    return history


def _act(
    journal: Journal, history: History, config: SeparateConfig, num_media: int, storage: Storage
) -> Iterator[str]:
    if config.mode == "manifest":
        yield from write_lists(journal, history, num_media, storage)
        return
    with open_placer(config, journal.to, storage) as placer:
        yield from _place_all(journal, history, placer, num_media)


def _place_all(journal: Journal, history: History, placer: Placer, num_media: int) -> Iterator[str]:
    """Place the batches that are not done, and yield the text of the progress line after each."""
    assert history.start is not None
    batch_size, started, num_before = history.start["batch_size"], time.monotonic(), history.placed.total()
    for batch, rows in iter_batches(journal, num_media, batch_size, first=history.num_ended):
        if history.begun is None:
            begin = {"kind": "begin", "batch": batch, "left": _left_by(rows, _look(placer, rows))}
            journal.append(begin)
            history.read(begin)
        assert history.begun is not None
        end = _place(placer, batch, rows, history.begun["left"])
        if not history.placed.total() - history.placed[LEFT]:
            _refuse_where_all_fail(rows, end["left"])
        journal.append(end)
        history.read(end)
        yield progress_text(history, num_media, num_before, time.monotonic() - started)


def _look(placer: Placer, rows: list[PlannedMedia]) -> list[str | None]:
    reasons, seen = placer.look(rows), set[str]()
    for number, media in enumerate(rows):
        if media.target in seen:
            reasons[number] = TAKEN
        seen.add(media.target)
    return reasons


def _left_by(rows: Sequence[PlannedMedia], reasons: Sequence[str | None]) -> Left:
    pairs = enumerate(zip(rows, reasons, strict=True))
    return {str(number): (media.media_id, reason) for number, (media, reason) in pairs if reason is not None}


def _place(placer: Placer, batch: int, rows: list[PlannedMedia], already_left: Left) -> Record:
    numbers = [number for number in range(len(rows)) if str(number) not in already_left]
    outcomes: dict[int, Outcome] = {int(number): left(reason) for number, (_, reason) in already_left.items()}
    outcomes |= zip(numbers, placer.place([rows[number] for number in numbers]), strict=True)
    ordered = [outcomes[number] for number in range(len(rows))]
    return {
        "kind": "end",
        "batch": batch,
        "how": "".join(one.how for one in ordered),
        "proofs": {str(number): one.proof for number, one in enumerate(ordered) if one.proof is not None},
        "sidecars": {str(number): one.sidecar for number, one in enumerate(ordered) if one.sidecar},
        "sidecars_left": _left_by(rows, [one.sidecar_reason for one in ordered]),
        "left": _left_by(rows, [one.reason for one in ordered]),
    }


def _refuse_where_all_fail(rows: list[PlannedMedia], found: Left) -> None:
    """Stop where nothing was placed so far and one reason of the place keeps it so."""
    reasons = {reason for _, reason in found.values()} - _OF_MEDIA
    if len(rows) >= NUM_PROBED and len(found) == len(rows) and len(reasons) == 1:
        media_id, reason = next(iter(found.values()))
        raise SourceError(
            f"none of the first {len(rows):,} media can be separated: {reason} (such as {shown(media_id)}); "
            "mend that and run the same command again"
        )
