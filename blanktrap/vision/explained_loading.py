"""The images of chosen media, each compared with its place where the model does so.

Owns: finding the neighbours of media that were chosen out of a manifest or out of scores. Refuses: heatmaps,
drawing, and guessing neighbours of images and folders that are named alone: they have no background.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.neighbours import NeighbourRule, rule_of
from blanktrap.files.explained_media import MediaSource
from blanktrap.files.surroundings import Surroundings, find_surroundings, lay_out
from blanktrap.vision.comparing import compare_images
from blanktrap.vision.loading import LoadedImage, load_images

_THREADS = 8


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
    rule = rule_of(preprocessing.background)
    if rule is None:
        yield from load_images(
            [one["uri"] for one in media],
            [one["size_bytes"] for one in media],
            storage=source.storage,
            preprocessing=preprocessing,
            limits=DecodeLimits(),
            num_threads=_THREADS,
        )
        return
    layout = lay_out(media, _around(source, media, rule), rule)
    yield from compare_images(
        layout.uris,
        layout.sizes_bytes,
        layout.wanted,
        layout.neighbours,
        storage=source.storage,
        preprocessing=preprocessing,
        limits=DecodeLimits(),
        num_threads=_THREADS,
    )


def _around(
    source: MediaSource, media: Sequence[Mapping[str, Any]], rule: NeighbourRule
) -> dict[str, Surroundings]:
    """What stands around media in the first manifest that has them."""
    found: dict[str, Surroundings] = {}
    for tables in source.runs():
        missing = {one["uri"] for one in media} - found.keys()
        found |= find_surroundings(tables, missing, rule.reach_rows)
    return found
