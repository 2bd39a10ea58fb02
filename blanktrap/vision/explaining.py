"""`blanktrap explain`: heatmaps of chosen media as pictures, sheets and a table.

Owns: the order of the work, and the output folder. Refuses: Ray (a person looks at some dozens of images, not
at an archive), and overwriting.

The folder holds `sheet-001.jpg` … (many media on a page), `overlays/` (each media as the network sees it,
what differs from the background of its place where the model looks at that, and the heat), `heatmaps.parquet`
(a row a media) and `explain.json`, written last.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

import blanktrap
from blanktrap.core.config import NUM_COLOURS, ExplainConfig
from blanktrap.core.errors import ExplanationError
from blanktrap.core.paths import file_name_of
from blanktrap.core.vocabulary import Status
from blanktrap.core.wording import number
from blanktrap.files.annotations.boxes import FoundBoxes
from blanktrap.files.explained_media import ExplainedMedia, MediaSource, choose_media
from blanktrap.files.given_boxes import BoxesByMedia, box_note, read_all_boxes
from blanktrap.files.storage import Storage, join
from blanktrap.vision.contact_sheets import Tile, contact_sheets, encode_picture
from blanktrap.vision.explain_summary import ExplainSummary
from blanktrap.vision.explained_images import (
    HEATMAPS_SCHEMA,
    ExplainedImage,
    look_at,
    measure_pointed,
)
from blanktrap.vision.explained_loading import load_explained
from blanktrap.vision.heatmaps import Heatmaps
from blanktrap.vision.loading import LoadedImage
from blanktrap.vision.overlays import draw_change, draw_overlay, draw_plain
from blanktrap.vision.scorer import PRECISION_TOLERANCE
from blanktrap.vision.seen_boxes import is_turned

RECORD, TABLE, OVERLAYS = "explain.json", "heatmaps.parquet", "overlays"
EXPLAIN_VERSION = 1

_COLUMNS, _ROWS = 4, 5
_BATCH = 8
_HIT, _MISS = (0, 114, 178), (213, 94, 0)
"""Blue and vermilion, which nobody takes for one another."""
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]+")
_MOST_STEM = 60


def explain(
    model: str,
    source: MediaSource,
    out: str,
    *,
    config: ExplainConfig,
    storage: Storage,
    boxes: Sequence[str] = (),
    on_progress: Callable[[str], None] = lambda text: None,
) -> ExplainSummary:
    """Make heatmaps of some media and write them.

    Args:
        model: the checkpoint's location.
        source: what the user named.
        out: a new or empty folder, local or on S3.
        config: what is looked at.
        storage: the door to the bytes.
        boxes: COCO Camera Traps files and MegaDetector results, whose boxes make the pointing game.
        on_progress: called with what has been done, in words.

    Raises:
        ExplanationError: the folder is taken, there is no media to look at, or none of it can be read.
        CheckpointError, AnnotationError, ManifestError, ScoresError, SourceError, UsageError: something named
            cannot be read or used.
    """
    check_output(storage, out)
    maker = Heatmaps.load(storage, model, precision=config.precision)
    chosen = choose_media(source, config)
    by_media, given = read_all_boxes(
        storage,
        boxes,
        source.tables,
        chosen.rows.column("media_id").to_pylist(),
        min_confidence=config.min_confidence,
        with_people=config.with_people,
    )
    work = _Work(source, out, maker, chosen, by_media, on_progress)
    num_sheets = work.write_sheets()
    summary = ExplainSummary(
        out=out,
        described=chosen.described,
        counts=dict(Counter(one.loaded.status.value for one in work.looked)),
        failures=[
            f"{one.loaded.status}: {one.row['media_id']} ({one.loaded.error})"
            for one in work.looked
            if one.heatmap is None
        ],
        num_flat=sum(one.heatmap is not None and one.heatmap.peak is None for one in work.looked),
        median_evidence=_median_evidence(work.looked),
        num_sheets=num_sheets,
        pointing=measure_pointed(work.looked, seed=config.seed),
        notes=[*_box_notes(given, chosen), *work.notes(bool(boxes))],
    )
    _write_table(storage, out, work.looked)
    _write_record(storage, summary, model, maker.scorer.model_id, source, boxes, config)
    if not summary.counts.get(Status.OK.value):
        raise ExplanationError(
            f"none of {number(len(work.looked), 'media')} can be read, such as {summary.failures[0]}"
        )
    return summary


def _box_notes(given: Sequence[FoundBoxes], chosen: ExplainedMedia) -> list[str]:
    whose = number(chosen.rows.num_rows, "media")
    return [box_note(found, len(found.by_media), whose) for found in given]


def check_output(storage: Storage, out: str) -> None:
    """Raise ExplanationError where something stands already: nothing is overwritten."""
    if storage.exists(out.rstrip("/")):
        raise ExplanationError(f"{out} is a file: give --out a folder; nothing was overwritten")
    names = {entry.relative for entry in storage.list_folder(out)}
    if names:
        what = "earlier heatmaps" if RECORD in names else "something"
        raise ExplanationError(
            f"{out} already holds {what} (it has {min(names)}): give --out a new or empty folder; nothing "
            f"was overwritten"
        )


class _Work:
    """Loads, looks, draws: a batch at a time, so that memory holds one sheet and no more pictures."""

    def __init__(
        self,
        source: MediaSource,
        out: str,
        maker: Heatmaps,
        chosen: ExplainedMedia,
        boxes: BoxesByMedia,
        on_progress: Callable[[str], None],
    ) -> None:
        self._source, self._out, self._maker, self._tell = source, out, maker, on_progress
        self._storage = source.storage
        self._chosen, self._boxes = chosen, boxes
        self._num_turned = self._num_in_banner = 0
        self.looked: list[ExplainedImage] = []
        """What became of each media, without pixels."""

    def write_sheets(self) -> int:
        """Write overlays and sheets; return the number of sheets."""
        num_sheets = 0
        for page in contact_sheets(self._tiles(), _COLUMNS, _ROWS):
            num_sheets += 1
            self._storage.write_bytes(join(self._out, f"sheet-{num_sheets:03d}.jpg"), encode_picture(page))
        return num_sheets

    def notes(self, has_boxes: bool) -> list[str]:
        """What else is to be said of the media."""
        notes = []
        if self._num_turned:
            notes.append(
                f"{self._num_turned:,} media lie on their side in the file of boxes: theirs were not used"
            )
        if self._num_in_banner:
            notes.append(
                f"{self._num_in_banner:,} media have boxes in the cropped banner alone: they have none"
            )
        if has_boxes and not any(one.pointed for one in self.looked):
            notes.append("no pointing game: no nonblank media here has a box that the network sees")
        model_id = self._maker.scorer.model_id
        others = [name for name in self._chosen.model_ids if name != model_id]
        if others:
            notes.append(
                f"the scores are of {', '.join(others[:3])}{' …' if len(others) > 3 else ''}, the heatmaps "
                f"of {model_id}: the errors of one need not be the other's"
            )
        elif self._chosen.model_ids:
            moved = sum(self._differs(one) for one in self.looked)
            if moved:
                notes.append(
                    f"{moved:,} media have another p_nonblank than in the scores: were they replaced"
                    + (", or scored among other neighbours?" if self._compares else "?")
                )
        images = [one.loaded.image for one in self.looked if one.loaded.image is not None]
        alone = sum(not image.has_background for image in images)
        if self._compares and alone:
            notes.append(
                f"{number(alone, 'media')} without background of the place: too few neighbours in the same "
                f"light, or not named by a manifest or by scores"
            )
        return notes

    @property
    def _compares(self) -> bool:
        """Whether the model looks at the background of the place."""
        return self._maker.scorer.preprocessing.background != "none"

    @staticmethod
    def _differs(one: ExplainedImage) -> bool:
        scored = one.row["scored_p_nonblank"]
        if one.heatmap is None or scored is None:
            return False
        return abs(scored - one.heatmap.p_nonblank) > PRECISION_TOLERANCE

    def _tiles(self) -> Iterator[Tile]:
        rows = self._chosen.rows.to_pylist()
        loaded = load_explained(self._source, rows, self._maker.scorer.preprocessing)
        waiting = zip(rows, loaded, strict=True)
        while batch := list(islice(waiting, _BATCH)):
            for one in self._look(batch):
                yield self._drawn(one, len(rows))

    def _look(self, batch: list[tuple[dict[str, Any], LoadedImage]]) -> Iterator[ExplainedImage]:
        images = [loaded.image.pixels for _, loaded in batch if loaded.image is not None]
        found = iter(self._maker.of_pixels(np.stack(images)) if images else [])
        for row, loaded in batch:
            heatmap = next(found) if loaded.image is not None else None
            boxes = self._boxes.get(row["media_id"], ())
            looked = look_at(row, loaded, heatmap, boxes, self._maker.scorer.preprocessing)
            image = loaded.image
            if boxes and image is not None:
                turned = any(is_turned(one, image.width_px, image.height_px) for one in boxes)
                self._num_turned += turned
                self._num_in_banner += not turned and not looked.areas
            yield looked

    def _drawn(self, one: ExplainedImage, num_media: int) -> Tile:
        """Write the picture of one media, and return it as a tile."""
        place = len(self.looked) + 1
        name = file_name_of(one.row["media_id"]) or one.row["media_id"]
        image, found = one.loaded.image, one.heatmap
        caption = [f"{place}  {name}"]
        edge = picture = None
        if image is None or found is None:
            caption += [f"{one.loaded.status}", one.loaded.error or "", one.row["location_id"] or ""]
        else:
            areas, colours = list(one.areas), image.pixels[..., :NUM_COLOURS]
            picture = draw_overlay(colours, found.heat, peak=found.peak, areas=areas)
            pictures = [draw_plain(colours, areas), picture]
            if self._compares:
                pictures.insert(1, draw_change(image.pixels, areas))
            beside = Image.fromarray(np.concatenate(pictures, axis=1))
            one = replace(one, overlay=f"{OVERLAYS}/{overlay_name(place, name)}")
            self._storage.write_bytes(join(self._out, str(one.overlay)), encode_picture(beside))
            caption += [
                f"p_nonblank {found.p_nonblank:.3f}" + (f", {one.row['label']}" if one.row["label"] else ""),
                _pointing_of(one),
                one.row["location_id"] or "",
            ]
            if one.pointed is not None:
                edge = _HIT if one.pointed.is_hit[0] else _MISS
            one = _without_pixels(one)
        self.looked.append(one)
        self._tell(f"looked at {place:,}/{num_media:,} media")
        return Tile(picture=picture, caption=tuple(caption), edge=edge)


def overlay_name(place: int, name: str) -> str:
    """The file name of an overlay: its number tells it apart, and nothing in it comes from elsewhere unread.

    Args:
        place: of the media in the table, from 1.
        name: the media's file name; what is not a plain letter, digit, `_` or `-` becomes one `-`.
    """
    stem = name.rpartition(".")[0] or name
    plain = _NOT_PLAIN.sub("-", stem[-4 * _MOST_STEM :]).strip("-")[-_MOST_STEM:].strip("-")
    return f"{place:04d}-{plain}.jpg" if plain else f"{place:04d}.jpg"


def _pointing_of(one: ExplainedImage) -> str:
    assert one.heatmap is not None  # it has been drawn
    if one.heatmap.peak is None:
        return "flat: no peak"
    if one.pointed is not None:
        return "hit: peak in a box" if one.pointed.is_hit[0] else "miss: peak outside its boxes"
    return f"strongest evidence {one.heatmap.evidence.max():+.2f}"


def _without_pixels(one: ExplainedImage) -> ExplainedImage:
    """What is kept of a media: some hundred bytes."""
    assert one.loaded.image is not None
    assert one.heatmap is not None
    nothing = np.zeros((0, 0, 3), np.uint8)
    return replace(
        one,
        loaded=replace(one.loaded, image=replace(one.loaded.image, pixels=nothing)),
        heatmap=replace(one.heatmap, heat=np.zeros((0, 0), np.float32)),
    )


def _median_evidence(looked: Sequence[ExplainedImage]) -> float | None:
    strongest = [float(one.heatmap.evidence.max()) for one in looked if one.heatmap is not None]
    return float(np.median(strongest)) if strongest else None


def _write_table(storage: Storage, out: str, looked: Sequence[ExplainedImage]) -> None:
    table = pa.Table.from_pylist([one.record() for one in looked], schema=HEATMAPS_SCHEMA)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    storage.write_bytes(join(out, TABLE), sink.getvalue().to_pybytes())


def _write_record(
    storage: Storage,
    summary: ExplainSummary,
    model: str,
    model_id: str,
    source: MediaSource,
    boxes: Sequence[str],
    config: ExplainConfig,
) -> None:
    record = {
        "explain_version": EXPLAIN_VERSION,
        "model": model,
        "model_id": model_id,
        "media": list(source.named),
        "scores": source.scores,
        "boxes": list(boxes),
        "config": config.model_dump(mode="json"),
        "counts": summary.counts,
        "num_flat": summary.num_flat,
        "median_evidence": summary.median_evidence,
        "num_sheets": summary.num_sheets,
        "pointing": asdict(summary.pointing) if summary.pointing is not None else None,
        "looked_at": summary.described,
        "notes": summary.notes,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "blanktrap_version": blanktrap.__version__,
    }
    uri = join(summary.out, RECORD)
    storage.write_bytes(uri, json.dumps(record, indent=1, ensure_ascii=False).encode())
