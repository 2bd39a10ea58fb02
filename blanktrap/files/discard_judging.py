"""From people's answers to a bound on the animals that a cutoff loses.

Owns: which answers belong to a drawn sample, what is still missing, and the record of an audit. Refuses: the
arithmetic; that is `core.audits.discard_audit`.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import blanktrap
from blanktrap.core.audits.discard_audit import DiscardBound, StratumSample, bound_discarded, num_more_for
from blanktrap.core.audits.review import SettledAnswers
from blanktrap.core.config import AuditJudgeConfig
from blanktrap.core.errors import ReviewError
from blanktrap.core.vocabulary import Label, QueueKind
from blanktrap.core.wording import count, cutoff_text, number, percent
from blanktrap.files.answers import read_answers
from blanktrap.files.review_queues import ReviewQueue, read_review_queue
from blanktrap.files.storage import Storage, join

RECORD = "audit.json"
AUDIT_VERSION = 1

_LABEL_WIDTH = 22


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit of a discard pile came to."""

    queue: ReviewQueue
    bound: DiscardBound
    strata: tuple[StratumSample, ...]
    num_animals: int
    """Media in which people saw an animal."""
    num_unsure: int
    """Media of which people were unsure, or on which they differ: counted as animals."""
    num_unanswered: int
    """Drawn media without an answer: not looked at."""
    max_lost_share: float | None
    num_more: int | None
    """Images to look at beyond those for `max_lost_share`; None where it cannot be reached."""
    warnings: tuple[str, ...]

    @property
    def num_drawn(self) -> int:
        """Media of the queue."""
        return int(self.queue.rows.num_rows)

    def record(self) -> dict[str, Any]:
        """The audit as JSON."""
        bound, details = self.bound, self.queue.details
        return {
            "audit_version": AUDIT_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "blanktrap_version": blanktrap.__version__,
            "queue": self.queue.location,
            "scores": self.queue.made_from,
            "cutoff": details["cutoff"],
            "manifest_digest": details.get("manifest_digest"),
            "model_id": details.get("model_id"),
            "warnings": self.warnings,
            "num_pile": bound.num_pile,
            "num_drawn": self.num_drawn,
            "num_looked_at": bound.num_looked_at,
            "num_animals": self.num_animals,
            "num_unsure": self.num_unsure,
            "num_unanswered": self.num_unanswered,
            "num_expected": bound.num_expected,
            "confidence": bound.confidence,
            "num_at_most": bound.num_at_most,
            "share_at_most": bound.share_at_most,
            "num_lost_at_most": bound.num_lost_at_most,
            "max_lost_share": self.max_lost_share,
            "num_more_to_look_at": self.num_more,
            "strata": [vars(one) for one in self.strata],
        }

    def lines(self) -> list[str]:
        """What was looked at, the bound, and what to do next."""
        bound, cutoff = self.bound, self.queue.details["cutoff"]
        confidence = f"with {100.0 * bound.confidence:.4g} % confidence"
        num_blank = bound.num_looked_at - bound.num_found
        lines = [f"warning: {warning}" for warning in self.warnings]
        lines += [""] if lines else []
        return [
            *lines,
            _named(
                "discard pile",
                f"{bound.num_pile:,} media below the cutoff {cutoff_text(cutoff)} in {self.queue.made_from}",
            ),
            _named(
                "looked at",
                f"{bound.num_looked_at:,} of {self.num_drawn:,} drawn, {self.num_unanswered:,} without "
                f"an answer",
            ),
            _named(
                "seen",
                f"{self.num_animals:,} with an animal, {num_blank:,} blank, {self.num_unsure:,} unsure or "
                f"disputed (counted as animals)",
            ),
            "",
            f"{'p_nonblank, light':<30}{'in the pile':>14}{'looked at':>12}{'animals':>10}{'share':>10}",
            *(
                f"{one.name:<30}{count(one.num_pile):>14}{count(one.num_looked_at):>12}"
                f"{count(one.num_nonblank):>10}"
                f"{percent(one.num_nonblank / one.num_looked_at if one.num_looked_at else None):>10}"
                for one in self.strata
            ),
            "",
            _named(
                "estimate",
                f"{count(bound.num_expected)} media of the pile "
                f"({percent(bound.num_expected / bound.num_pile)}) show an animal",
            ),
            _named(
                "upper bound",
                f"{confidence} at most {bound.num_at_most:,} ({_share(bound.share_at_most)}); "
                f"{bound.num_found:,} of them were looked at, so at most {bound.num_lost_at_most:,} are lost",
            ),
            *self._next_lines(),
        ]

    def _next_lines(self) -> list[str]:
        if self.max_lost_share is None:
            return [
                _named(
                    "next", "with --max-lost-share 0.01 this says how many more to look at for a bound of 1 %"
                )
            ]
        wish = f"at most {_share(self.max_lost_share)} of the pile"
        if self.num_more == 0:
            return [_named("wished for", f"{wish}: this holds")]
        if self.num_more is None:
            return [
                _named(
                    "wished for",
                    f"{wish}: more looking will not show it, too many animals were seen; choose a lower "
                    f"cutoff",
                )
            ]
        details = self.queue.details
        num_images = self.bound.num_looked_at + self.num_more
        if num_images <= self.num_drawn:
            return [_named("wished for", f"{wish}: answer about {self.num_more:,} more media of this queue")]
        return [
            _named(
                "wished for", f"{wish}: look at about {self.num_more:,} more, if they are like those seen"
            ),
            _named(
                "next",
                f"blanktrap audit-discard {self.queue.made_from} --cutoff {details['cutoff']!r} --num-images "
                f"{num_images} --seed {details['seed']} --out NEW_QUEUE",
            ),
            _named("", "it draws these media again and more; hand in the answers so far with the new ones"),
        ]


def judge_answers(
    location: str,
    answers: Sequence[str],
    *,
    config: AuditJudgeConfig,
    storage: Storage,
    out: str | None = None,
    overwrite: bool = False,
) -> Audit:
    """Bound the animals in a discard pile by what people saw in a sample of it.

    Media of which people were unsure, or on which they differ, count as animals; media without an answer as
    not looked at.

    Args:
        location: the queue that `draw_audit_sample` wrote, local or S3.
        answers: files of answers, all of them.
        config: confidence, and the share that is wished for.
        storage: the door to the bytes.
        out: a folder for `audit.json`; None writes none.
        overwrite: replace an audit there.

    Raises:
        ReviewError: it is no queue of a discard audit, or none of the answers is for it, or `out` is taken.
        AnnotationError: a file is no table of answers, or a row is no answer.
        SourceError: something cannot be read or written.
    """
    if out is not None:
        _check_output(storage, out, overwrite=overwrite)
    queue = read_review_queue(storage, location)
    if queue.kind is not QueueKind.DISCARD_AUDIT:
        raise ReviewError(
            f"{location} is a review queue of another kind ({queue.kind.value.replace('_', ' ')}): give one "
            f"that audit-discard drew"
        )
    audit = _audit(queue, read_answers(storage, answers), config)
    if out is not None:
        text = json.dumps(audit.record(), indent=1, ensure_ascii=False)
        storage.write_bytes(join(out, RECORD), text.encode())
    return audit


def _audit(queue: ReviewQueue, settled: SettledAnswers, config: AuditJudgeConfig) -> Audit:
    media: list[str] = queue.rows.column("media_id").to_pylist()
    of_media: list[str] = queue.rows.column("stratum").to_pylist()
    answered = [name in settled.answers for name in media]
    if not any(answered):
        raise ReviewError(
            f"none of the {number(len(settled.answers), 'answer')} is for a media of {queue.location}: they "
            f"belong to another queue, or no row is filled in"
        )
    labels = {name: settled.answers[name].label for name in media if name in settled.answers}
    looked_at = Counter(stratum for stratum, is_there in zip(of_media, answered, strict=True) if is_there)
    nonblank = Counter(
        stratum
        for name, stratum in zip(media, of_media, strict=True)
        if name in labels and labels[name] is not Label.BLANK
    )
    strata = tuple(
        StratumSample(
            name=one["name"],
            num_pile=one["num_media"],
            num_looked_at=looked_at[one["name"]],
            num_nonblank=nonblank[one["name"]],
        )
        for one in queue.details["strata"]
    )
    bound = bound_discarded(strata, confidence=config.confidence)
    num_more = None
    if config.max_lost_share is not None:
        num_more = num_more_for(config.max_lost_share, strata, confidence=config.confidence)
    return Audit(
        queue=queue,
        bound=bound,
        strata=strata,
        num_animals=sum(label is Label.NONBLANK for label in labels.values()),
        num_unsure=sum(label is None for label in labels.values()),
        num_unanswered=len(media) - len(labels),
        max_lost_share=config.max_lost_share,
        num_more=num_more,
        warnings=tuple(_warnings(media, answered, strata, settled, queue)),
    )


def _warnings(
    media: list[str],
    answered: list[bool],
    strata: tuple[StratumSample, ...],
    settled: SettledAnswers,
    queue: ReviewQueue,
) -> list[str]:
    found = []
    if not queue.details.get("is_complete", True):
        found.append(
            "the sample was drawn from an incomplete scoring run: media scored later are in no pile here"
        )
    last = max(place for place, is_there in enumerate(answered) if is_there)
    num_skipped = answered[:last].count(False)
    if num_skipped:
        found.append(
            f"{num_skipped:,} media before the last one answered have no answer: if people passed over what "
            f"was hard to see, the bound does not hold; answer them, unsure if need be"
        )
    unseen = [one for one in strata if one.num_pile and not one.num_looked_at]
    if unseen:
        found.append(
            f"nothing was looked at in {len(unseen)} of {len(strata)} strata, such as {unseen[0].name}: all "
            f"of their {sum(one.num_pile for one in unseen):,} media count as animals"
        )
    mine = set(media)
    foreign = sorted(set(settled.answers) - mine)
    if foreign:
        found.append(
            f"{len(foreign):,} of the {len(settled.answers):,} answered media are not in this queue, such as "
            f"{foreign[0]}: left out"
        )
    differing = [name for name in settled.differing if name in mine]
    if differing:
        found.append(
            f"people differ on {number(len(differing), 'media')}, such as {differing[0]}: counted as animals"
        )
    return found


def _check_output(storage: Storage, out: str, *, overwrite: bool) -> None:
    if storage.exists(out.rstrip("/")):
        raise ReviewError(f"{out} is a file: give --out a folder; nothing was overwritten")
    names = {entry.relative for entry in storage.list_folder(out)}
    foreign = sorted(names - {RECORD})
    if foreign:
        raise ReviewError(
            f"{out} holds something else (it has {foreign[0]}): give --out a new or empty folder; nothing "
            f"was overwritten"
        )
    if names and not overwrite:
        raise ReviewError(
            f"{out} already holds an audit: pass --overwrite or give --out another folder; nothing was "
            f"overwritten"
        )


def _named(name: str, text: str) -> str:
    return f"{name:<{_LABEL_WIDTH}}{text}"


def _share(share: float) -> str:
    """A small share with two digits that count, rounded up: a bound must not look lower than it is."""
    if share <= 0.0:
        return "0 %"
    digits = max(1 - math.floor(math.log10(100.0 * share)), 0)
    scale = 10.0**digits
    return f"{math.ceil(100.0 * share * scale - 1e-9) / scale:.{digits}f} %"
