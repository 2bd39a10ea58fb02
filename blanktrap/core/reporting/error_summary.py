"""The section on errors, in lines for a terminal.

Owns: their wording. Refuses: figures that are not in the report.
"""

from blanktrap.core.reporting.report_errors import ErrorAnalysis, MissedBy, SampleToTag, Tags
from blanktrap.core.reporting.report_parts import Figure
from blanktrap.core.wording import number, percent, points, short_name

_LABEL_WIDTH = 22
_NUM_SHOWN = 3
_SHOWN = ("species", "location", "light", "hour")


def summarise_errors(errors: ErrorAnalysis) -> list[str]:
    """Word where the misses and the false alarms are: the largest shares of a few properties."""
    lines = []
    if errors.num_missed:
        lines.append(
            f"most often missed: share of scored nonblank media called blank (95 % interval, media), "
            f"{percent(errors.num_missed / errors.num_nonblank)} over all:"
        )
        for by in errors.missed_by:
            if by.factor in _SHOWN:
                lines += _missed_lines(by)
    else:
        lines.append(f"missed at this cutoff: none of {number(errors.num_nonblank, 'scored nonblank media')}")
    if errors.static_scenes:
        share = sum(scene.share_of_all for scene in errors.static_scenes)
        lines.append(
            f"{'  fire all the time':<{_LABEL_WIDTH}}{number(errors.num_static_scenes, 'location')} with "
            f"{percent(share)} of all kept blanks: "
            + ", ".join(
                f"{short_name(one.location_id)} ({one.num_kept_blank:,} of its "
                f"{one.false_positive_rate.n:,} blanks)"
                for one in errors.static_scenes[:_NUM_SHOWN]
            )
        )
    if errors.tags is not None:
        lines += _tag_lines(errors.tags)
    if errors.sample is not None:
        lines += _sample_lines(errors.sample)
    return lines


def _tag_lines(tags: Tags) -> list[str]:
    lines = [
        f"tags by people on {tags.num_missed:,} missed and {tags.num_found:,} found media "
        f"(share among missed, among found; difference with 95 % interval):"
    ]
    given = [one for one in tags.differences if one.missed.value or one.found.value]
    for one in sorted(given, key=lambda one: -(one.difference.value or 0.0)):
        lines.append(
            f"{f'  {one.tag}':<{_LABEL_WIDTH}}{percent(one.missed.value):>8}{percent(one.found.value):>8}"
            f"{_points(one.difference)}"
        )
    left_out = ", ".join(f"{num:,} {reason}" for reason, num in tags.left_out.items())
    return [*lines, f"{'  in neither group':<{_LABEL_WIDTH}}{left_out}"] if left_out else lines


def _points(difference: Figure) -> str:
    if difference.value is None:
        return ""
    words = f"{points(difference.value):>8} points"
    if difference.interval is None:
        return words
    low, high = difference.interval
    return f"{words} ({points(low)} to {points(high)})"


def _sample_lines(sample: SampleToTag) -> list[str]:
    return [
        f"{'to tag':<{_LABEL_WIDTH}}{sample.num_missed:,} of {sample.num_missed_there:,} missed and "
        f"{sample.num_found:,} of {sample.num_found_there:,} found media in {sample.location}: fill in its "
        f"queue.csv,",
        f"{'':<{_LABEL_WIDTH}}then evaluate again into another --out with --tags {sample.location}/queue.csv",
    ]


def _missed_lines(by: MissedBy) -> list[str]:
    shown = [(value, figure) for value, figure in by.highest.items() if figure.value]
    if not shown:
        return []
    thin = f" ({by.num_thin:,} more with few media or locations)" if by.num_thin else ""
    words = "; ".join(f"{short_name(value)} {_share(figure)}" for value, figure in shown[:_NUM_SHOWN])
    return [f"{f'  by {by.factor}':<{_LABEL_WIDTH}}{words}{thin}"]


def _share(figure: Figure) -> str:
    if figure.interval is None:
        return f"{percent(figure.value)} of {figure.n:,}"
    low, high = (100.0 * bound for bound in figure.interval)
    return f"{percent(figure.value)} ({low:.1f} to {high:.1f}, {figure.n:,})"
