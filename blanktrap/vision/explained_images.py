"""What became of each explained media: its heatmap, and where its peak lies among its boxes.

Owns: the hit or miss of a peak, and the rows of `heatmaps.parquet`. Refuses: loading images, drawing, and the
figures over all media.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from blanktrap.core.config import Preprocessing
from blanktrap.core.evaluation.pointing import MARGIN, PointingFigures, measure_pointing
from blanktrap.core.vocabulary import Label
from blanktrap.files.annotations.boxes import MediaBoxes
from blanktrap.files.explained_media import EXPLAINED
from blanktrap.vision.framing import Area, Framing, distance_to_areas
from blanktrap.vision.heatmaps import Heatmap
from blanktrap.vision.loading import LoadedImage
from blanktrap.vision.seen_boxes import areas_in_input

HEATMAPS_SCHEMA = pa.schema(
    [
        *EXPLAINED,
        pa.field("status", pa.string(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("p_nonblank", pa.float32()),
        # Shares of the upright original, as detectors give boxes; in letterbox padding outside [0, 1].
        pa.field("peak_x", pa.float32()),
        pa.field("peak_y", pa.float32()),
        pa.field("is_flat", pa.bool_()),
        pa.field("num_boxes", pa.int32()),
        # Null where the pointing game has nothing to say: blank media, and media without a box.
        pa.field("is_hit", pa.bool_()),
        pa.field("is_hit_with_margin", pa.bool_()),
        # Share of the picture that its boxes cover: what a random point would hit.
        pa.field("box_share", pa.float32()),
        # Signed, in units of the logit, row by row; `num_rows` times `num_columns` cells.
        pa.field("evidence", pa.list_(pa.float32())),
        pa.field("num_rows", pa.int32()),
        pa.field("num_columns", pa.int32()),
        pa.field("overlay", pa.string()),
    ],
    metadata={"blanktrap.heatmaps_version": "1"},
)


@dataclass(frozen=True, kw_only=True)
class Pointed:
    """One media of the pointing game; what hits in the strict sense, and with the margin."""

    is_hit: tuple[bool, bool]
    centre_hits: tuple[bool, bool]
    box_shares: tuple[float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedImage:
    """One media after loading and looking."""

    row: dict[str, Any]
    """As `EXPLAINED`."""
    loaded: LoadedImage
    heatmap: Heatmap | None
    """None where there is no image."""
    areas: tuple[Area, ...]
    """Boxes in pixels of the input, what of them is seen."""
    pointed: Pointed | None
    """None where the pointing game has nothing to say."""
    framing: Framing | None
    overlay: str | None = None
    """Name of its picture in the output folder."""

    def record(self) -> dict[str, Any]:
        """Its row of `heatmaps.parquet`."""
        peak_x = peak_y = None
        found = self.heatmap
        if found is not None and found.peak is not None and self.framing is not None:
            peak_x, peak_y = self.framing.to_original(*found.peak)
        return {
            **self.row,
            "status": self.loaded.status.value,
            "error": self.loaded.error,
            "p_nonblank": found and found.p_nonblank,
            "peak_x": peak_x,
            "peak_y": peak_y,
            "is_flat": None if found is None else found.peak is None,
            "num_boxes": None if found is None else len(self.areas),
            "is_hit": self.pointed and self.pointed.is_hit[0],
            "is_hit_with_margin": self.pointed and self.pointed.is_hit[1],
            "box_share": self.pointed and self.pointed.box_shares[0],
            "evidence": None if found is None else found.evidence.ravel().tolist(),
            "num_rows": found and found.evidence.shape[0],
            "num_columns": found and found.evidence.shape[1],
            "overlay": self.overlay,
        }


def look_at(
    row: dict[str, Any],
    loaded: LoadedImage,
    heatmap: Heatmap | None,
    boxes: Sequence[MediaBoxes],
    preprocessing: Preprocessing,
) -> ExplainedImage:
    """Put a heatmap and the boxes of its media together.

    Media labelled blank take no part in the pointing game: a box there is somebody else's opinion. Media
    without a label do, since somebody has boxed an animal in them.
    """
    areas: tuple[Area, ...] = ()
    pointed = framing = None
    if loaded.image is not None and heatmap is not None:
        size_px = loaded.image.width_px, loaded.image.height_px
        framing = Framing.of(*size_px, preprocessing)
        areas = areas_in_input(boxes, *size_px, preprocessing)
        if areas and row["label"] != Label.BLANK:
            pointed = point(heatmap, areas, framing)
    return ExplainedImage(
        row=row, loaded=loaded, heatmap=heatmap, areas=areas, pointed=pointed, framing=framing
    )


def point(heatmap: Heatmap, areas: Sequence[Area], framing: Framing) -> Pointed:
    """Whether the peak and the picture's middle lie in a box, and the share of the picture in boxes.

    Shares are counted over the middles of the picture's pixels, padding apart.
    """
    width_px, height_px = framing.preprocessing.width_px, framing.preprocessing.height_px
    margin = MARGIN * max(width_px, height_px)
    left, top, right, bottom = framing.picture

    def distance(x: float, y: float) -> float:
        return float(distance_to_areas(np.asarray(x), np.asarray(y), list(areas)))

    at_pixels = distance_to_areas(
        np.arange(left, right)[None, :] + 0.5, np.arange(top, bottom)[:, None] + 0.5, list(areas)
    )
    at_centre = distance((left + right) / 2.0, (top + bottom) / 2.0)
    at_peak = (
        np.inf if heatmap.peak is None else distance(heatmap.peak[0] * width_px, heatmap.peak[1] * height_px)
    )
    return Pointed(
        is_hit=(at_peak == 0.0, bool(at_peak <= margin)),
        centre_hits=(at_centre == 0.0, at_centre <= margin),
        box_shares=(float((at_pixels == 0.0).mean()), float((at_pixels <= margin).mean())),
    )


def measure_pointed(looked: Sequence[ExplainedImage], *, seed: int) -> PointingFigures | None:
    """The pointing game over all media that take part; None where there are none."""
    playing = [one for one in looked if one.pointed is not None]
    pointed = [one.pointed for one in playing if one.pointed is not None]
    return measure_pointing(
        is_hit=[one.is_hit[0] for one in pointed],
        is_flat=[one.heatmap is None or one.heatmap.peak is None for one in playing],
        random_shares=[one.box_shares[0] for one in pointed],
        centre_hits=[one.centre_hits[0] for one in pointed],
        is_near=[one.is_hit[1] for one in pointed],
        near_random_shares=[one.box_shares[1] for one in pointed],
        near_centre_hits=[one.centre_hits[1] for one in pointed],
        locations=[one.row["location_id"] for one in playing],
        seed=seed,
    )
