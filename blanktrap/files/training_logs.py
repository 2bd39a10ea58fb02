"""What a training writes while it goes on: a row for each epoch, and curves for TensorBoard.

Owns: `training.parquet`, rewritten whole after each epoch so that it can be followed, and one event file an
epoch under `tensorboard/`. Refuses: the state that a run goes on from, and measuring anything.

An event file is small, written once and never added to: S3 cannot append, and TensorBoard reads the files of
a folder by name, one after the other. An epoch that is done again, after a crash, replaces its row and file,
and what an earlier run left of later epochs goes.
"""

import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from blanktrap.core.errors import SourceError
from blanktrap.core.evaluation.epoch_figures import EpochFigures
from blanktrap.core.training_record import TRAINING_NAME, TRAINING_SCHEMA, EpochRecord, records_table
from blanktrap.files.parquet import read_parquet
from blanktrap.files.s3 import ObjectMissingError
from blanktrap.files.storage import Storage, join

TENSORBOARD = "tensorboard"

_COUNTS = ("num_media", "num_nonblank")
_TOLD = (
    "train_loss",
    "val_loss",
    "learning_rate",
    "images_per_s",
    "waited_share",
    "training_s",
    "validation_s",
)


def log_epoch(storage: Storage, location: str, record: EpochRecord) -> None:
    """Write an epoch down in the checkpoint's folder.

    Args:
        storage: writes it, local or S3.
        location: the checkpoint's folder; there need be no checkpoint yet.
        record: the epoch. Rows of earlier epochs stay; those of this and later ones are of another run.

    Raises:
        SourceError: the folder cannot be read or written, or its table is none of ours.
    """
    earlier = read_training_log(storage, location)
    kept = TRAINING_SCHEMA.empty_table() if earlier is None else earlier
    kept = kept.filter(pc.less(kept.column("epoch"), record.epoch))
    table = pa.concat_tables([kept, records_table([record])])
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    storage.write_bytes(join(location, TRAINING_NAME), sink.getvalue().to_pybytes())
    _write_events(storage, join(location, TENSORBOARD), record)


def complete_log(storage: Storage, location: str, records: Sequence[EpochRecord]) -> None:
    """Write down the epochs that a driver did not live to write: their state stood before their row did.

    Args:
        storage: writes them.
        location: the checkpoint's folder.
        records: all epochs of the run, in order. One that is written down already is left as it is.

    Raises:
        SourceError: as `log_epoch`.
    """
    log = read_training_log(storage, location)
    written = set() if log is None else set(log.column("epoch").to_pylist())
    first = next((place for place, record in enumerate(records) if record.epoch not in written), len(records))
    for record in records[first:]:
        log_epoch(storage, location, record)


def read_training_log(storage: Storage, location: str) -> pa.Table | None:
    """The epochs of a training so far, with the columns of `TRAINING_SCHEMA`; None where none is written.

    Raises:
        SourceError: the folder cannot be read, or its table is none of ours.
    """
    uri = join(location, TRAINING_NAME)
    try:
        data = storage.read_bytes(uri)
    except ObjectMissingError:
        return None
    try:
        table = read_parquet(data)
        return table.select(TRAINING_SCHEMA.names).cast(TRAINING_SCHEMA)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError, ValueError, OSError) as problem:
        reason = " ".join(str(problem).split())
        raise SourceError(
            f"{uri} is no log of a training ({reason}): remove it, or train elsewhere"
        ) from problem


def _write_events(storage: Storage, folder: str, record: EpochRecord) -> None:
    for entry in storage.list_folder(folder):
        found = re.fullmatch(r"events\.out\.tfevents\.(\d{6})", entry.relative)
        if found and int(found[1]) > record.epoch:
            storage.delete(entry.uri)
    with tempfile.TemporaryDirectory(prefix="blanktrap-") as scratch:
        # TensorBoard takes files with `tfevents` in their name, in the order of their names.
        path = Path(scratch) / f"events.out.tfevents.{record.epoch:06d}"
        _write_event_file(path, record)
        storage.upload(path, join(folder, path.name))


def _write_event_file(path: Path, record: EpochRecord) -> None:
    # Half a second that only training has to wait for.
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    from tensorboardX.record_writer import RecordWriter

    writer = RecordWriter(str(path))
    now = time.time()
    writer.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    for tag, value in sorted(scalars_of(record).items()):
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        writer.write(Event(wall_time=now, step=record.epoch, summary=summary).SerializeToString())
    writer.close()


def scalars_of(record: EpochRecord) -> dict[str, float]:
    """What TensorBoard draws of an epoch, by tag: `training/train_loss`, `night/average_precision`, …

    Figures that there is nothing to measure on have no point.
    """
    points = {f"training/{name}": float(getattr(record, name)) for name in _TOLD}
    for part in EpochFigures.model_fields:
        for name, value in getattr(record.figures, part):
            if value is not None and name not in _COUNTS:
                points[f"{part}/{name}"] = float(value)
    return points
