"""What an index run found, left out and could not decide.

Owns: the figures and the lines that are printed. Refuses: finding anything out; `indexing` fills it in.
"""

from dataclasses import dataclass

from blanktrap.core.wording import number
from blanktrap.files.annotations.matching import MatchCounts

_MAX_FOLDERS = 20
_MAX_EXAMPLE = 200


@dataclass(frozen=True, kw_only=True)
class AnnotationSummary:
    """What one annotation file gave."""

    where: str
    format_name: str
    companions: list[str]
    """Files that were read together with it."""
    matches: MatchCounts
    problems: dict[str, int]
    """What could not be used, by reason."""
    problem_examples: dict[str, list[str]]
    bad_rows: dict[str, int]
    """Rows left out because they cannot be used, by reason."""
    bad_row_examples: dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class IndexSummary:
    """Counts of one index run. Examples are at most five each."""

    num_media: int
    num_listed: int
    """Files seen, images and others."""
    num_listed_twice: int
    """Listings of a file that was listed before."""
    left_out: dict[str, int]
    """Files that are no images, by extension or reason."""
    left_out_examples: dict[str, list[str]]
    num_pattern_missed: int
    """Images that the path pattern does not fit."""
    pattern_example: str | None
    label_folders: dict[str, dict[str, int]]
    """Media by the folder name that was read as a label, by what it became: blank, nonblank or none."""
    annotations: list[AnnotationSummary]
    passed_over: list[str]
    """Files in a folder or zip of annotations that belong to no format."""
    num_annotated: int
    """Media that some annotation file speaks of."""
    num_contradicting: int
    """Media that annotations call both blank and nonblank: their label stays open."""
    contradicting: list[str]
    num_differing: int
    """Media whose place, time or sequence annotations state differently: left open."""
    differing: list[str]
    num_shared_sequences: int
    """Sequence ids that occur at several locations: each was put behind its location's id."""
    shared_sequences: list[str]
    by_label: dict[str, int]
    """Media by label; `none` where there is none."""
    unlabelled: list[str]
    num_locations: int
    num_sequences: int
    num_undated: int
    num_night: int
    """Media whose EXIF says that they were taken in infrared light or with a flash."""
    num_day: int
    """Media whose EXIF preview has colours, taken without a flash."""
    num_with_location: int
    num_exif_read: int
    num_exif_failed: int
    listing_s: float
    keys_per_s: float
    total_s: float

    def lines(self) -> list[str]:
        """The summary as lines to print."""
        lines = [
            f"indexed {self.num_media:,} media of {self.num_listed:,} files in {self.total_s:.1f} s "
            f"(listing {self.listing_s:.1f} s, {self.keys_per_s:,.0f} keys/s)"
        ]
        if self.num_listed_twice:
            lines.append(f"listed more than once and counted once: {self.num_listed_twice:,}")
        for reason, count in sorted(self.left_out.items(), key=lambda item: (-item[1], item[0])):
            lines.append(
                f"not indexed, {reason}: {count:,}{_examples(self.left_out_examples[reason], count)}"
            )
        if self.num_pattern_missed:
            lines.append(
                f"path pattern does not fit {self.num_pattern_missed:,} media "
                f"(such as {self.pattern_example})"
            )
        lines += _folder_lines(self.label_folders)
        for one in self.annotations:
            lines += _annotation_lines(one)
        if self.passed_over:
            lines.append(
                f"in the folders and zips of annotations, of no known format: {len(self.passed_over):,}"
                f"{_examples(self.passed_over[:5], len(self.passed_over))}"
            )
        if self.num_contradicting:
            lines.append(
                f"called both blank and nonblank, label left open: {self.num_contradicting:,}"
                f"{_examples(self.contradicting, self.num_contradicting)}"
            )
        if self.num_differing:
            lines.append(
                f"place, time or sequence stated differently, left open: {self.num_differing:,}"
                f"{_examples(self.differing, self.num_differing)}"
            )
        if self.num_shared_sequences:
            lines.append(
                f"sequence ids used at several locations, put behind the location's: "
                f"{self.num_shared_sequences:,}{_examples(self.shared_sequences, self.num_shared_sequences)}"
            )
        counts = ", ".join(f"{count:,} {label}" for label, count in self.by_label.items())
        without = self.by_label.get("none", 0)
        asked = self.annotations or self.label_folders
        shown = _examples(self.unlabelled, without) if asked and without else ""
        lines.append(f"labels: {counts}{shown}")
        lines.append(
            f"places and times: {self.num_locations:,} locations ({self.num_with_location:,} media), "
            f"{self.num_sequences:,} sequences, {self.num_undated:,} media without a time"
        )
        if self.num_exif_read:
            lines.append(
                f"EXIF read from {self.num_exif_read:,} media, {self.num_exif_failed:,} unreadable: "
                f"{self.num_night:,} by night, {self.num_day:,} by day, "
                f"{self.num_media - self.num_night - self.num_day:,} do not say"
            )
        return lines


def _folder_lines(label_folders: dict[str, dict[str, int]]) -> list[str]:
    """Which folder names became which label, the commonest first."""
    if not label_folders:
        return []
    lines = ["labels from folder names:"]
    for label in ("blank", "nonblank", "none"):
        folders = label_folders.get(label, {})
        most = sorted(folders.items(), key=lambda item: (-item[1], item[0]))[:_MAX_FOLDERS]
        names = _examples([f"{name} {count:,}" for name, count in most], len(folders)) or " (no folder)"
        lines.append(f"  {label}: {sum(folders.values()):,} media{names}")
    if "blank" not in label_folders:
        lines.append("  no folder's name means blank: {label} in --path-pattern names another folder")
    return lines


def _annotation_lines(one: AnnotationSummary) -> list[str]:
    matches = one.matches
    steps = ", ".join(f"{count:,} by {step}" for step, count in sorted(matches.num_by_step.items()))
    beside = f" with {', '.join(map(_printable, one.companions))}" if one.companions else ""
    lines = [
        f"{_printable(one.where)}{beside} ({one.format_name}): {number(matches.num_rows, 'row')} for "
        f"{number(matches.num_named, 'file')}; {matches.num_rows_matched:,} matched "
        f"{matches.num_media_matched:,} media" + (f" ({steps})" if steps else "")
    ]
    if matches.num_ambiguous:
        shown = _examples(matches.ambiguous, matches.num_ambiguous)
        lines.append(
            f"  could mean several media, used for none: {number(matches.num_ambiguous, 'name')} in "
            f"{number(matches.num_rows_ambiguous, 'row')}{shown}"
        )
    if matches.num_without_file:
        shown = _examples(matches.without_file, matches.num_without_file)
        lines.append(
            f"  without a file: {number(matches.num_without_file, 'name')} in "
            f"{number(matches.num_rows_without_file, 'row')}{shown}"
        )
    if matches.num_media_unnamed:
        shown = _examples(matches.unnamed, matches.num_media_unnamed)
        lines.append(f"  media that it does not name: {matches.num_media_unnamed:,}{shown}")
    if matches.num_stray_observations:
        lines.append(f"  annotations of images it does not list: {matches.num_stray_observations:,}")
    for reason, count in sorted(one.bad_rows.items()):
        lines.append(f"  {reason}: {count:,}{_examples(one.bad_row_examples[reason], count)}")
    for reason, count in sorted(one.problems.items()):
        lines.append(f"  {reason}: {count:,}{_examples(one.problem_examples[reason], count)}")
    return lines


def _examples(names: list[str], count: int) -> str:
    shown = ", ".join(map(_printable, names))
    return f" ({shown}{', …' if count > len(names) else ''})" if names else ""


def _printable(name: str) -> str:
    # A name may hold line breaks or control characters: one line must stay one line.
    short = name if len(name) <= _MAX_EXAMPLE else f"{name[:_MAX_EXAMPLE]}…"
    return short if short.isprintable() else ascii(short)
