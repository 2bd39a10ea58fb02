"""How a plan is printed: a table of machines, and where its figures come from.

Owns: the lines. Refuses: the arithmetic (`plans`).
"""

from collections.abc import Iterable

from blanktrap.core.config import InstanceChoice, PlanConfig
from blanktrap.core.planning.plans import DRIVER, STARTUP_HOURS, MachinePlan, Requests, Taken
from blanktrap.core.planning.prices import INSTANCE_TYPES, PRICES_STATED, REGION, SPOT_SHARE, Range
from blanktrap.core.planning.speeds import DRIVER_IMAGES_PER_S, Workload
from blanktrap.core.wording import duration

_HEADER = ("machines", "images/s", "time", "cost", "bound by")


def describe_workload(workload: Workload, requests: Requests, *, is_sampled: bool) -> list[str]:
    """How much there is, and what S3 is asked."""
    total = workload.num_media * workload.mean_bytes
    about = "about " if is_sampled else ""
    return [
        f"to score: {workload.num_media:,} media, {about}{_bytes(total)}, {_bytes(workload.mean_bytes)} each",
        f"S3: {requests.num_gets:,} GET, {requests.num_puts:,} PUT and LIST, {_usd(requests.usd)}",
    ]


def describe_machines(machines: Iterable[MachinePlan]) -> list[str]:
    """A table with a line for each kind of machine, low to high; and what to do where they are too many."""
    plans = list(machines)
    lines = _table([_HEADER, *(_cells(one) for one in plans)])
    if any(plan.bottleneck == DRIVER for plan in plans):
        low, high = map(_number, DRIVER_IMAGES_PER_S)
        lines.append(
            f"driver: one run hands out {low} to {high} images/s at the most; for more, score parts of the "
            f"archive in runs of their own"
        )
    return lines


def describe_taken(plan: MachinePlan, taken: Taken) -> list[str]:
    """The plan's line, and below it the same line with what it really took."""
    row = (
        _machines(plan.num_machines, plan.choice),
        _number(taken.images_per_s),
        duration(3600.0 * taken.hours),
        _usd_range(taken.usd),
        "" if taken.num_starts == 1 else f"in {taken.num_starts} starts",
    )
    lines = _table([_HEADER, _cells(plan), row])
    return [f"{word:<9}{line}" for word, line in zip(("", "planned", "took"), lines, strict=True)]


def describe_sources(config: PlanConfig) -> list[str]:
    """What is in the figures, and what to check before money is spent."""
    seen = {
        choice.name: INSTANCE_TYPES[choice.name].price_seen
        for choice in config.instances
        if INSTANCE_TYPES[choice.name].price_seen
    }
    again = "".join(f", {name} seen again {when}" for name, when in seen.items())
    low, high = (round(60.0 * hours) for hours in STARTUP_HOURS)
    return [
        f"in it: a head ({config.head.text}), volumes, and {low} to {high} minutes of starting up",
        f"prices: {REGION}, stated in {PRICES_STATED}{again}; spot at {100 * SPOT_SHARE[0]:.0f} to "
        f"{100 * SPOT_SHARE[1]:.0f} % of on-demand. They change: check them",
        "speeds: decoding and processors were measured, GPUs are modelled; docs/cluster.md says how",
    ]


def _cells(plan: MachinePlan) -> tuple[str, ...]:
    return (
        _machines(plan.num_machines, plan.choice),
        f"{_number(plan.images_per_s[0])} to {_number(plan.images_per_s[1])}",
        f"{duration(3600.0 * plan.hours[0])} to {duration(3600.0 * plan.hours[1])}",
        _usd_range(plan.usd),
        plan.bottleneck,
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _machines(num_machines: int, choice: InstanceChoice) -> str:
    return f"{num_machines:,} x {choice.text}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10.0 else f"{value:.1f}"


def _usd(value: float) -> str:
    return f"${value:,.0f}" if value >= 100.0 else f"${value:.2f}"


def _usd_range(usd: Range) -> str:
    return f"{_usd(usd[0])} to {_usd(usd[1])}"


def _bytes(num_bytes: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= size:
            return f"{num_bytes / size:.2f} {unit}"
    return f"{num_bytes / 1e3:.1f} kB"
