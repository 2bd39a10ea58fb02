"""From a scores dataset to the list of labels that look wrong.

Owns: the order of the steps, which media come onto the list, and refusing scores of media that the model had
seen. Refuses: the arithmetic (`core.audits.label_audit`) and the form of the list (`review_queues`).
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from blanktrap.core.audits.fold_scales import align_folds
from blanktrap.core.audits.label_audit import GivenLabels, LabelAudit, audit_labels, gather_labels
from blanktrap.core.audits.label_findings import (
    BLANK_STRATUM,
    NONBLANK_STRATUM,
    LabelFindings,
    LookedAt,
    describe_reason,
)
from blanktrap.core.config import AuditLabelsConfig
from blanktrap.core.errors import EvaluationError
from blanktrap.core.vocabulary import QueueKind, Split, Status
from blanktrap.core.wording import number
from blanktrap.files.folds import FOLDS_RECORD, HELD_OUT_SCORES
from blanktrap.files.labelled_scores import LabelledScores, read_labelled_scores, take_rows
from blanktrap.files.reports import REPORT_FILE, read_report
from blanktrap.files.review_queues import check_queue_output, write_review_queue
from blanktrap.files.scores_reader import Scores, open_scores
from blanktrap.files.storage import Storage, join

_WAY = "run blanktrap train MANIFEST --folds 5 --out DIR and audit DIR/out-of-fold"


def audit_scores(
    location: str, out: str, *, config: AuditLabelsConfig, storage: Storage, overwrite: bool = False
) -> LabelFindings:
    """Find labels that look wrong and write the list of media to look at.

    Args:
        location: a scores dataset, or a report made of one; local or S3.
        out: the review queue to write, a folder.
        config: how many media, and whether media that the model had seen are allowed.
        storage: the door to the bytes.
        overwrite: replace a queue at `out`.

    Raises:
        ReviewError: `out` must not be written to.
        ScoresError, ReportError: there are no scores, or they are incomplete or damaged.
        EvaluationError: the model had seen the media (unless allowed), nothing is labelled and scored, all
            labels are the same, or the scores tell nothing.
        SourceError: something cannot be read or written.
    """
    check_queue_output(storage, out, overwrite=overwrite)
    scores = open_scores(storage, _scores_of(storage, location))
    rows = read_labelled_scores(scores, storage)
    if not rows.p_nonblank.size:
        raise EvaluationError(
            f"none of the {scores.num_media:,} media in {scores.location} has a label: index with "
            f"--annotations, then {_WAY}"
        )
    seen = _describe_seen(scores, rows)
    if seen is not None and not config.allow_seen:
        raise EvaluationError(
            f"{scores.location} cannot show wrong labels: {seen}, and it agrees with what it was taught; "
            f"{_WAY}, or pass --allow-seen"
        )
    judged = np.flatnonzero(rows.is_judged)
    given, label_of = gather_labels(
        rows.p_nonblank[judged], rows.is_nonblank[judged], rows.locations[judged], rows.sequences[judged]
    )
    folds = np.zeros(given.p_nonblank.size, dtype=np.int64)
    folds[label_of] = rows.folds[judged]
    aligned = align_folds(given.p_nonblank, given.is_nonblank, folds)
    audit = audit_labels(replace(given, p_nonblank=aligned), seed=config.seed)
    found = _Found(rows=rows, judged=judged, label_of=label_of, given=given, folds=folds, audit=audit)
    table = _list_media(scores, storage, found, config.num_media)
    findings = LabelFindings(
        audit=audit,
        looked_at=_looked_at(scores, rows, judged),
        num_listed={
            one["values"]: one["counts"] for one in table.column("stratum").value_counts().to_pylist()
        },
        seen=seen or _describe_unknown(scores),
        out=out,
    )
    write_review_queue(
        storage,
        out,
        table,
        kind=QueueKind.WRONG_LABELS,
        made_from=scores.location,
        details={**findings.details(), "config": config.model_dump(mode="json")},
        overwrite=overwrite,
    )
    return findings


def _scores_of(storage: Storage, location: str) -> str:
    """The scores dataset that was given, or that a report was made of, or that of a folder of folds."""
    if storage.exists(join(location, FOLDS_RECORD)):
        return join(location, HELD_OUT_SCORES)
    if not storage.exists(join(location, REPORT_FILE)):
        return location
    report = read_report(storage, location)
    if report.measured_on.labels_from != "the scores":
        raise EvaluationError(
            f"{location} was measured with the labels of {report.measured_on.labels_from}, an audit looks at "
            f"those that the scores carry: with that manifest {_WAY}"
        )
    return report.scores


def _describe_seen(scores: Scores, rows: LabelledScores) -> str | None:
    """Which of the labelled media the model had seen, in words; None where none are known."""
    shown = sum(rows.scored_splits.get(split, 0) for split in (Split.TRAIN, Split.VAL))
    total = int(rows.is_scored.sum())
    if shown:
        return f"{shown:,} of the {total:,} labelled media are in the splits that the model was trained on"
    model = scores.run.get("model") or {}
    known = {*(model.get("training_locations") or ()), *(model.get("validation_locations") or ())}
    places = np.array([name in known for name in rows.location_names], dtype=bool)
    is_seen = np.append(places, False)[rows.locations] & rows.is_scored
    if not is_seen.any():
        return None
    num_places = np.unique(rows.locations[is_seen]).size
    return (
        f"{int(is_seen.sum()):,} of the {total:,} labelled media come from {number(num_places, 'location')} "
        f"that the model was trained or validated on"
    )


def _describe_unknown(scores: Scores) -> str | None:
    """Say so where nobody can tell what the model had seen."""
    if (scores.run.get("model") or {}).get("training_locations") is not None:
        return None
    return "the model card names no training locations, so the model may have seen these media"


def _looked_at(scores: Scores, rows: LabelledScores, judged: np.ndarray) -> LookedAt:
    sequences = rows.sequences[judged]
    return LookedAt(
        scores=scores.location,
        num_media=judged.size,
        num_sequences=int(np.unique(sequences[sequences >= 0]).size),
        not_scored={name: num for name, num in sorted(rows.statuses.items()) if name != Status.OK},
        num_in_unscored_sequences=int((rows.is_scored & ~rows.is_judged).sum()),
        num_without_location=int((rows.locations[judged] < 0).sum()),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """An audit and the media behind it."""

    rows: LabelledScores
    judged: np.ndarray
    """Positions of the judged media among the rows."""
    label_of: np.ndarray
    """The label of each judged media."""
    given: GivenLabels
    """As the models scored them."""
    folds: np.ndarray
    """Of each label."""
    audit: LabelAudit

    @cached_property
    def usual(self) -> np.ndarray:
        """For each label what its model gives media with this label on average."""
        _, kind = np.unique(2 * self.folds + self.given.is_nonblank, return_inverse=True)
        means: np.ndarray = np.bincount(kind, weights=self.given.p_nonblank) / np.bincount(kind)
        return means[kind]

    def reason(self, label: int, num_frames: int | None) -> str:
        """Why people are asked to look at a label."""
        return describe_reason(
            is_nonblank=bool(self.given.is_nonblank[label]),
            p_nonblank=float(self.given.p_nonblank[label]),
            usual=float(self.usual[label]),
            num_frames=num_frames,
        )


def _list_media(scores: Scores, storage: Storage, found: _Found, num_media: int | None) -> pa.Table:
    """The media to look at with the reason beside each, most suspicious label first.

    A label of its own is one media. Of a sequence labelled blank the frame with the highest score comes onto
    the list, as that is where the animal would be; of one labelled nonblank all scored frames do, that frame
    first, as only all of them together show that nothing is there.
    """
    rows, judged, label_of, audit = found.rows, found.judged, found.label_of, found.audit
    rank = np.full(audit.margins.size, -1, dtype=np.int64)
    suspicious = audit.most_suspicious(num_media)
    rank[suspicious] = np.arange(suspicious.size)
    media = np.flatnonzero(rank[label_of] >= 0)
    labels = label_of[media]
    order = np.lexsort((-rows.p_nonblank[judged[media]], rank[labels]))
    media, labels = media[order], labels[order]
    is_first = np.append(True, labels[1:] != labels[:-1])
    chosen = (is_first | audit.is_nonblank[labels])[: media.size]
    media, labels = media[chosen][:num_media], labels[chosen][:num_media]
    table = take_rows(scores, storage, judged[media])
    num_frames = np.bincount(label_of, minlength=audit.margins.size)
    reasons = [
        found.reason(label, int(num_frames[label]) if rows.sequences[judged[one]] >= 0 else None)
        for one, label in zip(media.tolist(), labels.tolist(), strict=True)
    ]
    strata = np.where(audit.is_nonblank[labels], NONBLANK_STRATUM, BLANK_STRATUM)
    table = table.rename_columns({"label": "given_label", "species": "given_species"})
    table = table.append_column("reason", pa.array(reasons, pa.string()))
    return table.append_column("stratum", pa.array(strata.tolist(), pa.string()))
