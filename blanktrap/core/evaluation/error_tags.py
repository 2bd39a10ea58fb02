"""What people saw in missed media and in found ones: where the animal was, and what made it hard to see.

Owns: which answered media count as missed or found, and the shares of each tag among the two. Refuses:
reading answers, and a tag's share of all misses where the tagged media are no random sample of them.

Media are missed or found by the labels that the report is measured on. Where the person who tagged a media
saw no animal, or could not tell, it counts in neither group: it is the label that is in doubt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blanktrap.core.audits.review import Answer, SettledAnswers
from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.intervals import (
    difference_interval,
    location_bootstrap,
    share_interval,
    wilson_interval,
)
from blanktrap.core.vocabulary import Circumstance, Label, Position

INTERVAL_BY = "locations drawn again, no narrower than for independent media"
NO_POSITION, NO_CIRCUMSTANCE = "position not given", "none of these"

SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("tag", pa.string()),
        *(
            (f"{group}_{name}", kind)
            for group in ("missed", "found")
            for name, kind in (
                ("num_tagged", pa.int64()),
                ("num_media", pa.int64()),
                ("share", pa.float64()),
                ("interval_low", pa.float64()),
                ("interval_high", pa.float64()),
            )
        ),
        ("difference", pa.float64()),
        ("interval_low", pa.float64()),
        ("interval_high", pa.float64()),
        ("num_locations", pa.int64()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class AnsweredMedia:
    """What the scores say of a media that people answered."""

    media_id: str
    location_id: str | None
    p_nonblank: float | None
    """None where it has no score."""
    label: str | None
    is_measured: bool
    """Of the split that the report is measured on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TaggedMedia:
    """The answered media that count."""

    answers: tuple[Answer, ...]
    is_missed: NDArray[np.bool_]
    """Shape (num_media,)."""
    locations: tuple[str | None, ...]
    left_out: dict[str, int]
    """Answered media that count in neither group, by reason in words."""

    @property
    def num_missed(self) -> int:
        """Missed media that people tagged."""
        return int(self.is_missed.sum())

    @property
    def num_found(self) -> int:
        """Found media that people tagged."""
        return len(self.answers) - self.num_missed


def sort_answers(settled: SettledAnswers, answered: Sequence[AnsweredMedia], *, cutoff: float) -> TaggedMedia:
    """Tell missed from found media, and both from those that count in neither group.

    Args:
        settled: what people answered.
        answered: those of the media that are in the scores, in any order.
        cutoff: in [0, 1].

    Raises:
        EvaluationError: none of the answered media counts.
    """
    there = {media.media_id: media for media in answered}
    left_out: dict[str, int] = {}
    counting: list[tuple[AnsweredMedia, Answer]] = []
    for media_id, answer in sorted(settled.answers.items()):
        media = there.get(media_id)
        reason = _why_not(media, answer, is_differing=media_id in settled.differing)
        if reason is not None:
            left_out[reason] = left_out.get(reason, 0) + 1
        elif media is not None:
            counting.append((media, answer))
    if not counting:
        reasons = ", ".join(f"{num:,} {reason}" for reason, num in left_out.items())
        raise EvaluationError(
            f"none of the {len(settled.answers):,} media with tags is measured as nonblank "
            f"({reasons or 'no row is filled in'}): tag the media that --sample-errors draws"
        )
    scores = np.asarray([media.p_nonblank for media, _ in counting], dtype=np.float32)
    return TaggedMedia(
        answers=tuple(answer for _, answer in counting),
        is_missed=scores < np.float32(cutoff),
        locations=tuple(media.location_id for media, _ in counting),
        left_out=left_out,
    )


def compare_tags(tagged: TaggedMedia, *, seed: int) -> pa.Table:
    """Shares of each tag among missed and among found media, and how they differ.

    Args:
        tagged: the media, two independent groups.
        seed: of the resampling of locations.

    Returns:
        The columns of `SCHEMA`, one row for each tag, and one for media without any; `difference` is the
        share among missed less the share among found. Intervals are 95 % ones and draw locations again; that
        of the difference is never narrower than Newcombe's for independent media, so that a tag nobody gave
        has one too. All are null with tagged media of one location only.

    Source: Newcombe 1998, method 10; its two Wilson intervals are those of `intervals`.
    """
    places, at = np.unique(
        [str(one) if one is not None else "" for one in tagged.locations], return_inverse=True
    )
    rows = []
    for kind, tag, has in _TAGS:
        is_tagged = np.asarray([has(answer) for answer in tagged.answers], dtype=bool)
        columns = [
            np.bincount(at[group & mask], minlength=places.size)
            for group in (tagged.is_missed, ~tagged.is_missed)
            for mask in (is_tagged, np.ones_like(is_tagged))
        ]
        rows.append({"kind": kind, "tag": tag, **_compare(np.stack(columns, axis=1), seed)})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _compare(counts: NDArray[np.int64], seed: int) -> dict[str, object]:
    """One row of the table, from tagged and all missed, tagged and all found media by location."""
    missed, num_missed, found, num_found = (int(num) for num in counts.sum(axis=0))
    row: dict[str, object] = {
        "missed_num_tagged": missed,
        "missed_num_media": num_missed,
        "missed_share": missed / num_missed if num_missed else None,
        "found_num_tagged": found,
        "found_num_media": num_found,
        "found_share": found / num_found if num_found else None,
        "num_locations": counts.shape[0],
    }
    if not (num_missed and num_found):
        return row
    difference = missed / num_missed - found / num_found
    row["difference"] = difference
    sizes = counts[:, [1, 3]]
    if ((sizes > 0).sum(axis=0) < 2).any():
        return row
    sums = location_bootstrap(counts, seed=seed)
    shares = np.divide(
        sums[:, [0, 2]], sums[:, [1, 3]], out=np.full((len(sums), 2), np.nan), where=sums[:, [1, 3]] > 0
    )
    for place, (group, share) in enumerate((("missed", missed / num_missed), ("found", found / num_found))):
        alone = share_interval(share, shares[:, place], sizes=sizes[:, place])
        if alone is not None:
            row |= {f"{group}_interval_low": alone.low, f"{group}_interval_high": alone.high}
    drawn = difference_interval(difference, shares[:, 0] - shares[:, 1], sizes=sizes)
    low, high = newcombe_interval(missed, num_missed, found, num_found)
    if drawn is not None:
        row |= {"interval_low": min(drawn.low, low), "interval_high": max(drawn.high, high)}
    return row


def newcombe_interval(num: int, num_media: int, other: int, num_other: int) -> tuple[float, float]:
    """95 % interval of the difference between two shares of independent media.

    Source: Newcombe 1998, method 10.
    """
    one, two = wilson_interval(num, num_media), wilson_interval(other, num_other)
    share, other_share = num / num_media, other / num_other
    difference = share - other_share
    return (
        float(difference - np.hypot(share - one.low, two.high - other_share)),
        float(difference + np.hypot(one.high - share, other_share - two.low)),
    )


def _why_not(media: AnsweredMedia | None, answer: Answer, *, is_differing: bool) -> str | None:
    """Why a media counts in neither group; None where it counts."""
    if media is None:
        return "not in the scores"
    if not media.is_measured:
        return "not of the split that is measured"
    if media.label != Label.NONBLANK.value:
        return "labelled blank" if media.label else "without a label"
    if media.p_nonblank is None:
        return "not scored"
    if is_differing:
        return "on which people differ"
    if answer.label is None:
        return "of which people were unsure"
    return "in which people saw no animal" if answer.label is Label.BLANK else None


def _has_position(position: Position | None) -> Callable[[Answer], bool]:
    return lambda answer: answer.position is position


def _has_circumstance(circumstance: Circumstance) -> Callable[[Answer], bool]:
    return lambda answer: circumstance in answer.circumstances


_TAGS: tuple[tuple[str, str, Callable[[Answer], bool]], ...] = (
    *(("position", position.value, _has_position(position)) for position in Position),
    ("position", NO_POSITION, _has_position(None)),
    *(("circumstance", one.value, _has_circumstance(one)) for one in Circumstance),
    ("circumstance", NO_CIRCUMSTANCE, lambda answer: not answer.circumstances),
)
