"""From URIs to decoded images: fetching ahead in threads, decoding in order.

Owns: the overlap of fetching and decoding, the status of every media that does not become pixels, and the
columns of the scores that decoding fills.
Refuses: torch and Ray; a decoding worker stays small.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.errors import DecodeError
from blanktrap.core.schemas import EXPOSURE
from blanktrap.core.vocabulary import Status
from blanktrap.files.patience import patiently
from blanktrap.files.s3 import (
    ObjectDeniedError,
    ObjectMissingError,
    ObjectReplacedError,
    ObjectTooLargeError,
    UnsupportedLocationError,
)
from blanktrap.files.s3_reading import ObjectVersion
from blanktrap.files.storage import Storage
from blanktrap.vision.decoding import DecodedImage, decode_image


@dataclass(frozen=True, kw_only=True)
class LoadedImage:
    """One media after fetching and decoding. `image` is None unless `status` is `ok`."""

    status: Status
    error: str | None
    image: DecodedImage | None
    bytes_read: int
    """Of the media itself."""
    fetch_s: float
    decode_s: float
    num_beside: int = 0
    """Media that were fetched for the comparison alone since the one before; see `comparing`."""
    bytes_beside: int = 0
    """Bytes of theirs."""
    beside_s: float = 0.0
    """Seconds of fetching and decoding them."""
    compare_s: float = 0.0
    """Seconds of comparing this media with its neighbours."""


@dataclass(frozen=True, kw_only=True)
class _Fetched:
    data: bytes | None
    status: Status
    error: str | None
    bytes_read: int
    fetch_s: float


def load_images(
    uris: Sequence[str],
    sizes_bytes: Sequence[int | None],
    *,
    storage: Storage,
    preprocessing: Preprocessing,
    limits: DecodeLimits,
    num_threads: int,
    etags: Sequence[str | None] | None = None,
) -> Iterator[LoadedImage]:
    """Fetch and decode images in the given order, one GET each, fetching ahead of the decoder.

    Args:
        uris: what to load, shape (num_media,).
        sizes_bytes: file sizes the manifest knows, None where it does not; shape (num_media,).
        storage: the door to the bytes.
        preprocessing: crop and size of the pixels.
        limits: what is too large.
        num_threads: objects fetched at the same time; twice as many wait decoded or not, no more.
        etags: the states of objects on S3 that were indexed, None where unknown; shape (num_media,).

    Yields:
        One result a URI, whatever happened to it.

    Raises:
        SourceError: the storage itself fails (no bucket, credentials expired, unreachable for minutes):
            that says nothing of the media, so no status is given and the work stops.
    """
    waiting: deque[Future[_Fetched]] = deque()
    media = zip(uris, sizes_bytes, etags or [None] * len(uris), strict=True)
    with ThreadPoolExecutor(max_workers=num_threads, thread_name_prefix="fetch") as pool:
        try:
            for uri, size_bytes, etag in media:
                waiting.append(pool.submit(_fetch, uri, size_bytes, storage, limits, etag))
                if len(waiting) >= 2 * num_threads:
                    yield _decode(waiting.popleft().result(), preprocessing, limits)
            while waiting:
                yield _decode(waiting.popleft().result(), preprocessing, limits)
        finally:
            for future in waiting:
                future.cancel()


def load_image(
    uri: str,
    size_bytes: int | None,
    *,
    storage: Storage,
    preprocessing: Preprocessing,
    limits: DecodeLimits,
) -> LoadedImage:
    """Fetch and decode one image in the calling thread. Arguments and errors as `load_images`."""
    return _decode(_fetch(uri, size_bytes, storage, limits), preprocessing, limits)


def image_columns(loaded: Sequence[LoadedImage]) -> dict[str, pa.Array]:
    """What fetching and decoding say of media: the columns of the scores that they fill, bytes and seconds.

    Args:
        loaded: shape (num_media,).

    Returns:
        Arrays of shape (num_media,) by column name.
    """
    decoded = [one.image for one in loaded]
    return {
        "status": pa.array([one.status.value for one in loaded], pa.string()),
        "error": pa.array([one.error for one in loaded], pa.string()),
        "width_px": pa.array([image and image.width_px for image in decoded], pa.int32()),
        "height_px": pa.array([image and image.height_px for image in decoded], pa.int32()),
        "brightness": pa.array([image and image.brightness for image in decoded], pa.float32()),
        "is_night": pa.array([image and image.is_night for image in decoded], pa.bool_()),
        EXPOSURE.name: pa.array([image and image.exposure for image in decoded], EXPOSURE.type),
        "has_background": pa.array([image and image.has_background for image in decoded], pa.bool_()),
        "bytes_read": pa.array([one.bytes_read for one in loaded], pa.int64()),
        "fetch_s": pa.array([one.fetch_s for one in loaded], pa.float32()),
        "decode_s": pa.array([one.decode_s for one in loaded], pa.float32()),
    }


def compare_columns(loaded: Sequence[LoadedImage]) -> dict[str, pa.Array]:
    """What comparing media with their place took, beside `image_columns`.

    Args:
        loaded: as `comparing.compare_images` gives them, shape (num_media,).

    Returns:
        Arrays of shape (num_media,) by column name.
    """
    return {
        "num_beside": pa.array([one.num_beside for one in loaded], pa.int64()),
        "bytes_beside": pa.array([one.bytes_beside for one in loaded], pa.int64()),
        "beside_s": pa.array([one.beside_s for one in loaded], pa.float32()),
        "compare_s": pa.array([one.compare_s for one in loaded], pa.float32()),
    }


def _fetch(
    uri: str, size_bytes: int | None, storage: Storage, limits: DecodeLimits, etag: str | None = None
) -> _Fetched:
    started = time.perf_counter()

    def failed(status: Status, error: str, bytes_read: int = 0) -> _Fetched:
        fetch_s = time.perf_counter() - started
        return _Fetched(data=None, status=status, error=error, bytes_read=bytes_read, fetch_s=fetch_s)

    def too_large(size_bytes: int) -> _Fetched:
        return failed(Status.TOO_LARGE, f"{size_bytes:,} bytes, more than {limits.max_bytes:,}; not fetched")

    if size_bytes is not None and size_bytes > limits.max_bytes:
        return too_large(size_bytes)
    version = None
    if size_bytes is not None and etag is not None:
        version = ObjectVersion(etag=etag, size_bytes=size_bytes)
    try:
        data = patiently(lambda: storage.read_bytes(uri, max_bytes=limits.max_bytes, version=version))
    except ObjectTooLargeError as problem:
        return too_large(problem.size_bytes)
    except ObjectMissingError as problem:
        return failed(Status.MISSING, str(problem))
    except UnsupportedLocationError as problem:
        return failed(Status.UNSUPPORTED, str(problem))
    except (ObjectDeniedError, ObjectReplacedError) as problem:
        return failed(Status.UNREADABLE, str(problem))
    if size_bytes is not None and len(data) != size_bytes:
        # A score must belong to the image that was indexed.
        return failed(
            Status.UNREADABLE,
            f"{len(data):,} bytes, {size_bytes:,} when it was indexed: replaced or cut since, index again",
            len(data),
        )
    fetch_s = time.perf_counter() - started
    return _Fetched(data=data, status=Status.OK, error=None, bytes_read=len(data), fetch_s=fetch_s)


def _decode(fetched: _Fetched, preprocessing: Preprocessing, limits: DecodeLimits) -> LoadedImage:
    started = time.perf_counter()
    image, status, error = None, fetched.status, fetched.error
    if fetched.data is not None:
        try:
            image = decode_image(fetched.data, preprocessing, limits)
        except DecodeError as problem:
            status, error = Status(problem.status), str(problem)
    return LoadedImage(
        status=status,
        error=error,
        image=image,
        bytes_read=fetched.bytes_read,
        fetch_s=fetched.fetch_s,
        decode_s=time.perf_counter() - started,
    )
