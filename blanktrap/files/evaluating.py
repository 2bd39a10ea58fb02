"""From a scores dataset to a report: reading and writing around pure arithmetic.

Owns: the order of the steps, and which labelled media are measured at which cutoff. Refuses: figures
without labels of both kinds; arithmetic lives in `blanktrap.core`.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pyarrow as pa

import blanktrap
from blanktrap.core.basis import Basis, describe_media
from blanktrap.core.config import EvaluateConfig
from blanktrap.core.cutoff_choice import choose_report_cutoff, given_cutoff
from blanktrap.core.error_facts import COLUMNS as ERROR_COLUMNS
from blanktrap.core.error_facts import ErrorFacts
from blanktrap.core.error_sample import draw_error_sample
from blanktrap.core.errors import EvaluationError
from blanktrap.core.measured import Measured
from blanktrap.core.pages.html import render_html
from blanktrap.core.pages.markdown import render_markdown
from blanktrap.core.pages.report_page import report_document
from blanktrap.core.pairing import PairFacts
from blanktrap.core.report import Report
from blanktrap.core.report_comparisons import comparison_table
from blanktrap.core.report_errors import build_error_analysis
from blanktrap.core.report_figures import build_report
from blanktrap.core.report_tables import (
    confusion_table,
    curve_table,
    histogram_table,
    locations_table,
    roc_table,
    species_table,
)
from blanktrap.core.report_warnings import describe_seen
from blanktrap.core.tally import COLUMNS, Tally, gather
from blanktrap.core.vocabulary import Split
from blanktrap.files.error_sampling import (
    begin_facts,
    describe_sample,
    read_tags,
    refuse_earlier_sample,
    write_error_sample,
)
from blanktrap.files.label_join import SCORE_COLUMNS, join_labels
from blanktrap.files.manifest import open_manifest
from blanktrap.files.reports import check_output, write_report
from blanktrap.files.scores_reader import Scores, open_scores
from blanktrap.files.second_opinions import check_second_opinions, compare_scores
from blanktrap.files.sequence_groups import SequenceGroups, group_sequences
from blanktrap.files.storage import Storage

logger = logging.getLogger(__name__)


def evaluate_scores(
    scores_location: str,
    out: str,
    *,
    config: EvaluateConfig,
    storage: Storage,
    labels: str | None = None,
    tags: Sequence[str] = (),
    compare: Sequence[str] = (),
    overwrite: bool = False,
) -> Report:
    """Measure what a scores dataset is worth, and write the report.

    Args:
        scores_location: the scores dataset, local or S3.
        out: the report folder, local or S3.
        config: cutoff, split, blank rate and speed of hand work.
        storage: the door to the bytes.
        labels: a manifest whose labels replace those in the scores; None takes the scores' own.
        tags: files of what people saw in missed and found media.
        compare: other scores of the same media: scores datasets, reports, MegaDetector results.
        overwrite: replace an old report at `out`.

    Returns:
        The report as written.

    Raises:
        ReportError: `out` must not be written to.
        ScoresError: the scores are missing, incomplete or damaged.
        EvaluationError: media that the model has seen (unless allowed), no labels, labels of one kind
            only, a cutoff outside [0, 1], or a recall that cannot be promised.
        SourceError: something cannot be read or written.
    """
    check_output(storage, out, overwrite=overwrite)
    scores = open_scores(storage, scores_location, allow_incomplete=config.allow_incomplete)
    given_cutoff(config, scores.run)  # a card that recommends nonsense is refused before the long pass
    warnings: list[str] = []
    if config.sample_errors is not None:
        refuse_earlier_sample(storage, out)
    settled = read_tags(storage, tags)
    facts = begin_facts(storage, scores, settled, lot_seed=config.seed if config.sample_errors else None)
    check_second_opinions(storage, compare, cutoff=config.second_cutoff)
    pairs = PairFacts() if compare else None
    with group_sequences() as groups:
        tally = _tally(scores, storage, labels, (groups, facts, pairs), warnings)
        split, measured = choose_measured(tally, config, scores_location)
        labelled = _labelled(tally, config, split, measured, scores_location)
        sequences = groups.measured(split, tally.locations)
    chosen = choose_report_cutoff(
        config, scores.run, labelled, measured_on=describe_media(labelled, config.choose_on or split)
    )
    basis = Basis(
        tally=tally,
        measured=measured,
        sequences=sequences,
        split=split,
        config=config,
        chosen=chosen,
        labels_from=labels or "the scores",
        scores=scores_location,
        run=scores.run,
        num_expected=scores.num_media,
        is_complete=scores.is_complete,
    )
    seen = describe_seen(basis)
    if seen is not None and not config.allow_seen:
        raise EvaluationError(
            f"{seen}, so the figures would flatter: measure with --split test or with labels of other "
            f"locations, or pass --allow-seen"
        )
    known = facts.facts(None if split is None else [split])
    errors, error_tables = build_error_analysis(
        known,
        cutoff=basis.cutoff,
        seed=config.seed,
        measured_on=basis.on.description,
        settled=settled,
    )
    sample = None
    if config.sample_errors is not None:
        num_missed, num_found = config.sample_errors
        sample = draw_error_sample(
            known, cutoff=basis.cutoff, num_missed=num_missed, num_found=num_found, seed=config.seed
        )
        errors = errors.model_copy(update={"sample": describe_sample(sample, out)})
    comparisons = compare_scores(storage, scores, compare, pairs, basis)
    report = build_report(
        basis, created_at=datetime.now(UTC), version=blanktrap.__version__, warnings=warnings
    ).model_copy(update={"error_analysis": errors, "comparisons": comparisons})
    tables = {**_tables(basis, report), **error_tables, "comparisons": comparison_table(comparisons)}
    page = report_document(report, tables)
    pages = {"report.html": render_html(page), "report.md": render_markdown(page)}
    write_report(storage, out, report, tables, pages, overwrite=overwrite)
    if sample is not None:
        write_error_sample(storage, out, sample, scores, seed=config.seed, cutoff=basis.cutoff)
    logger.info("wrote report %s over %s media", out, f"{tally.num_media:,}")
    return report


def choose_measured(tally: Tally, config: EvaluateConfig, where: str) -> tuple[str | None, Measured]:
    """Choose the labelled media to measure on: the split asked for, else `test`, else all labelled.

    Returns:
        The split, None for all, and what was counted of it.

    Raises:
        EvaluationError: there is no labelled media, none was scored, or all have the same label.
    """
    found = tally.labelled_by_split
    if not found:
        raise EvaluationError(
            f"none of the {tally.num_media:,} media in {where} has a label: pass --labels MANIFEST, "
            f"or index with --annotations"
        )
    split = config.split or (Split.TEST.value if Split.TEST.value in found else None)
    measured = _measured_part(tally, split, where)
    num_nonblank, num_blank = measured.ranked.nonblank.size, measured.ranked.blank.size
    part = f"of split {split} " if split else ""
    if not num_nonblank and not num_blank:
        raise EvaluationError(f"none of the labelled media {part}in {where} could be scored: see run.json")
    if not num_nonblank or not num_blank:
        only, other = ("nonblank", "blank") if num_nonblank else ("blank", "nonblank")
        raise EvaluationError(
            f"all {num_nonblank + num_blank:,} labelled media {part}in {where} are {only}: "
            f"label some {other} media too, or measure another --split"
        )
    return split, measured


def _labelled(
    tally: Tally, config: EvaluateConfig, split: str | None, measured: Measured, where: str
) -> Measured:
    """The media that a promised cutoff is chosen on: those that are measured, or another split's."""
    if config.choose_on is None or config.choose_on == split:
        return measured
    return _measured_part(tally, config.choose_on, where)


def _measured_part(tally: Tally, split: str | None, where: str) -> Measured:
    found = tally.labelled_by_split
    if split is not None and split not in found:
        there = ", ".join(f"{num:,} of {name or 'no split'}" for name, num in found.items())
        raise EvaluationError(f"{where} has no labelled media of split {split}; it has {there}")
    return tally.measured(split)


def _tally(
    scores: Scores,
    storage: Storage,
    labels: str | None,
    listeners: tuple[SequenceGroups, ErrorFacts, PairFacts | None],
    warnings: list[str],
) -> Tally:
    tally, (groups, facts, pairs) = Tally(), listeners

    def take(tables: Iterable[pa.Table]) -> None:
        for table in gather(tables):
            groups.add(table.column("sequence_id"), tally.add(table))
            facts.add(table)
            if pairs is not None:
                pairs.add(table)

    measures = list(facts.quality_columns)
    if labels is None:
        columns = dict.fromkeys([*COLUMNS, *ERROR_COLUMNS, *measures])
        take(scores.iter_columns(storage, list(columns)))
        return tally
    manifest = open_manifest(storage, labels)
    rows = scores.iter_columns(storage, [*SCORE_COLUMNS, *measures])
    with join_labels(rows, manifest.iter_tables(storage), where=labels, measures=measures) as joined:
        if joined.num_matched < joined.num_labels:
            missing = joined.num_labels - joined.num_matched
            warnings.append(
                f"{missing:,} of the {joined.num_labels:,} media that {labels} labels are not in the scores: "
                f"they count nowhere"
            )
        take(joined.iter_tables())
    return tally


def _tables(basis: Basis, report: Report) -> dict[str, pa.Table]:
    measured, tally = basis.measured, basis.tally
    return {
        "curve": curve_table(measured, tally, basis.bands, beta=basis.config.beta),
        "roc": roc_table(measured),
        "histogram": histogram_table(measured, tally),
        "confusion": confusion_table(report),
        "locations": locations_table(measured, basis.cutoff, basis.seen_locations or ()),
        "species": species_table(measured, basis.cutoff),
    }
