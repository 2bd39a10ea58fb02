"""Labelled media in any wanted order, decoded by Ray Data on whatever machine has room.

Owns: one execution of Ray Data for the media that a training worker has not on its disk. Refuses: the order,
which the training loop decides, and keeping anything: that is the cache's matter.

Each worker has a dataset of its own. A dataset that Ray Train shares out among the workers gives each what
comes next, or drops rows to make the shares equal; here a worker must get its own media, all of them, in the
order of its epoch, and after a restart only those that its machine lacks.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import ray
from ray.data import DataContext, ExecutionResources
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask
from ray.exceptions import RayError

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.vocabulary import Status
from blanktrap.engines.chunks import PIXELS, ChunkSource, pixels_of
from blanktrap.engines.failures import plain_error
from blanktrap.files.storage import Storage
from blanktrap.vision.decoding import DecodedImage
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.loading import LoadedImage
from blanktrap.vision.training.cached_feed import Decoder, decoder_here

_BATCH = 16
_FETCH_THREADS = 8
_FEW = 2 * _BATCH
"""So few media are decoded by the worker itself: starting an execution takes longer."""


@dataclass(frozen=True, kw_only=True)
class DecodingRoom:
    """What decoding may take of the cluster. All workers together must leave some of it, or nothing moves."""

    task_cpus: float
    """Cores that one task claims."""
    training_cpus: float
    """Cores that all training workers claim together."""
    num_workers: int
    """Training workers, each with an execution of its own."""


def decoder_on_ray(
    media: LabelledMedia, preprocessing: Preprocessing, storage: Storage, room: DecodingRoom
) -> Decoder:
    """A decoder whose work is done by Ray Data.

    Raises:
        SourceError: when it is iterated over: the storage itself fails.
        EngineError: Ray cannot do it.
    """
    source = ChunkSource(
        storage=storage,
        preprocessing=preprocessing,
        limits=DecodeLimits(),
        batch_size=_BATCH,
        fetch_threads=_FETCH_THREADS,
    )
    here = decoder_here(media, preprocessing, storage, num_threads=1)

    def decode(rows: np.ndarray) -> Generator[LoadedImage]:
        if len(rows) <= _FEW:
            yield from here(rows)
            return
        _prepare_context(source, room)
        parts = [_table_of(media, rows[start : start + _BATCH]) for start in range(0, len(rows), _BATCH)]
        dataset = ray.data.read_datasource(
            MediaDatasource(source, parts), num_cpus=room.task_cpus, override_num_blocks=len(parts)
        )
        try:
            for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
                yield from _loaded_of(table, preprocessing)
        except RayError as problem:
            raise plain_error(problem) from problem

    return decode


def _prepare_context(source: ChunkSource, room: DecodingRoom) -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    # A block for each batch; see `engines.scoring`.
    context.target_max_block_size = source.batch_bytes() - 1
    context.max_errored_blocks = 0
    options = context.execution_options
    options.preserve_order = True
    options.exclude_resources = ExecutionResources(cpu=room.training_cpus)


def _table_of(media: LabelledMedia, rows: np.ndarray) -> pa.Table:
    return pa.table(
        {
            "uri": pa.array([str(uri) for uri in media.uris[rows]], pa.string()),
            "size_bytes": pa.array(media.sizes_bytes[rows].tolist(), pa.int64()),
        }
    )


def _loaded_of(table: pa.Table, preprocessing: Preprocessing) -> Generator[LoadedImage]:
    """The rows of a decoded batch, in order."""
    pixels, positions = pixels_of(table, preprocessing)
    pixels_at = dict(zip(positions.tolist(), pixels, strict=True))
    for place, facts in enumerate(table.drop_columns([PIXELS]).to_pylist()):
        yield LoadedImage(
            status=Status(facts["status"]),
            error=facts["error"],
            image=DecodedImage(
                pixels=pixels_at[place],
                width_px=facts["width_px"],
                height_px=facts["height_px"],
                brightness=facts["brightness"],
                is_night=facts["is_night"],
            )
            if place in pixels_at
            else None,
            bytes_read=facts["bytes_read"],
            fetch_s=facts["fetch_s"],
            decode_s=facts["decode_s"],
        )


class MediaDatasource(Datasource):
    """Media in the order given, one read task a table."""

    def __init__(self, source: ChunkSource, parts: list[pa.Table]) -> None:
        """Args: source: how to read. parts: tables with `uri` and `size_bytes`."""
        super().__init__()
        self._source = source
        self._parts = parts

    def get_name(self) -> str:
        return "Media"

    def estimate_inmemory_data_size(self) -> int | None:
        return sum(self._bytes_of(part) for part in self._parts)

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: DataContext | None = None,
    ) -> list[ReadTask]:
        return [self._task(part) for part in self._parts]

    def _bytes_of(self, part: pa.Table) -> int:
        return part.num_rows * self._source.batch_bytes() // self._source.batch_size

    def _task(self, part: pa.Table) -> ReadTask:
        source = self._source

        def read() -> Iterable[pa.Table]:
            return source.read_media(part)

        metadata = BlockMetadata(
            num_rows=part.num_rows, size_bytes=self._bytes_of(part), input_files=None, exec_stats=None
        )
        return ReadTask(read, metadata)
