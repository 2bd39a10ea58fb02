"""Where the chosen cutoff goes wrong, as a report says it.

Owns: the section `error_analysis` of `report.json`, in short; the tables beside it have every row. Refuses:
counting; that is `error_analysis`, `static_scenes` and `error_tags`.
"""

from typing import Any

import pyarrow as pa

from blanktrap.core.audits.review import SettledAnswers
from blanktrap.core.evaluation.error_analysis import NOT_KNOWN, analyse_errors, describe_left_out, fates_at
from blanktrap.core.evaluation.error_facts import Facts
from blanktrap.core.evaluation.error_tags import INTERVAL_BY, compare_tags, sort_answers
from blanktrap.core.evaluation.error_tags import SCHEMA as TAG_SCHEMA
from blanktrap.core.evaluation.missed_shares import EXACT, NOT_SCORED
from blanktrap.core.evaluation.static_scenes import find_static_scenes
from blanktrap.core.reporting.report_parts import Figure, Part

_NUM_SHOWN = 5


class MissedBy(Part):
    """Missed shares by one property of the nonblank media."""

    factor: str
    num_values: int
    """Values that any scored media has."""
    num_thin: int
    """Those among them with few media or few locations: in the table, and not in `highest`."""
    num_not_known: int
    """Scored nonblank media of which the property is not known."""
    highest: dict[str, Figure]
    """The values with the largest missed share that are not thin, up to five, the largest first."""


class StaticScene(Part):
    """A location whose blanks are kept far more often than those of others."""

    location_id: str
    false_positive_rate: Figure
    """Share of its labelled blanks that are kept; the interval is exact and takes media as independent."""
    typical_rate: float
    """The rate that half of all blanks have or fall below, by location."""
    num_kept_blank: int
    share_of_all: float
    """Of all kept blanks."""
    longest_run: int
    """Kept blanks that follow each other in time; 0 below three."""
    example_media_ids: tuple[str, ...]


class TagDifference(Part):
    """One tag among missed and found media."""

    kind: str
    """`position` or `circumstance`."""
    tag: str
    missed: Figure
    """Share of the tagged missed media that have it."""
    found: Figure
    difference: Figure
    """The share among missed less the share among found, in [-1, 1]."""


class Tags(Part):
    """What people saw in missed and in found nonblank media."""

    num_missed: int
    """Missed media that people tagged."""
    num_found: int
    num_locations: int
    left_out: dict[str, int]
    """Media with an answer that count in neither group, by reason in words."""
    differences: tuple[TagDifference, ...]


class SampleToTag(Part):
    """Media that were drawn for people to tag."""

    location: str
    """The review queue."""
    num_missed: int
    """Missed media drawn."""
    num_found: int
    num_missed_there: int
    """Missed media to draw from; where fewer were drawn than asked for, these are all."""
    num_found_there: int


class ErrorAnalysis(Part):
    """Where the misses and the false alarms of the chosen cutoff are."""

    cutoff: float
    num_nonblank: int
    """Scored nonblank media."""
    num_missed: int
    num_not_scored: int
    """Nonblank media without a score: kept for people, a line of their own in every table."""
    missed_by: tuple[MissedBy, ...]
    static_scenes: tuple[StaticScene, ...]
    """The worst ten; the table has all."""
    num_static_scenes: int
    left_out: tuple[str, ...]
    """What could not be looked at, and why."""
    notes: tuple[str, ...]
    """How to read it."""
    tags: Tags | None = None
    """None where no tags were given."""
    sample: SampleToTag | None = None
    """None where none was asked for."""


_NOTES = (
    "Shares are of scored nonblank media. A property with a large missed share need not be its cause: a "
    "species may be missed because it comes by night.",
    "Static scenes are found from scores alone: they say that a location fires all the time, not which part "
    "of the picture does; grass in the wind and wrong labels look alike.",
)


def build_error_analysis(
    facts: Facts, *, cutoff: float, seed: int, measured_on: str, settled: SettledAnswers | None = None
) -> tuple[ErrorAnalysis, dict[str, pa.Table]]:
    """Analyse the errors at a cutoff.

    Args:
        facts: of the measured media.
        cutoff: the report's chosen one.
        seed: of the resampling of locations.
        measured_on: in words.
        settled: what people tagged; None where nobody did.

    Returns:
        The section of `report.json`, and the tables `errors`, `static_scenes` and `error_tags`.

    Raises:
        EvaluationError: none of the media with tags is measured as nonblank.
    """
    errors, scenes = analyse_errors(facts, cutoff=cutoff, seed=seed), find_static_scenes(facts, cutoff=cutoff)
    fates = fates_at(facts, cutoff)
    rows = errors.to_pylist()
    tags, tag_rows = _tags(facts, settled, cutoff, seed)
    section = ErrorAnalysis(
        cutoff=cutoff,
        num_nonblank=int(fates.is_scored.sum()),
        num_missed=int(fates.is_missed.sum()),
        num_not_scored=int((~fates.is_scored).sum()),
        missed_by=tuple(
            _missed_by(factor, [row for row in rows if row["factor"] == factor], measured_on)
            for factor in dict.fromkeys(row["factor"] for row in rows)
        ),
        static_scenes=tuple(_static_scene(row, measured_on) for row in scenes.slice(0, 10).to_pylist()),
        num_static_scenes=scenes.num_rows,
        left_out=tuple(describe_left_out(facts)),
        notes=_NOTES,
        tags=tags,
    )
    return section, {"errors": errors, "static_scenes": scenes, "error_tags": tag_rows}


def _tags(
    facts: Facts, settled: SettledAnswers | None, cutoff: float, seed: int
) -> tuple[Tags | None, pa.Table]:
    if settled is None:
        return None, TAG_SCHEMA.empty_table()
    tagged = sort_answers(settled, facts.answered, cutoff=cutoff)
    table = compare_tags(tagged, seed=seed)
    on = f"{tagged.num_missed:,} missed and {tagged.num_found:,} found nonblank media that people tagged"
    places = len(set(tagged.locations) - {None})
    section = Tags(
        num_missed=tagged.num_missed,
        num_found=tagged.num_found,
        num_locations=places,
        left_out=tagged.left_out,
        differences=tuple(_tag_difference(row, places, on) for row in table.to_pylist()),
    )
    return section, table


def _tag_difference(row: dict[str, Any], num_locations: int, measured_on: str) -> TagDifference:
    def figure(value: float | None, bounds: str, num: int) -> Figure:
        low, high = row[f"{bounds}interval_low"], row[f"{bounds}interval_high"]
        return Figure(
            value=value,
            interval=None if low is None else (low, high),
            interval_by=None if low is None else INTERVAL_BY,
            n=num,
            num_locations=num_locations,
            measured_on=measured_on,
        )

    num_missed, num_found = row["missed_num_media"], row["found_num_media"]
    return TagDifference(
        kind=row["kind"],
        tag=row["tag"],
        missed=figure(row["missed_share"], "missed_", num_missed),
        found=figure(row["found_share"], "found_", num_found),
        difference=figure(row["difference"], "", num_missed + num_found),
    )


def _missed_by(factor: str, rows: list[dict[str, Any]], measured_on: str) -> MissedBy:
    values = [row for row in rows if row["value"] != NOT_SCORED and row["num_media"]]
    known = [row for row in values if row["value"] != NOT_KNOWN]
    firm = sorted((row for row in known if not row["is_thin"]), key=lambda row: -row["missed_share"])
    return MissedBy(
        factor=factor,
        num_values=len(known),
        num_thin=len(known) - len(firm),
        num_not_known=sum(row["num_media"] for row in values if row["value"] == NOT_KNOWN),
        highest={
            str(row["value"]): _figure(row, "missed_share", "num_media", measured_on)
            for row in firm[:_NUM_SHOWN]
        },
    )


def _static_scene(row: dict[str, Any], measured_on: str) -> StaticScene:
    alone = {**row, "num_locations": 1, "interval_by": EXACT}
    rate = _figure(alone, "false_positive_rate", "num_blank", measured_on)
    kept = {name: row[name] for name in StaticScene.model_fields if name != "false_positive_rate"}
    return StaticScene.model_validate({**kept, "false_positive_rate": rate})


def _figure(row: dict[str, Any], share: str, num: str, measured_on: str) -> Figure:
    low, high = row["interval_low"], row["interval_high"]
    return Figure.model_validate(
        {
            "value": row[share],
            "interval": None if low is None else (low, high),
            "interval_by": row["interval_by"],
            "n": row[num],
            "num_locations": row["num_locations"],
            "measured_on": measured_on,
        }
    )
