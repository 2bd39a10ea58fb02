"""The log of a training can be followed, gone on with, and read by TensorBoard."""

import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event

from blanktrap.core.errors import SourceError
from blanktrap.core.training_record import TRAINING_SCHEMA, records_table
from blanktrap.files.storage import Storage
from blanktrap.files.training_logs import TENSORBOARD, complete_log, log_epoch, read_training_log, scalars_of
from tests.core.cards import make_record

STORAGE = Storage()


def read_events(data: bytes) -> list[Event]:
    """The events of a file of records: length, its checksum, data, its checksum (TFRecord)."""

    def masked(part: bytes) -> int:
        checksum = crc32c(part)
        return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF

    events = []
    while data:
        (length,), (of_length,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        body, (of_body,) = data[12 : 12 + length], struct.unpack("<I", data[12 + length : 16 + length])
        assert (of_length, of_body) == (masked(data[:8]), masked(body))
        events.append(Event.FromString(body))
        data = data[16 + length :]
    return events


def test_each_epoch_adds_a_row_to_a_whole_file(tmp_path: Path) -> None:
    first, second = make_record(), make_record(epoch=2, train_loss=0.4, is_best=False)
    assert read_training_log(STORAGE, str(tmp_path)) is None
    log_epoch(STORAGE, str(tmp_path), first)
    assert pq.read_table(tmp_path / "training.parquet").equals(records_table([first]))
    log_epoch(STORAGE, str(tmp_path), second)
    table = read_training_log(STORAGE, str(tmp_path))
    assert table.equals(records_table([first, second]))
    assert table.schema.metadata == TRAINING_SCHEMA.metadata
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tensorboard", "training.parquet"]


def test_tensorboard_finds_every_figure_of_every_epoch(tmp_path: Path) -> None:
    records = [make_record(epoch=epoch, train_loss=1 / epoch) for epoch in (1, 2)]
    for record in records:
        log_epoch(STORAGE, str(tmp_path), record)
    files = sorted((tmp_path / TENSORBOARD).iterdir())
    assert [path.name for path in files] == ["events.out.tfevents.000001", "events.out.tfevents.000002"]
    for record, path in zip(records, files, strict=True):
        version, *events = read_events(path.read_bytes())
        assert version.file_version == "brain.Event:2"
        assert {event.step for event in events} == {record.epoch}
        found = {value.tag: value.simple_value for event in events for value in event.summary.value}
        assert found == pytest.approx(scalars_of(record), rel=1e-6)
    assert found["training/train_loss"] == 0.5
    assert found["all/area_under_roc"] == 0.75
    # Nothing was taken by night: there is no point, not a 0.
    assert not any(tag.startswith("night/") for tag in found)


def test_an_epoch_done_again_replaces_what_followed(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        log_epoch(STORAGE, str(tmp_path), make_record(epoch=epoch))
    again = make_record(epoch=2, train_loss=0.1)
    log_epoch(STORAGE, str(tmp_path), again)
    assert read_training_log(STORAGE, str(tmp_path)).equals(records_table([make_record(), again]))
    assert [path.name[-6:] for path in sorted((tmp_path / TENSORBOARD).iterdir())] == ["000001", "000002"]


def test_epochs_that_a_killed_driver_did_not_write_are_written(tmp_path: Path) -> None:
    records = [make_record(epoch=epoch, train_loss=1 / epoch) for epoch in (1, 2, 3)]
    for written in ((), records[:1], records[2:], records):
        folder = str(tmp_path / str(len(written) * 10 + (written[0].epoch if written else 0)))
        for record in written:
            log_epoch(STORAGE, folder, record)
        complete_log(STORAGE, folder, records)
        assert read_training_log(STORAGE, folder).equals(records_table(records))
        assert len(list((Path(folder) / TENSORBOARD).iterdir())) == 3


def test_other_files_of_tensorboard_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / TENSORBOARD).mkdir()
    other = tmp_path / TENSORBOARD / "events.out.tfevents.1700000000.host"
    other.write_bytes(b"")
    log_epoch(STORAGE, str(tmp_path), make_record())
    assert other.exists()


@pytest.mark.parametrize("content", [b"", b"no parquet", b"PAR1"])
def test_a_file_that_is_no_log_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "training.parquet").write_bytes(content)
    with pytest.raises(SourceError, match="is no log of a training") as caught:
        log_epoch(STORAGE, str(tmp_path), make_record())
    assert "\n" not in str(caught.value)


def test_a_table_of_something_else_is_one_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"epoch": [1]}), tmp_path / "training.parquet")
    with pytest.raises(SourceError, match="is no log of a training"):
        read_training_log(STORAGE, str(tmp_path))


@pytest.mark.s3
def test_a_training_is_logged_on_s3(s3_bucket: str) -> None:
    location = f"s3://{s3_bucket}/models/one"
    for epoch in (1, 2):
        log_epoch(STORAGE, location, make_record(epoch=epoch))
    log_epoch(STORAGE, location, make_record(epoch=1))
    assert read_training_log(STORAGE, location).equals(records_table([make_record()]))
    (entry,) = STORAGE.list_folder(f"{location}/{TENSORBOARD}")
    assert read_events(STORAGE.read_bytes(entry.uri))[0].file_version == "brain.Event:2"
