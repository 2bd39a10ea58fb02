"""From a scores dataset to a report: reading and writing around pure arithmetic.

Owns: the order of the steps. Refuses: figures on what the model has seen, unless told to; arithmetic lives in
`blanktrap.core`.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa

import blanktrap
from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.basis import Basis, describe_media
from blanktrap.core.evaluation.cutoff_choice import choose_report_cutoff, given_cutoff
from blanktrap.core.evaluation.error_facts import ErrorFacts, Facts
from blanktrap.core.evaluation.error_sample import ErrorSample, draw_error_sample
from blanktrap.core.evaluation.measured_choice import choose_measured, choose_promising
from blanktrap.core.evaluation.pairing import PairFacts
from blanktrap.core.evaluation.recall_targets import promises_table
from blanktrap.core.reporting.pages.html import render_html
from blanktrap.core.reporting.pages.markdown import render_markdown
from blanktrap.core.reporting.pages.report_page import report_document
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_comparisons import comparison_table
from blanktrap.core.reporting.report_errors import build_error_analysis
from blanktrap.core.reporting.report_figures import build_report
from blanktrap.core.reporting.report_tables import (
    confusion_table,
    curve_table,
    histogram_table,
    locations_table,
    roc_table,
    species_table,
)
from blanktrap.core.reporting.report_warnings import describe_seen
from blanktrap.files.error_sampling import (
    begin_facts,
    describe_sample,
    read_tags,
    refuse_earlier_sample,
    write_error_sample,
)
from blanktrap.files.reports import check_output, write_report
from blanktrap.files.scores_reader import Scores, open_scores
from blanktrap.files.second_opinions import check_second_opinions, compare_scores
from blanktrap.files.sequence_groups import group_sequences
from blanktrap.files.storage import Storage
from blanktrap.files.tallying import tally_media

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
    if config.sample_errors is not None:
        refuse_earlier_sample(storage, out)
    settled = read_tags(storage, tags)
    facts = begin_facts(storage, scores, settled, lot_seed=config.seed if config.sample_errors else None)
    check_second_opinions(storage, compare, cutoff=config.second_cutoff)
    pairs = PairFacts() if compare else None
    basis = read_basis(scores, storage, config, labels, facts=facts, pairs=pairs)
    known = facts.facts(None if basis.split is None else [basis.split])
    errors, error_tables = build_error_analysis(
        known, cutoff=basis.cutoff, seed=config.seed, measured_on=basis.on.description, settled=settled
    )
    sample = _draw_sample(known, basis)
    if sample is not None:
        errors = errors.model_copy(update={"sample": describe_sample(sample, out)})
    comparisons = compare_scores(storage, scores, compare, pairs, basis)
    report = build_report(basis, created_at=datetime.now(UTC), version=blanktrap.__version__).model_copy(
        update={"error_analysis": errors, "comparisons": comparisons}
    )
    tables = {**_tables(basis, report), **error_tables, "comparisons": comparison_table(comparisons)}
    page = report_document(report, tables)
    pages = {"report.html": render_html(page), "report.md": render_markdown(page)}
    write_report(storage, out, report, tables, pages, overwrite=overwrite)
    if sample is not None:
        write_error_sample(storage, out, sample, scores, seed=config.seed, cutoff=basis.cutoff)
    logger.info("wrote report %s over %s media", out, f"{basis.tally.num_media:,}")
    return report


def read_basis(
    scores: Scores,
    storage: Storage,
    config: EvaluateConfig,
    labels: str | None = None,
    *,
    facts: ErrorFacts | None = None,
    pairs: PairFacts | None = None,
) -> Basis:
    """Read the scores, choose what is measured and at which cutoff, and refuse what the model has seen.

    Args, errors: as `evaluate_scores`. `facts` and `pairs` take the rows besides, where a report needs them.
    """
    if facts is None:
        facts = begin_facts(storage, scores, None, lot_seed=None)
    warnings: list[str] = []
    with group_sequences() as groups:
        tally = tally_media(scores, storage, labels, (groups, facts, pairs), warnings)
        split, measured = choose_measured(tally, config, scores.location)
        promising = choose_promising(tally, config, split, measured, scores.location)
        sequences = groups.measured(split, tally.locations)
    basis = Basis(
        tally=tally,
        measured=measured,
        sequences=sequences,
        split=split,
        config=config,
        chosen=choose_report_cutoff(
            config, scores.run, promising, measured_on=describe_media(promising, config.choose_on or split)
        ),
        labels_from=labels or "the scores",
        scores=scores.location,
        run=scores.run,
        num_expected=scores.num_media,
        is_complete=scores.is_complete,
        label_warnings=tuple(warnings),
    )
    seen = describe_seen(basis)
    if seen is not None and not config.allow_seen:
        raise EvaluationError(
            f"{seen}, so the figures would flatter: measure with --split test or with labels of other "
            f"locations, or pass --allow-seen"
        )
    return basis


def _draw_sample(known: Facts, basis: Basis) -> ErrorSample | None:
    """The errors that people are asked to look at; None where nobody asked for a sample."""
    if basis.config.sample_errors is None:
        return None
    num_missed, num_found = basis.config.sample_errors
    return draw_error_sample(
        known, cutoff=basis.cutoff, num_missed=num_missed, num_found=num_found, seed=basis.config.seed
    )


def _tables(basis: Basis, report: Report) -> dict[str, pa.Table]:
    measured, tally = basis.measured, basis.tally
    return {
        "curve": curve_table(measured, tally, basis.bands, beta=basis.config.beta),
        "promises": promises_table(measured, confidence=basis.config.confidence),
        "roc": roc_table(measured),
        "histogram": histogram_table(measured, tally),
        "confusion": confusion_table(report),
        "locations": locations_table(measured, basis.cutoff, basis.seen_locations or ()),
        "species": species_table(measured, basis.cutoff),
    }
