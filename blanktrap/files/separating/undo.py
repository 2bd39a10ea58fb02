"""Taking a separation back.

Owns: which batches are taken back, from what the journal says of them, and what is left where something has
changed since. Refuses: how a media is taken back; that is the placers'.

A batch that was begun and has no end is taken back too: what is at a target of it that was free then is ours
if it is what we would have put there. When nothing is left, the journal goes, and the place is as it was.
"""

import contextlib
from collections.abc import Callable, Iterator

from blanktrap.core.config import SeparateConfig
from blanktrap.core.errors import UsageError
from blanktrap.core.vocabulary import Decision
from blanktrap.files.s3 import is_s3
from blanktrap.files.separating.batch_lists import remove_lists
from blanktrap.files.separating.history import History, Left, read_history
from blanktrap.files.separating.journal import Journal, Record, open_journal
from blanktrap.files.separating.placing import Outcome, Placer, left
from blanktrap.files.separating.plan import PlanCounts, PlannedMedia, iter_batches
from blanktrap.files.separating.summary import TakenBack
from blanktrap.files.separating.ways import open_placer
from blanktrap.files.storage import Storage, local_path


def undo_separation(
    to: str, *, storage: Storage, on_progress: Callable[[str], None] | None = None
) -> TakenBack:
    """Take back what a separation did; killed at any moment, the same call goes on.

    Args:
        to: the `--to` of the separation.
        storage: the door to the bytes.
        on_progress: called with the text of the progress line.

    Raises:
        UsageError: there is no separation.
        SeparationError: the journal is damaged, or another run is at work there.
        SourceError: something cannot be read or written; the same call goes on.
    """
    journal = open_journal(storage, to, create=False)
    if journal is None:
        raise UsageError(f"there is nothing to take back at {to}: it has no journal of `blanktrap separate`")
    try:
        history = read_history(journal)
        if history.start is None or history.planned is None:
            journal.remove()
            remove_root(to, history)
            return TakenBack(to=to, mode="", num_media=0, history=history)
        if history.is_undone and not history.not_undone.num:
            journal.remove()
            remove_root(to, history)
            return TakenBack(to=to, mode=history.start["identity"]["mode"], num_media=0, history=history)
        config = config_of(history.start)
        if not history.is_undoing or history.is_undone:
            undo: Record = {"kind": "undo"}
            journal.append(undo)
            history.read(undo)
        counts = PlanCounts.of_record(history.planned)
        for text in _act(journal, history, config, counts.num_media, storage):
            if on_progress is not None:
                on_progress(text)
        journal.append({"kind": "undo_complete"})
        if not history.not_undone.num:
            journal.remove()
            remove_root(to, history)
        return TakenBack(to=to, mode=config.mode, num_media=counts.num_media, history=history)
    finally:
        journal.close()


def config_of(start: Record) -> SeparateConfig:
    """The configuration that a journal is of, as far as placing needs it."""
    identity = start["identity"]
    return SeparateConfig(
        cutoff=identity["cutoff"],
        review_below=identity["review_below"],
        keep_sequences=identity["keep_sequences"],
        mode=identity["mode"],
        link=identity["link"],
        only=tuple(Decision(word) for word in identity["only"]),
        xmp=identity["xmp"],
        tag_key=identity["tag_key"],
    )


def _act(
    journal: Journal, history: History, config: SeparateConfig, num_media: int, storage: Storage
) -> Iterator[str]:
    if config.mode == "manifest":
        undone: Record = {"kind": "undone", "batch": 0, "left": remove_lists(journal, history, storage)}
        journal.append(undone)
        history.read(undone)
        return
    with open_placer(config, journal.to, storage) as placer:
        yield from _undo_all(journal, history, placer, num_media)


def _undo_all(journal: Journal, history: History, placer: Placer, num_media: int) -> Iterator[str]:
    assert history.start is not None
    batch_size, num_batches = history.start["batch_size"], history.num_ended + (history.begun is not None)
    num_done = min(num_media, num_batches * batch_size)
    records = _records_of_batches(journal)
    for batch, rows in iter_batches(journal, num_done, batch_size):
        record = next(records)
        if batch < history.num_undone:
            continue
        undone: Record = {"kind": "undone", "batch": batch, "left": _undo(placer, rows, record)}
        journal.append(undone)
        history.read(undone)
        yield f"taken back {min(num_media, (batch + 1) * batch_size):,}/{num_done:,}"


def _records_of_batches(journal: Journal) -> Iterator[Record]:
    """The last record of each batch that was begun, in order: its `end`, or its `begin`."""
    begun: Record | None = None
    for record in journal.records():
        if record["kind"] == "begin":
            begun = record
        elif record["kind"] == "end":
            begun = None
            yield record
        elif record["kind"] in ("undo", "complete"):
            break
    if begun is not None:
        yield begun


def _undo(placer: Placer, rows: list[PlannedMedia], record: Record) -> Left:
    outcomes: list[Outcome | None] = [_outcome_of(record, number) for number in range(len(rows))]
    reasons = placer.undo(rows, outcomes)
    return {
        str(number): (media.media_id, reason)
        for number, (media, reason) in enumerate(zip(rows, reasons, strict=True))
        if reason is not None
    }


def _outcome_of(record: Record, number: int) -> Outcome | None:
    key = str(number)
    if key in record["left"]:
        return left(record["left"][key][1])
    if record["kind"] == "begin":
        return None
    return Outcome(
        how=record["how"][number], proof=record["proofs"].get(key), sidecar=record["sidecars"].get(key)
    )


def remove_root(to: str, history: History) -> None:
    """Remove the folder itself and those above it, as far as they are empty and were made for it."""
    if is_s3(to) or history.start is None:
        return
    root = local_path(to).absolute()
    with contextlib.suppress(OSError):
        for folder in (root, *root.parents)[: int(history.start["made_root"])]:
            folder.rmdir()
