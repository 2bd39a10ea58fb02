"""From a scores dataset to a queue of the media that people should label next.

Owns: the passes over the scores, which parts are read for features, and what is said of the result. Refuses:
the choice itself (`core.selection.suggestions`) and the form of the queue (`review_queues`).

Three passes: what is labelled where, who may be suggested, and the rows that were chosen. Features are read
only of parts that hold a media of the random sample.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from blanktrap.core.config import SuggestConfig
from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.cutoff_choice import DEFAULT_CUTOFF
from blanktrap.core.evaluation.tally import gather
from blanktrap.core.model_card import recommended_cutoff
from blanktrap.core.schemas import EMBEDDING, SCORES_SCHEMA, features_of
from blanktrap.core.selection.candidates import COLUMNS, CandidatePools, Coverage
from blanktrap.core.selection.suggestions import (
    KINDS,
    THIN,
    UNCERTAIN,
    UNUSUAL,
    Chooser,
    Features,
    Suggestion,
    deal_counts,
    of_length_one,
)
from blanktrap.core.vocabulary import QueueKind
from blanktrap.core.wording import cutoff_text, number
from blanktrap.files.review_queues import check_queue_output, write_review_queue
from blanktrap.files.scores_reader import Scores, open_scores
from blanktrap.files.storage import Storage

_COVERAGE = ["location_id", "is_night", "label", "species", "split"]
_LISTED = ["media_id", "uri", "location_id", "sequence_id", "timestamp", "label", "species", "p_nonblank"]


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """A queue of media to label, as it was written."""

    location: str
    num_wanted: int
    num_suggestible: int
    """Media without a label that were scored and may be suggested."""
    num_test: int
    """Those of test locations."""
    cutoff: float
    cutoff_from: str
    kinds: dict[str, int]
    """Suggested media by kind."""
    has_features: bool
    seed: int
    includes_test: bool

    def lines(self) -> list[str]:
        """What was suggested, and what to do next."""
        told = ", ".join(f"{num:,} {kind}" for kind, num in self.kinds.items() if num)
        lines = [
            f"{'suggested':<14}{sum(self.kinds.values()):,} of {self.num_suggestible:,} scored media "
            f"without a label: {told} (seed {self.seed})",
            f"{'uncertain':<14}near the cutoff {cutoff_text(self.cutoff)} ({self.cutoff_from})",
        ]
        if not self.has_features:
            lines.append(
                f"{'unusual':<14}none can be found: the scores have no features; score into a new folder "
                f"with --embeddings to have them"
            )
        if sum(self.kinds.values()) < self.num_wanted:
            lines.append(
                f"{'fewer':<14}than the {self.num_wanted:,} asked for: no more may be suggested with so few "
                f"images of a sequence (--max-per-sequence)"
            )
        if self.num_test and not self.includes_test:
            lines.append(
                f"{'left out':<14}{number(self.num_test, 'media')} of test locations: labels there measure, "
                f"they do not teach (--include-test)"
            )
        return [
            *lines,
            "",
            f"{'review queue':<14}{self.location}",
            f"{'next':<14}look at the media in the order of {self.location}/queue.csv, fill in the column "
            f"label (blank, nonblank or unsure), then",
            f"{'':<14}index again with --annotations FILLED_IN.csv besides the annotations you have",
        ]


def suggest_media(
    scores_location: str, out: str, *, config: SuggestConfig, storage: Storage, overwrite: bool = False
) -> Suggested:
    """Choose media that people should label next, and write them as a review queue.

    Args:
        scores_location: the scores dataset, local or S3.
        out: the queue's folder, local or S3.
        config: how many, of which kinds, near which cutoff.
        storage: the door to the bytes.
        overwrite: replace a queue at `out`.

    Raises:
        ReviewError: `out` must not be written to.
        ScoresError: the scores are missing, incomplete or damaged.
        EvaluationError: no media may be suggested.
        SourceError: something cannot be read or written.
    """
    check_queue_output(storage, out, overwrite=overwrite)
    scores = open_scores(storage, scores_location, allow_incomplete=config.allow_incomplete)
    cutoff, cutoff_from = _cutoff_of(config, scores)
    coverage, sizes = Coverage(), []

    def parts() -> Iterator[pa.Table]:
        for table in scores.iter_columns(storage, _COVERAGE):
            sizes.append(table.num_rows)
            yield table

    for table in gather(parts()):
        coverage.add(table)
    pools = CandidatePools(
        coverage,
        cutoff=cutoff,
        num_images=config.num_images,
        num_candidates=config.num_candidates,
        max_per_sequence=config.max_per_sequence,
        include_test=config.include_test,
        seed=config.seed,
        where=scores_location,
    )
    for table in gather(scores.iter_columns(storage, COLUMNS)):
        pools.add(table)
    if not pools.num_suggestible:
        test = f"; {pools.num_test:,} lie at test locations, see --include-test" if pools.num_test else ""
        raise EvaluationError(
            f"none of the {pools.num_media:,} media in {scores_location} is scored and without a "
            f"label{test}: there is nothing to suggest"
        )
    reader = _PartReader(scores, storage, np.asarray(sizes, np.int64))
    features = _read_features(reader, pools)
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
        seed=config.seed,
        includes_test=config.include_test,
    )
    write_review_queue(
        storage,
        out,
        _queue_of(reader, chosen),
        kind=QueueKind.SUGGESTED,
        made_from=scores_location,
        details={
            "config": config.model_dump(mode="json"),
            "cutoff": cutoff,
            "cutoff_from": cutoff_from,
            "kinds": suggested.kinds,
            "has_features": suggested.has_features,
            "num_suggestible": pools.num_suggestible,
            "is_complete": scores.is_complete,
            "manifest_digest": scores.run["identity"]["manifest_digest"],
            "model_id": scores.run["identity"]["model_id"],
        },
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


def _choose(
    chooser: Chooser, pools: CandidatePools, features: Features | None, config: SuggestConfig
) -> None:
    """Take each kind in turn; what one kind cannot fill the others do."""
    nums = deal_counts(config.num_images, config.shares, has_features=features is not None)
    chooser.take_uncertain(pools.uncertain, nums[UNCERTAIN])
    of_species = 0
    if features is not None:
        chooser.take_unusual(pools.sample, features, nums[UNUSUAL])
        of_species = chooser.take_species(pools.sample, features, nums[THIN] // 2)
    chooser.take_places(pools.strata, nums[THIN] - of_species)
    for pool, take in ((pools.strata, chooser.take_places), (pools.uncertain, chooser.take_uncertain)):
        take(pool, config.num_images - len(chooser.taken))


def _read_features(reader: "_PartReader", pools: CandidatePools) -> Features | None:
    """Features of the sample and of labelled media; None where the scores have none."""
    if EMBEDDING.name not in reader.scores.schema(reader.storage).names:
        return None
    sample = reader.take(pools.sample["position"], [EMBEDDING])
    labelled = reader.take(pools.labelled["position"], [EMBEDDING])
    seen, there = features_of(labelled.column(EMBEDDING.name))
    return Features(
        sample=of_length_one(features_of(sample.column(EMBEDDING.name))[0]),
        labelled=of_length_one(seen),
        species=pools.labelled["species"][there],
    )


def _queue_of(reader: "_PartReader", chosen: list[Suggestion]) -> pa.Table:
    fields = [SCORES_SCHEMA.field(name).with_nullable(True) for name in _LISTED]
    rows = reader.take(np.asarray([one.position for one in chosen], np.int64), fields)
    rows = rows.rename_columns({"label": "given_label", "species": "given_species"})
    rows = rows.append_column("reason", pa.array([one.reason for one in chosen], pa.string()))
    return rows.append_column("stratum", pa.array([one.kind for one in chosen], pa.string()))


class _PartReader:
    """Reads rows by their positions among all, from the parts that hold them."""

    def __init__(self, scores: Scores, storage: Storage, sizes: np.ndarray) -> None:
        """Args: sizes: rows of each part, shape (num_parts,)."""
        self.scores, self.storage = scores, storage
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def take(self, positions: np.ndarray, fields: list[pa.Field]) -> pa.Table:
        """The rows at positions, each given once, in the order given.

        Args:
            positions: among all rows of the scores, shape (num_rows,).
            fields: the columns wanted; those beyond the contract's are taken as given here.
        """
        order = np.argsort(positions, kind="stable")
        wanted = positions[order]
        of_part = np.searchsorted(self._starts, wanted, side="right") - 1
        parts = np.unique(of_part)
        names = [one.name for one in fields]
        found = [pa.schema(fields).empty_table()]
        some = replace(self.scores, parts=tuple(self.scores.parts[part] for part in parts.tolist()))
        tables = some.iter_columns(self.storage, names, extras={one.name: one.type for one in fields})
        for part, table in zip(parts.tolist(), tables, strict=True):
            rows = wanted[of_part == part] - self._starts[part]
            found.append(table.take(pa.array(rows)).cast(pa.schema(fields)))
        back = np.empty_like(order)
        back[order] = np.arange(order.size)
        return pa.concat_tables(found).take(pa.array(back))
