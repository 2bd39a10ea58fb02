"""The images of chosen media, each compared with its place where the model does so.

Owns: finding the neighbours of media that were chosen out of a manifest or out of scores. Refuses: heatmaps,
drawing, and guessing neighbours of images and folders that are named alone: they have no background.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.neighbours import NeighbourRule, rule_of
from blanktrap.core.places import Place, add_neighbours, places_of
from blanktrap.files.explained_media import MediaSource
from blanktrap.vision.comparing import compare_places
from blanktrap.vision.loading import LoadedImage, load_images

_THREADS = 8
_TOGETHER = 8
"""Media that are compared at once: their neighbours are fetched once, and so many images are held."""


def load_explained(
    source: MediaSource, media: Sequence[Mapping[str, Any]], preprocessing: Preprocessing
) -> Iterator[LoadedImage]:
    """Load chosen media, in order.

    Args:
        source: what they were chosen from.
        media: with `uri` and `size_bytes`.
        preprocessing: of the model that is to look at them.

    Raises:
        ManifestError, ScoresError, SourceError: what they were chosen from cannot be read again, or the
            storage fails.
    """
    common: dict[str, Any] = {
        "storage": source.storage,
        "preprocessing": preprocessing,
        "limits": DecodeLimits(),
        "num_threads": _THREADS,
    }
    rule = rule_of(preprocessing.background)
    if rule is None:
        yield from load_images([one["uri"] for one in media], [one["size_bytes"] for one in media], **common)
        return
    found = find_places(source.runs(), {one["uri"] for one in media}, rule)
    places = [found.get(one["uri"]) or _alone(one, number) for number, one in enumerate(media)]
    for start in range(0, len(places), _TOGETHER):
        yield from compare_places(places[start : start + _TOGETHER], **common)


def find_places(
    runs: Iterable[Iterable[pa.Table]], uris: Collection[str], rule: NeighbourRule
) -> dict[str, Place]:
    """Where media stand in the first manifest that has them, by URI.

    Args:
        runs: the rows of each manifest, in its order, with `PLACE_COLUMNS`.
        uris: the media to find; those that are nowhere are absent from what is returned.
        rule: how neighbours are chosen.
    """
    wanted = pa.array(sorted(set(uris)), pa.string())
    found: dict[str, Place] = {}
    num_rows = 0
    for tables in runs:
        # Rows are numbered through all manifests: a number stands for one media.
        counted = _Counted(tables)
        for rows in add_neighbours(
            counted, rule, is_wanted=lambda table: _is_among(table, wanted), first_row=num_rows
        ):
            places = places_of(rows)
            assert places is not None  # the rows have their neighbours
            for place in places:
                found.setdefault(place.uri, place)
        num_rows += counted.num_rows
    return found


class _Counted:
    """Tables as they pass, and how many rows they had."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables = tables
        self.num_rows = 0

    def __iter__(self) -> Iterator[pa.Table]:
        for table in self._tables:
            self.num_rows += table.num_rows
            yield table


def _is_among(rows: pa.Table, uris: pa.Array) -> np.ndarray:
    return np.asarray(pc.is_in(rows.column("uri"), uris).to_numpy(), bool)


def _alone(media: Mapping[str, Any], number: int) -> Place:
    """A media of which no manifest says who is beside it; no row of one has its number."""
    return Place(row=-1 - number, uri=media["uri"], size_bytes=media["size_bytes"], neighbours=())
