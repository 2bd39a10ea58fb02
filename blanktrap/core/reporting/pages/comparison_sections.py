"""Comparisons with other scores on a report's page.

Owns: their sections and words. Refuses: computing figures.
"""

from collections.abc import Sequence

from blanktrap.core.reporting.comparison_summary import NAMES, difference_in_words
from blanktrap.core.reporting.pages.document import Block, DataTable, Heading, Notices, Paragraph
from blanktrap.core.reporting.report_comparisons import ComparedWith, Disagreement
from blanktrap.core.wording import count, cutoff_text, percent


def comparison_blocks(comparisons: Sequence[ComparedWith]) -> list[Block]:
    """One section for all comparisons; nothing where there are none."""
    if not comparisons:
        return []
    blocks: list[Block] = [
        Heading("Compared with other scores"),
        Paragraph(
            "Only media that both have scored are compared, so these figures may differ from those above. "
            "Differences are here less there; both are resampled with the same locations. An interval that "
            "leaves out zero says that the two differ on locations like these."
        ),
    ]
    for one in comparisons:
        blocks += _blocks(one)
    return blocks


def _blocks(one: ComparedWith) -> list[Block]:
    notes = (
        *one.notes,
        *((f"{one.num_only_here:,} measured media have no score there",) if one.num_only_here else ()),
    )
    blocks: list[Block] = [Notices("warning", f"About {one.other}", notes)] if notes else []
    if one.refusal is not None:
        return [*blocks, Notices("refused", f"No comparison with {one.other}", (one.refusal,))]
    equal = (
        ""
        if one.equal_recall_cutoff is None
        else f" Equal recall: cutoff {cutoff_text(one.equal_recall_cutoff)} there."
    )
    blocks.append(
        DataTable(
            title=f"{one.other} ({one.what})",
            columns=("figure", "here", "there", "difference", "95 % interval"),
            rows=tuple(
                (words, percent(figure.here), percent(figure.there), *difference_in_words(figure))
                for name, words in NAMES.items()
                if (figure := one.figures.get(name)) is not None
            ),
            caption=(
                f"{one.num_media:,} labelled media. Cutoff here {cutoff_text(one.cutoff)}, there "
                f"{cutoff_text(one.other_cutoff)} ({one.other_cutoff_from}).{equal}"
            ),
        )
    )
    if one.nonblank is not None and one.blank is not None:
        blocks.append(_disagreements(one.nonblank, one.blank))
    return blocks


def _disagreements(nonblank: Disagreement, blank: Disagreement) -> DataTable:
    return DataTable(
        columns=("label", "kept by both", "here only", "there only", "by neither"),
        rows=tuple(
            (
                name,
                count(one.kept_by_both),
                count(one.kept_here_only),
                count(one.kept_there_only),
                count(one.kept_by_neither),
            )
            for name, one in (("nonblank", nonblank), ("blank", blank))
        ),
        caption="Each at its own cutoff.",
    )
