"""What `blanktrap select` did: the table for people, and `selection.json`.

Owns: the figures and their wording. Refuses: finding anything out; `selecting` fills it in.
"""

from dataclasses import dataclass, field
from typing import Any

from blanktrap.core.config import SelectConfig
from blanktrap.core.selection.choice_plan import Reason
from blanktrap.core.selection.split_figures import SplitFigures
from blanktrap.core.vocabulary import Label, Split, SplitBy
from blanktrap.core.wording import moment, number, percent

SELECTION_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class SelectSummary:
    """What went where, what was left out and why."""

    location: str
    manifest: str
    """What it was made from."""
    num_media: int
    """Rows of the manifest."""
    num_unlabelled: int
    """Media without a label: in no split."""
    config: SelectConfig
    by: SplitBy
    splits: tuple[SplitFigures, ...]
    """Train, val, test, and the labelled media in none."""
    begins_ms: dict[Split, int]
    """By time: where val and test begin."""
    left_out: dict[Reason, int]
    """Labelled media in no split, by reason."""
    place: str
    """What `--min-species` looks at: deployment, or location where there are none."""
    num_places: int = 0
    num_worthy: int = 0
    num_chosen: int = 0
    """Media to learn from."""
    available: dict[Split, dict[Label, int]] = field(default_factory=dict)
    """Media that all rules but balance and budget leave."""
    spanning: tuple[str, ...] = ()
    num_spanning: int = 0
    """Sequences with frames at several places."""
    num_unplaced: int = 0
    """Media in a split that have no location."""
    replaced_splits: bool = False

    def lines(self) -> list[str]:
        """The table and what is to be said of it."""
        return [
            *self._table(),
            *self._boundary_lines(),
            *self._left_out_lines(),
            *self._shortage_lines(),
            *self._hint_lines(),
            f"manifest in {self.location}",
        ]

    def record(self) -> dict[str, Any]:
        """The content of `selection.json`."""
        return {
            "selection_version": SELECTION_VERSION,
            "manifest": self.manifest,
            "config": self.config.model_dump(mode="json"),
            "split_by": self.by.value,
            "seed": self.config.seed,
            "num_media": self.num_media,
            "splits": [one.record() for one in self.splits],
            "begins": {split.value: moment(begin) for split, begin in self.begins_ms.items()},
            "left_out": {
                "unlabelled": self.num_unlabelled,
                **{r.name.lower(): n for r, n in self.left_out.items()},
            },
            "num_chosen": self.num_chosen,
            "available": {
                split.value: {label.value: count for label, count in counts.items()}
                for split, counts in self.available.items()
            },
            "num_places": self.num_places,
            "num_places_accepted": self.num_worthy,
            "num_sequences_at_several_places": self.num_spanning,
            "num_without_location": self.num_unplaced,
            "notes": self.lines()[len(self._table()) : -1],
        }

    def _table(self) -> list[str]:
        rows = [
            f"{'split':<10}{'media':>11}{'sequences':>11}{'locations':>11}{'blank':>9}{'night':>9}{'species':>9}"
        ]
        for one in self.splits:
            if one.num_media or one.split in set(Split):
                rows.append(
                    f"{one.split:<10}{one.num_media:>11,}{one.num_sequences:>11,}{one.num_locations:>11,}"
                    f"{percent(one.blank_share):>9}{percent(one.night_share):>9}{one.num_species:>9,}"
                )
        return rows

    def _boundary_lines(self) -> list[str]:
        if not self.begins_ms:
            return []
        parts = [f"{split} from {moment(begin)} on" for split, begin in self.begins_ms.items()]
        return [f"train until then, {', '.join(parts)}; a sequence goes by its earliest frame"]

    def _left_out_lines(self) -> list[str]:
        config = self.config
        wanted = ", ".join(
            f"{least} {what}"
            for least, what in zip(
                config.least_of_place,
                ("blank", "nonblank", "species"),
                strict=True,
            )
            if least
        )
        texts = {
            Reason.NO_SPLIT: "in no split before" if config.keep_splits else "without a time",
            Reason.LATER_FRAME: "that are not the first labelled frame of their sequence (--frames all)",
            Reason.UNWORTHY_PLACE: (
                f"at {self.place}s with fewer than {wanted} ({self.num_worthy:,} of "
                f"{number(self.num_places, self.place)} will do)"
            ),
            Reason.OVER_LOCATION_CAP: f"beyond {config.max_per_location} of a location",
            Reason.NOT_NEEDED: "for balance"
            if config.num_images is None
            else "for balance and budget"
            if config.is_balanced
            else "for the budget",
        }
        lines = [f"left out: {self.left_out[r]:,} media {texts[r]}" for r in texts if self.left_out.get(r)]
        if self.num_unlabelled:
            lines.append(f"{self.num_unlabelled:,} media without a label are in no split")
        return lines

    def _shortage_lines(self) -> list[str]:
        budget = self.config.num_images
        if budget is None or self.num_chosen >= budget - (budget % 2 if self.config.is_balanced else 0):
            return []
        found = "; ".join(
            f"{split}: {', '.join(f'{count:,} {label}' for label, count in counts.items())}"
            for split, counts in self.available.items()
        )
        short = {
            label.value
            for counts in self.available.values()
            for label, count in counts.items()
            if count == min(counts.values())
        }
        why = (
            f"{' and '.join(sorted(short))} media ran out" if self.config.is_balanced else "there are no more"
        )
        return [
            f"warning: --num-images {budget:,} was not reached: {self.num_chosen:,} found, {why} "
            f"(left by the rules: {found})"
        ]

    def _hint_lines(self) -> list[str]:
        lines = []
        for one in self.splits[:-1]:
            if one.num_media and one.num_blank in (0, one.num_media):
                lines.append(
                    f"warning: {one.split} has no {'blank' if one.num_blank == 0 else 'nonblank'} media: "
                    f"nothing can be measured on it"
                )
        if self.num_unplaced and self.by is SplitBy.LOCATION:
            lines.append(
                f"warning: {self.num_unplaced:,} media have no location and went by sequence: other pictures "
                f"of their place may be in another split"
            )
        if self.num_spanning:
            some = ", ".join(name if name.isprintable() else ascii(name) for name in self.spanning)
            more = ", …" if self.num_spanning > len(self.spanning) else ""
            lines.append(
                f"{number(self.num_spanning, 'sequence')} with frames at several {self.by}s ({some}{more}): "
                f"these {self.by}s stay together"
            )
        if self.by is not SplitBy.LOCATION:
            lines.append(
                f"split by {self.by}: locations are in several splits, so figures on test say nothing about "
                f"new locations"
            )
        if self.config.chooses and not self.config.select_test and self.splits[2].num_media:
            lines.append(
                "test keeps its natural mix of all labelled frames (--select-test chooses there too)"
            )
        if self.replaced_splits:
            lines.append("the splits that the manifest had were replaced (--keep-splits keeps them)")
        return lines
