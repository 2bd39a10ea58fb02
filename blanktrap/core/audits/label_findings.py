"""What an audit of labels says to people.

Owns: the reason beside each media, the summary, and what is written down of an audit. Refuses: computing.
"""

from dataclasses import dataclass
from typing import Any

from blanktrap.core.audits.label_audit import LabelAudit, WrongLabels
from blanktrap.core.statistics.intervals import describe_trust
from blanktrap.core.vocabulary import Label
from blanktrap.core.wording import count, number, percent

BLANK_STRATUM = "blank_but_animal_visible"
NONBLANK_STRATUM = "nonblank_but_nothing_there"

_FEW_LABELS = 20
_WEAK_AREA = 0.85
"""Below it, what a model contradicts is mostly what it cannot see."""


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """Which labels were looked at, and which were not."""

    scores: str
    num_media: int
    """Scored media whose label was looked at."""
    num_sequences: int
    """Labels among them that were given to a whole sequence and count once."""
    not_scored: dict[str, int]
    """Labelled media without a score, by status."""
    num_in_unscored_sequences: int
    """Scored media of sequences labelled nonblank with a frame that has no score: it may show the animal."""
    num_without_location: int
    """Scored labelled media of no known location."""


@dataclass(frozen=True, kw_only=True)
class LabelFindings:
    """What `blanktrap audit-labels` found."""

    audit: LabelAudit
    looked_at: LookedAt
    num_listed: dict[str, int]
    """Media on the list, by stratum."""
    seen: str | None
    """What the model had seen of these media, in words; None where nothing is known of that."""
    out: str

    def warnings(self) -> list[str]:
        """What must be read before the figures."""
        audit, found = self.audit, []
        if self.seen is not None:
            found.append(f"{self.seen}: a model agrees with what it was taught, so wrong labels stay hidden")
        if audit.area_under_roc < _WEAK_AREA:
            found.append(
                f"the model is weak (area under ROC {audit.area_under_roc:.2f} against these labels): it "
                f"contradicts many labels because it cannot judge the image, and the estimate is too high"
            )
        for wrong, label in ((audit.blank, Label.BLANK), (audit.nonblank, Label.NONBLANK)):
            if wrong.num_labels < _FEW_LABELS:
                found.append(f"only {number(wrong.num_labels, f'{label} label')}: the estimate is a guess")
        trust = describe_trust(audit.num_locations)
        if trust is not None:
            found.append(trust)
        return found

    def details(self) -> dict[str, Any]:
        """What is written down beside the list, as JSON."""
        audit = self.audit
        return {
            "method": "confident learning (Northcutt, Jiang & Chuang 2021)",
            "scores": self.looked_at.scores,
            "num_labels": audit.both.num_labels,
            "num_media": self.looked_at.num_media,
            "num_locations": audit.num_locations,
            "not_scored": self.looked_at.not_scored,
            "num_in_unscored_sequences": self.looked_at.num_in_unscored_sequences,
            "area_under_roc": audit.area_under_roc,
            "lower": audit.lower,
            "upper": audit.upper,
            "confident_joint": audit.joint.tolist(),
            "wrong": {
                name: {
                    "num_labels": wrong.num_labels,
                    "estimate": wrong.estimate,
                    "interval": wrong.bounds,
                    "num_listed": self.num_listed.get(name, 0),
                }
                for name, wrong in ((BLANK_STRATUM, audit.blank), (NONBLANK_STRATUM, audit.nonblank))
            },
            "warnings": self.warnings(),
        }

    def lines(self) -> list[str]:
        """The summary for people: warnings first."""
        audit, on = self.audit, self.looked_at
        listed = sum(self.num_listed.values())
        lines = [
            *(f"warning: {warning}" for warning in self.warnings()),
            f"looked at {audit.both.num_labels:,} labels ({audit.blank.num_labels:,} blank, "
            f"{audit.nonblank.num_labels:,} nonblank) of {number(on.num_media, 'scored image')} at "
            f"{number(audit.num_locations, 'location')}; against them the scores reach an area under ROC of "
            f"{audit.area_under_roc:.3f}",
            f"about {_estimate(audit.both)} look wrong:",
            f"  labelled blank, but something is visible: {_estimate(audit.blank)}; "
            f"{self.num_listed.get(BLANK_STRATUM, 0):,} images to look at",
            f"  labelled nonblank, but nothing is there: {_estimate(audit.nonblank)}; "
            f"{self.num_listed.get(NONBLANK_STRATUM, 0):,} images to look at",
            *self._not_looked_at(),
        ]
        if not listed:
            return [*lines, f"no image to look at: the list in {self.out} is empty"]
        return [
            *lines,
            f"{number(listed, 'image')} to look at in {self.out}, the most suspicious first",
            f"next: look at them, fill in the empty columns of {self.out}/queue.csv (at least label and "
            f"labelled_by), and index again with --annotations {self.out}/queue.csv added as the last one",
        ]

    def _not_looked_at(self) -> list[str]:
        on, lines = self.looked_at, []
        if on.num_sequences:
            lines.append(
                f"{number(on.num_sequences, 'label')} given to a whole sequence: judged once, by the frame "
                f"with the highest score, as a frame without the animal is no wrong label"
            )
        if on.not_scored:
            told = ", ".join(f"{num:,} {name.replace('_', ' ')}" for name, num in on.not_scored.items())
            lines.append(f"not looked at: labelled images without a score ({told})")
        if on.num_in_unscored_sequences:
            lines.append(
                f"not looked at: {number(on.num_in_unscored_sequences, 'image')} of sequences labelled "
                f"nonblank with a frame that has no score, as that frame may show the animal"
            )
        if on.num_without_location:
            lines.append(
                f"{number(on.num_without_location, 'image')} of no known location: nobody can tell whether "
                f"the model has seen the place"
            )
        return lines


def describe_reason(*, is_nonblank: bool, p_nonblank: float, usual: float, num_frames: int | None) -> str:
    """Why a person is asked to look at a media.

    Args:
        is_nonblank: what its label says.
        p_nonblank: its score, or the highest of its sequence.
        usual: what the same model gives media with this label on average.
        num_frames: scored frames of the sequence that the label was given to; None for a label of its own.
    """
    label = Label.NONBLANK if is_nonblank else Label.BLANK
    compared = f"{p_nonblank:.3f}, where images labelled {label} have {usual:.3f} on average"
    if num_frames is None:
        seems = "nothing seems to be there" if is_nonblank else "something seems to be visible"
        return f"labelled {label}, but {seems}: score {compared}"
    if is_nonblank:
        return (
            f"its sequence is labelled nonblank, but nothing seems to be there in any of its "
            f"{number(num_frames, 'scored frame')}: highest score {compared}"
        )
    return (
        f"its sequence is labelled blank, but something seems to be visible in this frame: score {compared}"
    )


def _estimate(wrong: WrongLabels) -> str:
    """Such as `57 of 1,143 (5.0 %, 95 % interval 41 to 80)`."""
    share = percent(wrong.estimate / wrong.num_labels)
    interval = "no interval"
    if wrong.bounds is not None:
        low, high = wrong.bounds
        interval = f"95 % interval {count(low)} to {count(high)}"
    return f"{count(wrong.estimate)} of {wrong.num_labels:,} ({share}, {interval})"
