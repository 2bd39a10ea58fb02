"""One pass over the scores, which everything that a report needs listens to.

Owns: which columns are read, and whose labels they carry. Refuses: a second pass, and mixing the scores' own
labels with a manifest's.
"""

from collections.abc import Iterable

import pyarrow as pa

from blanktrap.core.evaluation.error_facts import COLUMNS as ERROR_COLUMNS
from blanktrap.core.evaluation.error_facts import ErrorFacts
from blanktrap.core.evaluation.pairing import PairFacts
from blanktrap.core.evaluation.tally import COLUMNS, Tally, gather
from blanktrap.core.schemas import EXPOSURE
from blanktrap.files.label_join import SCORE_COLUMNS, join_labels
from blanktrap.files.manifest import open_manifest
from blanktrap.files.scores_reader import Scores
from blanktrap.files.sequence_groups import SequenceGroups
from blanktrap.files.storage import Storage


def tally_media(
    scores: Scores,
    storage: Storage,
    labels: str | None,
    listeners: tuple[SequenceGroups, ErrorFacts, PairFacts | None],
    warnings: list[str],
) -> Tally:
    """Read every row once.

    Args:
        scores: the dataset.
        storage: the door to the bytes.
        labels: a manifest whose labels replace those of the scores; None takes the scores' own.
        listeners: what takes the rows besides the tally.
        warnings: gets what is to be said of labels that fit no score.

    Raises:
        ScoresError: the scores are damaged.
        EvaluationError: the manifest labels nothing, a media twice, or none of the scored media.
        SourceError: something cannot be read.
    """
    tally, (groups, facts, pairs) = Tally(where=scores.location), listeners

    def take(tables: Iterable[pa.Table]) -> None:
        for table in gather(tables):
            groups.add(table.column("sequence_id"), tally.add(table))
            facts.add(table)
            if pairs is not None:
                pairs.add(table)

    measures = dict.fromkeys(facts.quality_columns, pa.float32())
    if facts.has_exposure:
        measures[EXPOSURE.name] = EXPOSURE.type
    if labels is None:
        columns = dict.fromkeys([*COLUMNS, *ERROR_COLUMNS, *measures])
        take(scores.iter_columns(storage, list(columns), extras=measures))
        return tally
    manifest = open_manifest(storage, labels)
    rows = scores.iter_columns(storage, [*SCORE_COLUMNS, *measures], extras=measures)
    with join_labels(rows, manifest.iter_tables(storage), where=labels, measures=measures) as joined:
        if joined.num_matched < joined.num_labels:
            missing = joined.num_labels - joined.num_matched
            warnings.append(
                f"{missing:,} of the {joined.num_labels:,} media that {labels} labels are not in the scores: "
                f"they count nowhere"
            )
        take(joined.iter_tables())
    return tally
