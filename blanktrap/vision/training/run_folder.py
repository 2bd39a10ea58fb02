"""The folder of an unfinished run, local or on S3: what the run is of, and the state it goes on from.

Owns: `run.json` (manifest and recipe, written last of what never changes), `media.parquet`, the first
weights, and two places for states that take turns, `latest.json` naming the whole one. Refuses: another
recipe or manifest under the same name, and training.

All of it goes through the one door to bytes, so a state stands as soon as `save_state` returns, with the
credentials and the errors of every other file; an upload in the background would cost an epoch in a crash.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.torch
import torch
from torch import nn

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.core.places import places_of, with_places
from blanktrap.files.annotations.boxes import MediaBoxes
from blanktrap.files.given_boxes import digest_boxes
from blanktrap.files.parquet import read_parquet
from blanktrap.files.patience import patiently
from blanktrap.files.recipes import read_recipe, refuse_other_recipe
from blanktrap.files.s3 import ObjectMissingError, is_s3
from blanktrap.files.storage import Storage, join, local_path, local_uri
from blanktrap.vision.checkpoints import first_network
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.network import build_network
from blanktrap.vision.training.state import TrainingState, read_state, write_state

VERSION = 1
RUN_NAME = "run.json"
_MEDIA, _WEIGHTS, _LATEST = "media.parquet", "first.safetensors", "latest.json"
_PLACES = ("state-a", "state-b")
_FREE = ("micro_batch_size",)
"""Of the recipe, what may change when a run goes on: it is what is lowered when memory runs out."""
_NUMBERS = pa.list_(pa.float64())
_BOXES = pa.list_(pa.struct({"areas": pa.list_(_NUMBERS), "shape": _NUMBERS}))


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """An unfinished run, as the driver began it and as each worker sees it."""

    location: str
    storage: Storage
    config: TrainConfig
    media: LabelledMedia
    """All labelled media of the run, each in `train` or `val`."""

    def build_network(self) -> nn.Module:
        """The network with its first weights, on the CPU, the same on every worker. Raises SourceError."""
        with torch.random.fork_rng():
            torch.manual_seed(self.config.seed)
            network = build_network("none", self.config.preprocessing.num_channels)
        if self.config.weights != "none":
            weights = self.storage.read_bytes(join(self.location, _WEIGHTS))
            network.load_state_dict(safetensors.torch.load(weights))
        return network

    def save_state(self, state: TrainingState) -> None:
        """Keep a state; until it stands whole, the one before it does. Raises SourceError."""
        earlier = self._latest()
        place = next(name for name in _PLACES if earlier is None or name != earlier["place"])
        target = join(self.location, place)
        if is_s3(target):
            with TemporaryDirectory(prefix="blanktrap-") as folder:
                write_state(Path(folder), state)
                for path in sorted(Path(folder).iterdir()):
                    patiently(partial(self.storage.upload, path, join(target, path.name)))
        else:
            folder_here = local_path(target)
            folder_here.mkdir(parents=True, exist_ok=True)
            write_state(folder_here, state)
        latest = json.dumps({"epoch": state.epoch, "place": place}).encode()
        patiently(lambda: self.storage.write_bytes(join(self.location, _LATEST), latest))

    def num_epochs_done(self) -> int:
        """Epochs of the state that the run would go on from. Raises SourceError."""
        latest = self._latest()
        return latest["epoch"] if latest else 0

    def load_state(self) -> TrainingState | None:
        """The state to go on from, None at the beginning.

        Raises:
            CheckpointError: it is damaged.
            SourceError: it cannot be read.
        """
        latest = self._latest()
        if latest is None:
            return None
        source = join(self.location, latest["place"])
        if not is_s3(source):
            return read_state(local_path(source))
        with TemporaryDirectory(prefix="blanktrap-") as folder:
            for entry in self.storage.list_folder(source):
                self.storage.download(entry.uri, Path(folder) / entry.relative)
            return read_state(Path(folder))

    def remove(self) -> None:
        """Remove the run and all its states. Raises SourceError."""
        for folder in (*(join(self.location, place) for place in _PLACES), self.location):
            for entry in self.storage.list_folder(folder):
                self.storage.delete(entry.uri)
            if not is_s3(folder):
                _remove_if_empty(local_path(folder))
        if not is_s3(self.location):
            _remove_if_empty(local_path(self.location).parent)

    def _latest(self) -> dict[str, Any] | None:
        uri = join(self.location, _LATEST)
        try:
            latest = json.loads(self.storage.read_bytes(uri))
            return {"epoch": int(latest["epoch"]), "place": str(latest["place"])}
        except ObjectMissingError:
            return None
        except (ValueError, KeyError, TypeError) as problem:
            raise TrainingError(f"{uri} is damaged ({problem!r}): remove {self.location}") from problem


def begin_run(
    storage: Storage, location: str, media: LabelledMedia, config: TrainConfig, *, manifest_digest: str
) -> RunFolder:
    """Write down what a run is of, or go on with a folder that holds the same.

    Args:
        storage: the door to the bytes.
        location: the run's own folder, local or S3; all workers must reach it.
        media: what is learned from and validated on.
        config: the recipe.
        manifest_digest: of the manifest that the media come from.

    Raises:
        TrainingError: it holds a run of another manifest, of other media, or of another recipe.
        CheckpointError: the first weights cannot be had.
        SourceError: it cannot be read or written.
    """
    location = location if is_s3(location) else local_uri(local_path(location))
    end = "give another --name or --storage, or remove it to begin again"
    record = {
        "schema_version": VERSION,
        "manifest_digest": manifest_digest,
        "media_digest": _digest_of(media),
        "config": config.model_dump(mode="json"),
    }
    uri = join(location, RUN_NAME)
    if storage.exists(uri):
        found = read_recipe(storage, uri, end=end)
        refuse_other_recipe(f"{location} holds a run", found, record, end=end, free=_FREE)
        if found.get("media_digest") != record["media_digest"]:
            raise TrainingError(
                f"{location} holds a run of other media of this manifest, or of other boxes: {end}"
            )
    else:
        if config.weights != "none":
            weights = {
                name: tensor.contiguous()
                for name, tensor in first_network(storage, config.weights, config.preprocessing.num_channels)
                .state_dict()
                .items()
            }
            storage.write_bytes(join(location, _WEIGHTS), safetensors.torch.save(weights))
        # A worker that outlived the removal of its run may have left a state, of whatever recipe.
        storage.delete(join(location, _LATEST))
        storage.write_bytes(join(location, _MEDIA), _write_media(media))
        storage.write_bytes(uri, json.dumps(record, indent=1).encode())
    return RunFolder(location=location, storage=storage, config=config, media=media)


def open_run(storage: Storage, location: str, config: TrainConfig) -> RunFolder:
    """Open a run that the driver has begun.

    Args:
        storage: the door to the bytes.
        location: as `RunFolder` has it.
        config: the recipe of this start, which agrees with the one written down but for what may change.

    Raises:
        TrainingError: this machine does not see the folder.
        SourceError: it cannot be read.
    """
    try:
        data = storage.read_bytes(join(location, _MEDIA))
    except ObjectMissingError as problem:
        raise TrainingError(
            f"a worker does not see {location}, where the run is kept: with several machines give --storage "
            f"a folder that all of them share, or s3://bucket/prefix"
        ) from problem
    return RunFolder(location=location, storage=storage, config=config, media=_read_media(data))


def _write_media(media: LabelledMedia) -> bytes:
    table = pa.table(
        {
            "media_id": pa.array(media.media_ids.tolist(), pa.string()),
            "uri": pa.array(media.uris.tolist(), pa.string()),
            "size_bytes": pa.array(media.sizes_bytes.tolist(), pa.int64()),
            "location_id": pa.array(media.location_ids.tolist(), pa.string()),
            "sequence_id": pa.array(media.sequence_ids.tolist(), pa.string()),
            "is_nonblank": pa.array(media.is_nonblank.tolist(), pa.bool_()),
            "split": pa.array([str(split) for split in media.splits.tolist()], pa.string()),
        }
    )
    if media.places is not None:
        table = with_places(table, media.places.tolist())
    if media.boxes is not None:
        boxes = [[asdict(one) for one in found] for found in media.boxes]
        table = table.append_column("boxes", pa.array(boxes, _BOXES))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def _read_media(data: bytes) -> LabelledMedia:
    table = read_parquet(data)

    def objects(name: str) -> np.ndarray:
        return np.array(table.column(name).to_pylist(), dtype=object)

    media = LabelledMedia(
        media_ids=objects("media_id"),
        uris=objects("uri"),
        sizes_bytes=objects("size_bytes"),
        location_ids=objects("location_id"),
        sequence_ids=objects("sequence_id"),
        is_nonblank=objects("is_nonblank").astype(bool),
        splits=objects("split"),
        places=places_of(table),
    )
    if "boxes" not in table.column_names:
        return media
    boxes = zip(media.media_ids.tolist(), table.column("boxes").to_pylist(), strict=True)
    return media.with_boxes({media_id: tuple(_boxes_of(one) for one in found) for media_id, found in boxes})


def _boxes_of(one: dict[str, Any]) -> MediaBoxes:
    shape = one["shape"] and (one["shape"][0], one["shape"][1])
    areas = tuple((left, top, right, bottom) for left, top, right, bottom in one["areas"])
    return MediaBoxes(areas=areas, shape=shape)


def _digest_of(media: LabelledMedia) -> str:
    """Of what the positions in the media mean, and of the boxes, where there are any."""
    digest = hashlib.sha256()
    for row in zip(media.media_ids, media.is_nonblank, media.splits, strict=True):
        digest.update(json.dumps([str(row[0]), bool(row[1]), str(row[2])]).encode())
    if media.boxes is not None:
        boxes = digest_boxes(dict(zip(media.media_ids.tolist(), media.boxes.tolist(), strict=True)))
        digest.update((boxes or "").encode())
    return f"sha256:{digest.hexdigest()}"


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
