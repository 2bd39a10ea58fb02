"""From a scores dataset to a queue of the media that people should label next.

Owns: the passes over the scores, and what is written of the choice. Refuses: the choice itself
(`core.selection.suggestions`), how rows are read (`scores_rows`) and the form of the queue (`review_queues`).

Three passes: what is labelled where, who may be suggested, and the rows that were chosen. Features are read
only of parts that hold a media of the random sample.
"""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from blanktrap.core.config import SuggestConfig
from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.cutoff_choice import DEFAULT_CUTOFF
from blanktrap.core.model_card import recommended_cutoff
from blanktrap.core.schemas import EMBEDDING, SCORES_SCHEMA, features_of
from blanktrap.core.selection.candidates import COLUMNS, CandidatePools, Coverage
from blanktrap.core.selection.suggestions import (
    KINDS,
    THIN,
    TYPICAL,
    UNCERTAIN,
    UNUSUAL,
    Chooser,
    Features,
    Suggestion,
    deal_counts,
    of_length_one,
)
from blanktrap.core.vocabulary import QueueKind
from blanktrap.files.review_queues import check_queue_output, write_review_queue
from blanktrap.files.scores_reader import Scores, open_scores
from blanktrap.files.scores_rows import ScoresRows, read_newer_labels
from blanktrap.files.storage import Storage
from blanktrap.files.suggest_summary import Suggested

_COVERAGE = ["location_id", "is_night", "label", "species", "split"]
_LISTED = ["media_id", "uri", "location_id", "sequence_id", "timestamp", "label", "species", "p_nonblank"]


def suggest_media(
    scores_location: str,
    out: str,
    *,
    config: SuggestConfig,
    storage: Storage,
    labels: str | None = None,
    overwrite: bool = False,
) -> Suggested:
    """Choose media that people should label next, and write them as a review queue.

    Args:
        scores_location: the scores dataset, local or S3.
        out: the queue's folder, local or S3.
        config: how many, of which kinds, near which cutoff.
        storage: the door to the bytes.
        labels: a manifest whose labels replace those of the scores; None takes the scores' own.
        overwrite: replace a queue at `out`.

    Raises:
        ReviewError: `out` must not be written to.
        ScoresError: the scores are missing, incomplete or damaged.
        ManifestError: the manifest of `labels` is missing or damaged.
        EvaluationError: no media may be suggested, or `labels` labels none of the scored media.
        SourceError: something cannot be read or written.
    """
    check_queue_output(storage, out, overwrite=overwrite)
    scores = open_scores(storage, scores_location, allow_incomplete=config.allow_incomplete)
    newer = None if labels is None else read_newer_labels(storage, labels)
    rows = ScoresRows(scores, storage, newer)
    cutoff, cutoff_from = _cutoff_of(config, scores)
    coverage = _cover(rows)
    pools = _gather_pools(rows, coverage, cutoff, config)
    features = _read_features(rows, pools)
    chooser = Chooser(coverage=coverage, cutoff=cutoff, max_per_sequence=config.max_per_sequence)
    _choose(chooser, pools, features, config)
    chosen = chooser.in_turns()
    kinds = Counter(one.kind for one in chosen)
    suggested = Suggested(
        location=out.rstrip("/"),
        num_wanted=config.num_images,
        num_suggestible=pools.num_suggestible,
        num_test=pools.num_test,
        cutoff=cutoff,
        cutoff_from=cutoff_from,
        kinds={kind: kinds[kind] for kind in KINDS},
        has_features=features is not None,
        labels_from=labels,
        num_labels=coverage.num_labelled,
        num_labels_lost=0 if newer is None else newer.num_labels - coverage.num_labelled,
        seed=config.seed,
        includes_test=config.include_test,
    )
    write_review_queue(
        storage,
        out,
        _queue_of(rows, chosen),
        kind=QueueKind.SUGGESTED,
        made_from=scores_location,
        details=_details(suggested, config, scores),
        overwrite=overwrite,
    )
    return suggested


def _cutoff_of(config: SuggestConfig, scores: Scores) -> tuple[float, str]:
    if config.cutoff is not None:
        return config.cutoff, "set by --cutoff"
    recommended = recommended_cutoff(scores.run)
    if recommended is not None:
        return recommended, "recommended by the model card"
    return DEFAULT_CUTOFF, "where the entropy is highest: the model card recommends none"


def _cover(rows: ScoresRows) -> Coverage:
    coverage = Coverage()
    for table in rows.stream(_COVERAGE):
        coverage.add(table)
    if rows.labels is not None and not coverage.num_labelled:
        raise EvaluationError(
            f"{rows.labels.where} labels {rows.labels.num_labels:,} media and none of them is in the scores: "
            f"give the manifest of the same archive"
        )
    return coverage


def _gather_pools(
    rows: ScoresRows, coverage: Coverage, cutoff: float, config: SuggestConfig
) -> CandidatePools:
    where = rows.scores.location
    pools = CandidatePools(
        coverage,
        cutoff=cutoff,
        num_images=config.num_images,
        num_candidates=config.num_candidates,
        max_per_sequence=config.max_per_sequence,
        include_test=config.include_test,
        seed=config.seed,
        where=where,
    )
    for table in rows.stream(COLUMNS):
        pools.add(table)
    if not pools.num_suggestible:
        test = f"; {pools.num_test:,} lie at test locations, see --include-test" if pools.num_test else ""
        raise EvaluationError(
            f"none of the {pools.num_media:,} media in {where} is scored and without a label{test}: there is "
            f"nothing to suggest"
        )
    return pools


def _choose(
    chooser: Chooser, pools: CandidatePools, features: Features | None, config: SuggestConfig
) -> None:
    """Take each kind in turn; what one kind cannot fill the others do."""
    nums = deal_counts(config.num_images, config.shares, has_features=features is not None)
    chooser.take_uncertain(pools.uncertain, nums[UNCERTAIN])
    of_species = 0
    if features is not None:
        chooser.take_unusual(pools.sample, features, nums[UNUSUAL])
        chooser.take_typical(pools.sample, features, nums[TYPICAL])
        of_species = chooser.take_species(pools.sample, features, nums[THIN] // 2)
    chooser.take_places(pools.strata, nums[THIN] - of_species)
    for pool, take in ((pools.strata, chooser.take_places), (pools.uncertain, chooser.take_uncertain)):
        take(pool, config.num_images - len(chooser.taken))


def _read_features(rows: ScoresRows, pools: CandidatePools) -> Features | None:
    """Features of the sample and of labelled media; None where the scores have none."""
    if EMBEDDING.name not in rows.scores.schema(rows.storage).names:
        return None
    sample = rows.take(pools.sample["position"], [EMBEDDING])
    labelled = rows.take(pools.labelled["position"], [EMBEDDING])
    seen, there = features_of(labelled.column(EMBEDDING.name))
    return Features(
        sample=of_length_one(features_of(sample.column(EMBEDDING.name))[0]),
        labelled=of_length_one(seen),
        species=pools.labelled["species"][there],
    )


def _queue_of(rows: ScoresRows, chosen: list[Suggestion]) -> pa.Table:
    fields = [SCORES_SCHEMA.field(name).with_nullable(True) for name in _LISTED]
    listed = rows.take(np.asarray([one.position for one in chosen], np.int64), fields)
    listed = listed.rename_columns({"label": "given_label", "species": "given_species"})
    listed = listed.append_column("reason", pa.array([one.reason for one in chosen], pa.string()))
    return listed.append_column("stratum", pa.array([one.kind for one in chosen], pa.string()))


def _details(suggested: Suggested, config: SuggestConfig, scores: Scores) -> dict[str, Any]:
    """What `queue.json` says of the choice."""
    return {
        "config": config.model_dump(mode="json"),
        "cutoff": suggested.cutoff,
        "cutoff_from": suggested.cutoff_from,
        "kinds": suggested.kinds,
        "has_features": suggested.has_features,
        "labels_from": suggested.labels_from,
        "num_suggestible": suggested.num_suggestible,
        "is_complete": scores.is_complete,
        "manifest_digest": scores.run["identity"]["manifest_digest"],
        "model_id": scores.run["identity"]["model_id"],
    }
