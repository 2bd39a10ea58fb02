"""What evaluating asks of people about errors: tags they gave, and media for them to tag.

Owns: reading the tags before the scores stream by, and writing drawn media as a review queue. Refuses: which
media are drawn, and what the tags say; those are floor 0.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from blanktrap.core.audits.review import SettledAnswers
from blanktrap.core.errors import EvaluationError, ReviewError
from blanktrap.core.evaluation.error_facts import QUALITY_COLUMNS, ErrorFacts
from blanktrap.core.evaluation.error_sample import ErrorSample
from blanktrap.core.reporting.report_errors import SampleToTag
from blanktrap.core.schemas import EXPOSURE
from blanktrap.core.statistics.fingerprints import fingerprint_texts
from blanktrap.core.vocabulary import Label, QueueKind
from blanktrap.core.wording import cutoff_text
from blanktrap.files.answers import read_answers
from blanktrap.files.reports import ERROR_SAMPLE
from blanktrap.files.review_queues import write_review_queue
from blanktrap.files.scores_reader import Scores
from blanktrap.files.storage import Storage, join

_COLUMNS = ["media_id", "uri", "location_id", "sequence_id", "timestamp", "p_nonblank"]


def refuse_earlier_sample(storage: Storage, out: str) -> None:
    """Refuse to draw over a sample that people may have filled in, `--overwrite` or not.

    Raises:
        ReviewError: the report at `out` has one.
    """
    location = join(out, ERROR_SAMPLE)
    if storage.list_folder(location):
        raise ReviewError(
            f"{location} already holds a sample, and people may have filled it in: give --out another "
            f"folder, or leave --sample-errors out; nothing was overwritten"
        )


def read_tags(storage: Storage, locations: Sequence[str]) -> SettledAnswers | None:
    """What people tagged; None where no file was given.

    Raises:
        EvaluationError: the files have no answer at all.
        AnnotationError: a file is no table of answers, or a row is no answer.
        SourceError: one cannot be read.
    """
    if not locations:
        return None
    settled = read_answers(storage, locations)
    if not settled.answers:
        raise EvaluationError(
            f"{', '.join(locations)} has no row that is filled in: give each media at least a label "
            f"(blank, nonblank or unsure)"
        )
    return settled


def begin_facts(
    storage: Storage, scores: Scores, settled: SettledAnswers | None, *, lot_seed: int | None
) -> ErrorFacts:
    """An empty gathering of what will be asked of this dataset."""
    names = scores.column_names(storage)
    return ErrorFacts(
        quality_columns=tuple(name for name in QUALITY_COLUMNS if name in names),
        has_exposure=EXPOSURE.name in names,
        answered_ids=tuple(settled.answers) if settled is not None else (),
        lot_seed=lot_seed,
    )


def describe_sample(sample: ErrorSample, out: str) -> SampleToTag:
    """What the report at `out` says of the sample inside it."""
    num_missed, num_found = sample.num_drawn
    return SampleToTag(
        location=join(out, ERROR_SAMPLE),
        num_missed=num_missed,
        num_found=num_found,
        num_missed_there=sample.num_missed,
        num_found_there=sample.num_found,
    )


def write_error_sample(
    storage: Storage, out: str, sample: ErrorSample, scores: Scores, *, seed: int, cutoff: float
) -> None:
    """Write the drawn media as a review queue inside a report, over an earlier one there.

    One more pass over the scores finds the media by their lots.
    """
    place_of = {lot: place for place, lot in enumerate(sample.lots.tolist())}
    found: list[pa.Table] = []
    lots: list[np.ndarray] = []
    for table in scores.iter_columns(storage, _COLUMNS):
        drawn = fingerprint_texts(table.column("media_id"), seed=seed)
        hits = np.flatnonzero(np.isin(drawn, sample.lots))
        if hits.size:
            found.append(table.take(hits))
            lots.append(drawn[hits])
    rows = pa.concat_tables(found)
    places = np.asarray([place_of[lot] for lot in np.concatenate(lots).tolist()])
    write_review_queue(
        storage,
        join(out, ERROR_SAMPLE),
        _queue_of(rows.take(np.argsort(places)), sample, cutoff),
        kind=QueueKind.ERROR_SAMPLE,
        made_from=scores.location,
        details={
            "cutoff": cutoff,
            "seed": seed,
            "num_missed": sample.num_missed,
            "num_found": sample.num_found,
            "num_missed_drawn": sample.num_drawn[0],
            "num_found_drawn": sample.num_drawn[1],
        },
        overwrite=True,
    )


def _queue_of(rows: pa.Table, sample: ErrorSample, cutoff: float) -> pa.Table:
    strata = np.where(sample.is_missed, "missed", "found").tolist()
    side = {
        "missed": f"called blank at the cutoff {cutoff_text(cutoff)}",
        "found": f"kept at the cutoff {cutoff_text(cutoff)}",
    }
    return pa.table(
        {
            **{name: rows.column(name) for name in _COLUMNS},
            "given_label": pa.array([Label.NONBLANK.value] * rows.num_rows, pa.string()),
            "given_species": pa.array([list(names) for names in sample.species], pa.list_(pa.string())),
            "reason": pa.array([f"nonblank, {side[stratum]}" for stratum in strata], pa.string()),
            "stratum": pa.array(strata, pa.string()),
        }
    )
