"""The record of an epoch, its line and its row."""

import pyarrow as pa
import pytest
from pydantic import ValidationError

from blanktrap.core.evaluation.epoch_figures import measure_epoch
from blanktrap.core.training_record import TRAINING_SCHEMA, EpochRecord, records_table
from tests.core.cards import make_record


def test_a_record_survives_its_json() -> None:
    record = make_record()
    assert EpochRecord.model_validate_json(record.model_dump_json()) == record


def test_an_epoch_is_a_row_with_a_column_for_each_figure() -> None:
    table = records_table([make_record(), make_record(epoch=2, phase="all", is_best=False)])
    assert table.schema.equals(TRAINING_SCHEMA, check_metadata=True)
    first, second = table.to_pylist()
    assert (first["epoch"], first["phase"], second["epoch"], second["phase"]) == (1, "head", 2, "all")
    # 0.9 beats both blanks, 0.4 beats 0.2 and not 0.6: 3 of 4 pairs; all of it by day.
    assert first["all_area_under_roc"] == first["day_area_under_roc"] == 0.75
    assert first["night_num_media"] == 0
    assert first["night_average_precision"] is None
    assert first["sequences_num_media"] == 3


def test_every_field_of_the_record_has_a_column() -> None:
    row = make_record().model_dump()
    flat = {f"{part}_{name}" for part, figures in row.pop("figures").items() for name in figures}
    assert set(TRAINING_SCHEMA.names) == set(row) | flat


def test_no_epochs_are_an_empty_table() -> None:
    assert records_table([]).equals(TRAINING_SCHEMA.empty_table())
    assert records_table([]).schema.field("day_log_loss").type == pa.float64()


def test_the_line_says_what_was_reached_and_what_it_took() -> None:
    # Nonblank at ranks 1 and 3: (1 + 2/3) / 2; keeping both at 0.4 removes one blank of two.
    assert make_record().line(12) == (
        "epoch 1/12 (last layer): loss 0.600, validation 0.650, average precision 0.833, area under ROC "
        "0.750, blanks removed at 96 % recall 50.0 %; 84.2 images/s, waited 3.4 % of the time, 1 min 05 s, "
        "best so far"
    )
    only = measure_epoch([0.9], [True], is_night=[False], sequences=[-1])
    line = make_record(phase="all", is_best=False, figures=only).line()
    assert line.startswith("epoch 1 (all layers)")
    assert "average precision unknown" in line
    assert line.endswith("1 min 05 s")


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 0},
        {"train_loss": float("nan")},
        {"val_loss": float("inf")},
        {"waited_share": 1.2},
        {"phase": "tail"},
        {"num_workers": 0},
    ],
)
def test_what_no_epoch_can_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make_record(**changes)
