"""The section on errors, in lines for a terminal.

Owns: their wording. Refuses: figures that are not in the report.
"""

from blanktrap.core.report_errors import ErrorAnalysis, MissedBy
from blanktrap.core.report_parts import Figure
from blanktrap.core.wording import number, percent

_LABEL_WIDTH = 22
_NUM_SHOWN = 3
_SHOWN = ("species", "location", "light", "hour")


def summarise_errors(errors: ErrorAnalysis) -> list[str]:
    """Word where the misses and the false alarms are: the largest shares of a few properties."""
    lines = [
        f"most often missed: share of scored nonblank media called blank (95 % interval, media), "
        f"{percent(errors.num_missed / errors.num_nonblank) if errors.num_nonblank else '-'} over all:"
    ]
    for by in errors.missed_by:
        if by.factor in _SHOWN:
            lines += _missed_lines(by)
    if errors.static_scenes:
        share = sum(scene.share_of_all for scene in errors.static_scenes)
        lines.append(
            f"{'  fire all the time':<{_LABEL_WIDTH}}{number(errors.num_static_scenes, 'location')} with "
            f"{percent(share)} of all kept blanks: "
            + ", ".join(
                f"{one.location_id} ({one.num_kept_blank:,} of its {one.false_positive_rate.n:,} blanks)"
                for one in errors.static_scenes[:_NUM_SHOWN]
            )
        )
    return lines


def _missed_lines(by: MissedBy) -> list[str]:
    shown = [(value, figure) for value, figure in by.highest.items() if figure.value]
    if not shown:
        return []
    thin = f" ({by.num_thin:,} more with few media or locations)" if by.num_thin else ""
    words = "; ".join(f"{value} {_share(figure)}" for value, figure in shown[:_NUM_SHOWN])
    return [f"{f'  by {by.factor}':<{_LABEL_WIDTH}}{words}{thin}"]


def _share(figure: Figure) -> str:
    if figure.interval is None:
        return f"{percent(figure.value)} of {figure.n:,}"
    low, high = (100.0 * bound for bound in figure.interval)
    return f"{percent(figure.value)} ({low:.1f} to {high:.1f}, {figure.n:,})"
