"""What a separation has to say: before, meanwhile and afterwards.

Owns: the lines. Refuses: doing anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from blanktrap.core.config import SeparateConfig
from blanktrap.core.decisions import DecisionRule
from blanktrap.core.vocabulary import Decision
from blanktrap.core.wording import count, cutoff_text, duration, number, percent, short_name
from blanktrap.files.separating.history import HARD_LINK, LEFT, NAMES, History, Leftovers
from blanktrap.files.separating.plan import PlanCounts

_WIDTH = 13
_ORDER = (Decision.KEEP, Decision.REVIEW, Decision.SET_ASIDE, Decision.UNREADABLE)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a separation would do."""

    scores: str
    to: str
    config: SeparateConfig
    rule: DecisionRule
    counts: PlanCounts
    num_scored: int

    def lines(self) -> list[str]:
        """Counts and bytes, and that nothing was done."""
        return [
            *_planned_lines(self.counts, self.rule, self.num_scored),
            *_name_lines(self.counts, self.config),
            _line("dry run", f"nothing was written; without --dry-run {_doing(self.config)} {self.to}"),
        ]


@dataclass(frozen=True, kw_only=True)
class Separated:
    """What a separation did."""

    to: str
    config: SeparateConfig
    rule: DecisionRule
    counts: PlanCounts
    num_scored: int
    history: History
    num_before: int
    """Media that an earlier start had done."""
    wall_s: float

    def lines(self) -> list[str]:
        """What was planned, done and left, and what to do next."""
        placed, total = self.history.placed, self.counts.num_media
        num_placed = placed.total() - placed[LEFT]
        how = ", ".join(f"{count(placed[letter])} {name}" for letter, name in NAMES.items() if placed[letter])
        lines = [
            *_planned_lines(self.counts, self.rule, self.num_scored),
            *_name_lines(self.counts, self.config),
            _line("separated", f"{num_placed:,} of {number(total, 'media')}{f': {how}' if how else ''}"),
        ]
        if self.config.xmp:
            num_written = self.history.num_sidecars
            lines.append(
                _line("sidecars", f"{num_written:,} of {number(num_placed, 'media')} have an XMP file")
            )
            lines += _left_lines("no sidecar", self.history.without_sidecar, num_placed)
        lines += _left_lines("left", self.history.left, total)
        if self.num_before:
            lines.append(_line("", f"{self.num_before:,} of them were done by an earlier start"))
        lines.append(_line("took", duration(self.wall_s)))
        lines.append(_line("journal", f"{self.to.rstrip('/')}/_journal: keep it, it is what --undo goes by"))
        return [*lines, *self._next_lines()]

    def _next_lines(self) -> Iterator[str]:
        to = self.to.rstrip("/")
        num = self.counts.num
        if self.history.placed[HARD_LINK]:
            yield _line(
                "note", "a hard link is the original: what a program writes into it, it writes into both"
            )
        if self.config.mode == "manifest":
            yield _line("next", "create an S3 Batch Operations job with one of the CSV files as its manifest")
        elif num[Decision.REVIEW] and self.config.mode != "tag":
            yield _line("next", f"look through {to}/review, then at a sample of {to}/set_aside")
        else:
            yield _line(
                "next", "look at a sample of what is set aside: blanktrap audit-discard says how many"
            )
        yield _line("", f"blanktrap separate --to {self.to} --undo takes everything back")


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """What undoing did."""

    to: str
    mode: str
    num_media: int
    history: History

    def lines(self) -> list[str]:
        """What was taken back, and what was left."""
        placed = self.history.placed.total() - self.history.placed[LEFT]
        num_left = self.history.not_undone.num
        if not self.num_media:
            return [_line("taken back", f"{self.to}: nothing had been separated")]
        lines = [_line("taken back", f"{placed - num_left:,} of {number(placed, 'media')} in {self.to}")]
        lines += _left_lines("left", self.history.not_undone, placed)
        if num_left:
            lines.append(_line("next", "mend these and run the same command again, or keep them as they are"))
        else:
            lines.append(_line("", "the journal is gone: everything is as it was"))
        return lines


def progress_text(history: History, num_media: int, num_before: int, seconds: float) -> str:
    """The progress line: counts with their denominator, speed, what is left out, time left."""
    done = history.placed.total()
    speed = (done - num_before) / seconds if seconds > 0 else 0.0
    left = f", {history.left.num:,} left" if history.left.num else ""
    remaining = f", {duration((num_media - done) / speed)} to go" if speed and done < num_media else ""
    share = percent(done / num_media)
    return f"separated {done:,}/{num_media:,} ({share}), {speed:,.0f} media/s{left}{remaining}"


def bytes_text(num_bytes: int) -> str:
    """A number of bytes that people read: `512 bytes`, `3.4 MB`, `1.2 TB`."""
    size, unit = float(num_bytes), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if size < 1000.0 or unit == "PB":
            break
        size /= 1000.0
    return f"{num_bytes:,} bytes" if unit == "bytes" else f"{size:.1f} {unit}"


def _planned_lines(counts: PlanCounts, rule: DecisionRule, num_scored: int) -> list[str]:
    cutoff = f"cutoff {cutoff_text(rule.cutoff)} ({rule.chosen_by})"
    if rule.review_below is not None:
        cutoff += f", for review below {cutoff_text(rule.review_below)}"
    lines = [_line("rule", cutoff)]
    for decision in _ORDER:
        num = counts.num[decision]
        share = f" ({percent(num / num_scored)})" if num_scored else ""
        size = f", {bytes_text(counts.num_bytes[decision])}" if num else ""
        lines.append(_line(decision.value, f"{num:,} of {number(num_scored, 'media')}{share}{size}"))
    lines.append(_line("together", f"{counts.num_media:,} media, {bytes_text(counts.num_bytes.total())}"))
    if counts.num_without_size:
        lines.append(
            _line("", f"{number(counts.num_without_size, 'media')} of unknown size are not in these bytes")
        )
    return lines


def _name_lines(counts: PlanCounts, config: SeparateConfig) -> list[str]:
    """Names that are changed; tags and lists leave all as they are."""
    if not counts.num_renamed or config.mode in ("tag", "manifest"):
        return []
    lines = [_line("names", f"{number(counts.num_renamed, 'media')} cannot keep their name there, such as")]
    return lines + [
        _line("", f"{short_name(media_id)} -> {short_name(target)}") for media_id, target in counts.renamed
    ]


def _left_lines(name: str, leftovers: Leftovers, total: int) -> list[str]:
    lines = []
    for reason, num in leftovers.counts.most_common():
        named = ", ".join(short_name(media_id) for media_id in leftovers.examples[reason])
        more = ", …" if num > len(leftovers.examples[reason]) else ""
        lines.append(_line(name, f"{num:,} of {number(total, 'media')}: {reason} ({named}{more})"))
        name = ""
    return lines


def _doing(config: SeparateConfig) -> str:
    return {
        "link": "links would be made in",
        "copy": "copies would be made in",
        "move": "the media would be moved to",
        "manifest": "lists would be written to",
        "tag": "objects would be tagged, with a journal in",
    }[config.mode]


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}"
