"""A manifest's labels replace those of the scores, all of them and nothing else."""

from typing import Any

import pyarrow as pa
import pytest

from blanktrap.core.errors import EvaluationError
from blanktrap.core.schemas import MANIFEST_SCHEMA
from blanktrap.core.selection.newer_labels import COLUMNS, NewerLabels
from tests.core.selection.test_candidates import row, table


def labels_of(*rows: dict[str, Any]) -> NewerLabels:
    labels = NewerLabels(where="newer")
    schema = pa.schema([MANIFEST_SCHEMA.field(name) for name in COLUMNS])
    for one in rows:
        labels.add(pa.Table.from_pylist([{"species": [], **one}], schema=schema))
    labels.settle()
    return labels


def said(found: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(one[name] for name in ("label", "species", "split")) for one in found.to_pylist()]


SCORES = table(
    [
        row("A/1", label="blank", split="train"),
        row("A/2", label="nonblank", species=["deer"], split="test"),
        row("A/3"),
    ]
)


def test_labels_and_species_are_replaced_and_splits_stay_where_the_manifest_has_none():
    newer = labels_of(
        {"media_id": "A/3", "label": "nonblank", "species": ["fox", "boar"]},
        {"media_id": "B/9", "label": "blank"},
        {"media_id": "A/1", "label": None},
    )
    found = newer.put_on(SCORES)
    assert said(found) == [(None, [], "train"), (None, [], "test"), ("nonblank", ["fox"], None)]
    assert newer.num_labels == 2
    assert found.schema == SCORES.schema
    assert found.column("p_nonblank") == SCORES.column("p_nonblank")


def test_splits_of_the_manifest_replace_all():
    newer = labels_of({"media_id": "A/1", "label": "blank"}, {"media_id": "A/3", "split": "test"})
    assert said(newer.put_on(SCORES)) == [("blank", [], None), (None, [], None), (None, [], "test")]


def test_columns_that_are_not_there_are_not_made():
    newer = labels_of({"media_id": "A/1", "label": "blank"})
    assert newer.put_on(SCORES.select(["media_id", "label"])).column_names == ["media_id", "label"]
    assert newer.put_on(SCORES.slice(0, 0)).num_rows == 0


def test_no_labels_and_two_for_one_media_are_refused():
    with pytest.raises(EvaluationError, match="newer labels no media: index again with --annotations"):
        labels_of({"media_id": "A/1", "split": "test"})
    with pytest.raises(EvaluationError, match="1 media twice"):
        labels_of({"media_id": "A/1", "label": "blank"}, {"media_id": "A/1", "label": "nonblank"})
