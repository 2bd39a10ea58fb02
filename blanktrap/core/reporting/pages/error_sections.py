"""Errors on a report's page: where animals are missed, what people saw, which locations fire all the time.

Owns: these sections and their words. Refuses: computing figures.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from blanktrap.core.evaluation.error_analysis import NOT_KNOWN
from blanktrap.core.evaluation.missed_shares import NOT_SCORED
from blanktrap.core.reporting.pages.document import Block, DataTable, Heading, Notices, Paragraph, cut_table
from blanktrap.core.reporting.report_errors import ErrorAnalysis, SampleToTag, Tags
from blanktrap.core.wording import count, number, percent, points, span

_TITLES = {
    "species": "Species, the highest missed share first",
    "hour": "Hour of the camera's clock",
    "light": "Day and night (infrared or flash)",
    "brightness": "Brightness, 0 black to 1 white",
    "exposure": "Exposure, by the histogram",
    "sequence length": "Images in the sequence",
    "image size": "Image size",
}
_OWN_TABLE = "location"
_THIN = "thin"
_HOW_TO_READ = (
    "The tables below count scored nonblank media, and give the share of them that is called blank. Thin: "
    "fewer than 30 media, or fewer than 3 locations. Intervals draw locations again; media of one location "
    "have none."
)


def error_blocks(errors: ErrorAnalysis | None, tables: Mapping[str, pa.Table]) -> list[Block]:
    """Missed shares by each property, tags, and static scenes; nothing without an analysis."""
    if errors is None:
        return []
    # Media without a score have a line of their own; that their light is not known needs no second one.
    rows = [row for row in tables["errors"].to_pylist() if row["num_media"] or row["value"] != NOT_KNOWN]
    blocks: list[Block] = [Paragraph(_HOW_TO_READ)]
    for factor in dict.fromkeys(row["factor"] for row in rows):
        if factor != _OWN_TABLE:
            blocks.append(cut_table(_missed_table(factor, [row for row in rows if row["factor"] == factor])))
    blocks.append(Notices("refused", "What could not be looked at", errors.left_out))
    if errors.tags is not None:
        blocks += _tag_blocks(errors.tags)
    if errors.sample is not None:
        blocks.append(_sample_block(errors.sample))
    return [*blocks, *_scene_blocks(errors, tables["static_scenes"])]


def _missed_table(factor: str, rows: list[dict[str, Any]]) -> DataTable:
    return DataTable(
        title=_TITLES.get(factor, f"Image quality: {factor}"),
        columns=(
            factor,
            "media",
            "missed",
            "missed share",
            "95 % interval",
            "locations",
            "not scored",
            "note",
        ),
        rows=tuple(
            (
                row["value"],
                count(row["num_media"]),
                count(row["num_missed"]),
                percent(row["missed_share"]),
                _bounds(row["interval_low"], row["interval_high"]),
                count(row["num_locations"]),
                count(row["num_not_scored"]),
                _THIN if row["is_thin"] and row["value"] != NOT_SCORED else "",
            )
            for row in rows
        ),
    )


def _tag_blocks(tags: Tags) -> list[Block]:
    left_out = ", ".join(f"{num:,} {reason}" for reason, num in tags.left_out.items())
    return [
        Heading("What people saw in missed and in found images"),
        Paragraph(
            f"{tags.num_missed:,} missed and {tags.num_found:,} found nonblank media at "
            f"{number(tags.num_locations, 'location')} were tagged by people."
            f"{f' In neither group: {left_out}.' if left_out else ''} A tag with a difference above zero is "
            f"commoner among missed media; where its interval spans zero, chance may have made it so."
        ),
        DataTable(
            columns=("tag", "kind", "among missed", "among found", "difference", "95 % interval"),
            rows=tuple(
                (
                    one.tag.replace("_", " "),
                    one.kind,
                    percent(one.missed.value),
                    percent(one.found.value),
                    "-" if one.difference.value is None else f"{points(one.difference.value)} points",
                    "-"
                    if one.difference.interval is None
                    else " to ".join(points(bound) for bound in one.difference.interval),
                )
                for one in tags.differences
            ),
            num_text_columns=2,
            caption="Several circumstances may apply to one media. Intervals draw locations again.",
        ),
    ]


def _sample_block(sample: SampleToTag) -> Block:
    return Paragraph(
        f"{sample.num_missed:,} of {sample.num_missed_there:,} missed and {sample.num_found:,} of "
        f"{sample.num_found_there:,} found media were drawn for people to tag: {sample.location}."
    )


def _scene_blocks(errors: ErrorAnalysis, scenes: pa.Table) -> list[Block]:
    blocks: list[Block] = [Heading("Locations that fire all the time")]
    if not scenes.num_rows:
        return [*blocks, Paragraph("No location keeps blanks far more often than the others do.")]
    return [
        *blocks,
        Paragraph(
            "Blanks of these locations are kept at least three times as often as is typical, beyond chance. "
            + errors.notes[-1]
        ),
        cut_table(
            DataTable(
                columns=(
                    "location",
                    "blanks",
                    "kept",
                    "kept share",
                    "95 % interval",
                    "of all kept blanks",
                    "longest run",
                ),
                rows=tuple(
                    (
                        row["location_id"],
                        count(row["num_blank"]),
                        count(row["num_kept_blank"]),
                        percent(row["false_positive_rate"]),
                        _bounds(row["interval_low"], row["interval_high"]),
                        percent(row["share_of_all"]),
                        count(row["longest_run"]),
                    )
                    for row in scenes.to_pylist()
                ),
                caption=(
                    f"Typical share: {percent(errors.static_scenes[0].typical_rate)}. A run is three or more "
                    f"kept blanks that follow each other in time. Intervals take media as independent."
                ),
            )
        ),
    ]


def _bounds(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else span((low, high))
