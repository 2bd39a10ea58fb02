"""Labelled media in any wanted order, decoded by Ray Data on whatever machine has room.

Owns: one execution of Ray Data for the media that a training worker has not on its disk. Refuses: the order,
which the training loop decides, and keeping anything: that is the cache's matter.

Each worker has a dataset of its own. A dataset that Ray Train shares out among the workers gives each what
comes next, or drops rows to make the shares equal; here a worker must get its own media, all of them, in the
order of its epoch, and after a restart only those that its machine lacks.
"""

from collections.abc import Generator

import numpy as np
import pyarrow as pa
import ray
from ray.data import DataContext
from ray.exceptions import RayError

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.places import with_places
from blanktrap.core.vocabulary import Status
from blanktrap.engines.failures import plain_error
from blanktrap.engines.sources import PIXELS, MediaDatasource, MediaSource, pixels_of
from blanktrap.files.storage import Storage
from blanktrap.vision.decoding import DecodedImage
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.loading import LoadedImage
from blanktrap.vision.training.cached_feed import RUN_OF_PLACES, Decoder, decoder_here

_BATCH = 16
_BATCH_BYTES = 32 * 1024 * 1024
"""Pixels of a batch at the most, where images are large."""
_FETCH_THREADS = 8
_FEW = 2 * _BATCH
"""So few media are decoded by the worker itself: starting an execution takes longer."""


def batch_size(preprocessing: Preprocessing) -> int:
    """Media that travel together."""
    return max(1, min(_BATCH, _BATCH_BYTES // preprocessing.image_bytes))


def batch_bytes(preprocessing: Preprocessing) -> int:
    """Bytes of their pixels."""
    return batch_size(preprocessing) * preprocessing.image_bytes


def decoder_on_ray(
    media: LabelledMedia, preprocessing: Preprocessing, storage: Storage, *, num_workers: int = 1
) -> Decoder:
    """A decoder whose work is done by Ray Data.

    Args:
        media: the labelled media of the run.
        preprocessing: what is done to their pixels.
        storage: the door to their bytes.
        num_workers: how many decode at the same time, each as here: they share the cluster's cores.

    Raises:
        SourceError: when it is iterated over: the storage itself fails.
        EngineError: Ray cannot do it.
    """
    source = MediaSource(
        storage=storage,
        preprocessing=preprocessing,
        limits=DecodeLimits(),
        batch_size=batch_size(preprocessing),
        fetch_threads=_FETCH_THREADS,
    )
    here = decoder_here(media, preprocessing, storage, num_threads=1)

    def decode(rows: np.ndarray) -> Generator[LoadedImage]:
        if len(rows) <= _FEW:
            yield from here(rows)
            return
        _prepare_context(source)
        size = source.batch_size
        # Media that are compared share their neighbours: the longer the part, the less is decoded twice.
        step = size if media.places is None else max(size, RUN_OF_PLACES // num_workers)
        parts = [_table_of(media, rows[start : start + step]) for start in range(0, len(rows), step)]
        # A task claims no core: workers may have claimed them all, and would wait for their images for ever.
        dataset = ray.data.read_datasource(
            MediaDatasource(source, parts),
            num_cpus=0,
            concurrency=max(1, int(ray.cluster_resources().get("CPU", 1.0)) // num_workers),
            override_num_blocks=len(parts),
        )
        try:
            for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
                yield from _loaded_of(table, preprocessing)
        except RayError as problem:
            raise plain_error(problem) from problem

    return decode


def _prepare_context(source: MediaSource) -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    # A block for each batch; see `engines.scoring`.
    context.target_max_block_size = source.batch_bytes() - 1
    context.max_errored_blocks = 0
    context.execution_options.preserve_order = True


def _table_of(media: LabelledMedia, rows: np.ndarray) -> pa.Table:
    table = pa.table(
        {
            "uri": pa.array([str(uri) for uri in media.uris[rows]], pa.string()),
            "size_bytes": pa.array(media.sizes_bytes[rows].tolist(), pa.int64()),
        }
    )
    return table if media.places is None else with_places(table, media.places[rows].tolist())


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
                has_background=facts["has_background"],
            )
            if place in pixels_at
            else None,
            bytes_read=facts["bytes_read"],
            fetch_s=facts["fetch_s"],
            decode_s=facts["decode_s"],
        )
