"""Media loaded together with their neighbours, each compared with the background of its place.

Owns: which media are fetched for it, how long each is kept, and what becomes of one that cannot be compared.
Refuses: choosing neighbours (`blanktrap.core.neighbours`), and the comparison (`background`).

Each media is fetched and decoded once, whoever needs it. What is kept of a media that waits for nothing but
others is its small grey image, and no longer than some later media may need it. A neighbour that is missing,
damaged or too large is no neighbour.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.places import Place
from blanktrap.files.storage import Storage
from blanktrap.vision.background import no_change, see_change, small_luminance, with_change
from blanktrap.vision.decoding import DecodedImage
from blanktrap.vision.loading import LoadedImage, load_images

_SHAPE_TOLERANCE = 0.02
"""How far the shapes of two images may be apart, as a share of width over height."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Small:
    """What is kept of a neighbour."""

    grey: np.ndarray
    is_night: bool
    shape: float


def compare_images(
    uris: Sequence[str],
    sizes_bytes: Sequence[int | None],
    wanted: Sequence[int],
    neighbours: Sequence[Sequence[int]],
    *,
    storage: Storage,
    preprocessing: Preprocessing,
    limits: DecodeLimits,
    num_threads: int,
    etags: Sequence[str | None] | None = None,
) -> Iterator[LoadedImage]:
    """Load media and compare each with its neighbours.

    Args:
        uris: of the media and of those around them in manifest order, so that what is kept stays little.
        sizes_bytes: of them too, None where the manifest does not know.
        wanted: positions in `uris` of the media asked for, rising.
        neighbours: for each of them the positions of its neighbours, the best first.
        storage: the door to the bytes.
        preprocessing: of a model with a background.
        limits: what is too large.
        num_threads: as `load_images`.
        etags: as `load_images`, one for each of `uris`.

    Yields:
        One result for each of `wanted`, in order, whatever happened to it; the pixels of an image have five
        channels, see `background.with_change`. `num_beside` and `bytes_beside` of all results together count
        what was fetched and was not wanted.

    Raises:
        SourceError: as `load_images`.
    """
    last_use: dict[int, int] = {}
    for place, (position, beside) in enumerate(zip(wanted, neighbours, strict=True)):
        last_use.update(dict.fromkeys((position, *beside), place))
    needed = sorted(last_use)
    loading = load_images(
        [uris[position] for position in needed],
        [sizes_bytes[position] for position in needed],
        storage=storage,
        preprocessing=preprocessing,
        limits=limits,
        num_threads=num_threads,
        etags=None if etags is None else [etags[position] for position in needed],
    )
    is_wanted = set(wanted)
    smalls: dict[int, _Small] = {}
    waiting: deque[LoadedImage] = deque()
    num_loaded, num_beside, bytes_beside, beside_s = 0, 0, 0, 0.0
    for place, (position, beside) in enumerate(zip(wanted, neighbours, strict=True)):
        until = max((position, *beside))
        while num_loaded < len(needed) and needed[num_loaded] <= until:
            loaded, at = next(loading), needed[num_loaded]
            num_loaded += 1
            if loaded.image is not None:
                smalls[at] = _small_of(loaded.image)
            if at in is_wanted:
                waiting.append(loaded)
            else:
                num_beside += 1
                bytes_beside += loaded.bytes_read
                beside_s += loaded.fetch_s + loaded.decode_s
        one = waiting.popleft()
        started = time.perf_counter()
        if one.image is not None:
            around = [smalls[other] for other in beside if other in smalls]
            one = replace(one, image=_compared(one.image, smalls[position], around))
        compare_s = time.perf_counter() - started
        yield replace(
            one, num_beside=num_beside, bytes_beside=bytes_beside, beside_s=beside_s, compare_s=compare_s
        )
        num_beside, bytes_beside, beside_s = 0, 0, 0.0
        for passed in [other for other in smalls if last_use[other] <= place]:
            del smalls[passed]


def compare_places(
    places: Sequence[Place],
    *,
    storage: Storage,
    preprocessing: Preprocessing,
    limits: DecodeLimits,
    num_threads: int,
) -> Iterator[LoadedImage]:
    """Load media, which need not be all of their manifest, and compare each with its neighbours.

    Args:
        places: the media; fetched least where their rows rise and lie close together.
        storage: the door to the bytes.
        preprocessing: of a model with a background.
        limits: what is too large.
        num_threads: as `load_images`.

    Yields:
        As `compare_images`, in the order of `places`.
    """
    known: dict[int, tuple[str, int | None]] = {}
    for place in places:
        known[place.row] = (place.uri, place.size_bytes)
        known.update({row: (uri, size_bytes) for row, uri, size_bytes in place.neighbours})
    rows = sorted(known)
    position_of = {row: position for position, row in enumerate(rows)}
    rising = sorted({place.row: place for place in places}.values(), key=lambda place: place.row)
    compared = compare_images(
        [known[row][0] for row in rows],
        [known[row][1] for row in rows],
        [position_of[place.row] for place in rising],
        [[position_of[row] for row, _, _ in place.neighbours] for place in rising],
        storage=storage,
        preprocessing=preprocessing,
        limits=limits,
        num_threads=num_threads,
    )
    if rising == list(places):
        yield from compared
        return
    found = {place.row: one for place, one in zip(rising, compared, strict=True)}
    yield from (found[place.row] for place in places)


def _small_of(image: DecodedImage) -> _Small:
    return _Small(
        grey=small_luminance(image.pixels), is_night=image.is_night, shape=image.width_px / image.height_px
    )


def _compared(image: DecodedImage, small: _Small, around: list[_Small]) -> DecodedImage:
    """An image with the two further channels."""
    change = no_change(small.grey.shape)
    if around:
        is_alike = np.array(
            [
                other.is_night == small.is_night
                and abs(other.shape - small.shape) <= _SHAPE_TOLERANCE * small.shape
                for other in around
            ]
        )
        change = see_change(small.grey, np.stack([other.grey for other in around]), is_alike)
    return replace(image, pixels=with_change(image.pixels, change), has_background=change.has_background)
