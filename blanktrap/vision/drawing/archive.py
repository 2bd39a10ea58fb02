"""A drawn archive on disk: JPEG files as cameras write them, labels as COCO Camera Traps.

Owns: files, labels, and that the same configuration gives the same bytes. Refuses: a folder that holds
anything else. `archive.json` is written last: a folder without it is not finished.
"""

import json
import logging
import multiprocessing
import os
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from blanktrap.core.config import ArchiveConfig
from blanktrap.core.errors import BlanktrapError, SourceError, UsageError
from blanktrap.vision.drawing.pieces import Piece, draw_piece
from blanktrap.vision.drawing.sightings import plan_deployments
from blanktrap.vision.drawing.species import SPECIES

logger = logging.getLogger(__name__)

DRAWING_VERSION = 1
"""Raised whenever the same configuration would give other pictures."""
ANNOTATIONS = "annotations.json"
FINISHED = "archive.json"
STARTED = "archive-unfinished.json"
PIECE_IMAGES = 48
# Below this a pool costs more than it brings.
_FEW_IMAGES = 120


@dataclass(frozen=True, kw_only=True)
class ArchiveSummary:
    """What an archive holds."""

    folder: Path
    annotations: Path
    num_images: int
    num_blank: int
    num_nonblank: int
    num_corrupt: int
    num_night: int
    num_sequences: int
    num_locations: int
    species: dict[str, int]
    """Nonblank media of each species."""
    reused: bool
    """Whether it stood there already and nothing was drawn."""

    def lines(self) -> list[str]:
        """What a person wants to know of it."""
        share = 100.0 * self.num_blank / self.num_images
        seen = ", ".join(f"{name} {num:,}" for name, num in self.species.items())
        told = [
            f"{self.num_images:,} drawn images of {self.num_locations:,} locations in "
            f"{self.num_sequences:,} sequences, {self.num_night:,} at night",
            f"{self.num_blank:,} blank ({share:.1f} %), {self.num_nonblank:,} nonblank: {seen}",
            f"{self.num_corrupt:,} of the files are corrupt on purpose",
        ]
        return [*told, "it stood there already: nothing was drawn again"] if self.reused else told


def draw_archive(
    folder: Path,
    config: ArchiveConfig,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    num_processes: int | None = None,
) -> ArchiveSummary:
    """Draw an archive into a folder, or take the one that stands there if it is of the same configuration.

    Args:
        folder: new, empty, or holding an archive (finished or not) of the same configuration.
        config: what to draw.
        on_progress: called with images done and images in all.
        num_processes: drawing processes; None takes as many as there are cores. The result is the same.

    Raises:
        UsageError: the folder holds something else, or there are fewer images than locations or corrupt
            files.
        SourceError: a file cannot be written.
    """
    check_config(config)
    folder = folder.absolute()
    standing = _standing_archive(folder, config)
    if standing is not None:
        logger.info("%s holds this archive already: nothing drawn", folder)
        if on_progress:
            on_progress(config.num_images, config.num_images)
        return standing
    try:
        return _draw(folder, config, on_progress, num_processes or _num_cores())
    except OSError as problem:
        raise SourceError(f"cannot write the archive to {folder}: {problem}") from problem


def _num_cores() -> int:
    """The cores this process may use; where the system does not tell, all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_config(config: ArchiveConfig) -> None:
    """Raise UsageError where the numbers of a configuration do not fit together."""
    if config.num_images < config.num_locations:
        raise UsageError(f"{config.num_images} images are too few for {config.num_locations} locations")
    if config.num_corrupt > config.num_images:
        raise UsageError(f"{config.num_corrupt} corrupt files are more than {config.num_images} images")


def _standing_archive(folder: Path, config: ArchiveConfig) -> ArchiveSummary | None:
    """The finished archive of this configuration in the folder; None where there is room to draw one."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file: give a folder for the archive")
    for name in (FINISHED, STARTED):
        if not (folder / name).is_file():
            continue
        try:
            record = json.loads((folder / name).read_text("utf-8"))
            is_same = record["drawing_version"] == DRAWING_VERSION and record["config"] == config.model_dump()
            summary = record.get("summary")
        except (ValueError, KeyError, TypeError) as problem:
            raise UsageError(f"{folder / name} is not a drawn archive's: choose another folder") from problem
        if not is_same:
            raise UsageError(f"{folder} holds an archive drawn with other settings: choose another folder")
        if summary is None or not (folder / ANNOTATIONS).is_file():
            return None
        return ArchiveSummary(folder=folder, annotations=folder / ANNOTATIONS, reused=True, **summary)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty and holds no drawn archive: choose another folder")
    return None


def _draw(
    folder: Path, config: ArchiveConfig, on_progress: Callable[[int, int], None] | None, num_processes: int
) -> ArchiveSummary:
    folder.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {"drawing_version": DRAWING_VERSION, "config": config.model_dump()}
    _write_json(folder / STARTED, record)
    counts: Counter[str] = Counter()
    species: Counter[str] = Counter()
    last_sequence = None
    with _LabelFile(folder) as labels:
        for media in _drawn_media(folder, config, num_processes):
            labels.add(media)
            counts["images"] += 1
            counts["blank"] += media["species"] is None
            counts["night"] += media["is_night"]
            counts["corrupt"] += media["is_corrupt"]
            counts["sequences"] += media["image"]["seq_id"] != last_sequence
            last_sequence = media["image"]["seq_id"]
            if media["species"] is not None:
                species[media["species"]] += 1
            if on_progress:
                on_progress(counts["images"], config.num_images)
    summary = ArchiveSummary(
        folder=folder,
        annotations=folder / ANNOTATIONS,
        num_images=counts["images"],
        num_blank=counts["blank"],
        num_nonblank=counts["images"] - counts["blank"],
        num_corrupt=counts["corrupt"],
        num_night=counts["night"],
        num_sequences=counts["sequences"],
        num_locations=config.num_locations,
        species=dict(species.most_common()),
        reused=False,
    )
    told = {
        name: value
        for name, value in asdict(summary).items()
        if name not in ("folder", "annotations", "reused")
    }
    _write_json(folder / FINISHED, {**record, "summary": told})
    (folder / STARTED).unlink()
    return summary


def _pieces(folder: Path, config: ArchiveConfig) -> Iterator[Piece]:
    """The work in small parts, in order. Memory holds the numbers of the corrupt images only."""
    corrupt = sorted(random.Random(config.seed).sample(range(config.num_images), config.num_corrupt))
    place = 0
    for deployment in plan_deployments(config):
        numbers: dict[int, int] = {}
        while place < len(corrupt) and corrupt[place] < deployment.first_image + deployment.num_images:
            numbers[corrupt[place] - deployment.first_image] = place
            place += 1
        for start in range(0, deployment.num_images, PIECE_IMAGES):
            yield Piece(
                folder=folder,
                config=config,
                deployment=deployment,
                start=start,
                stop=min(start + PIECE_IMAGES, deployment.num_images),
                corrupt=numbers,
            )


def _drawn_media(folder: Path, config: ArchiveConfig, num_processes: int) -> Iterator[dict[str, Any]]:
    """Draw all pieces, in processes of their own where that pays, and yield their media in order."""
    pieces = _pieces(folder, config)
    if num_processes < 2 or config.num_images <= _FEW_IMAGES:
        for piece in pieces:
            yield from draw_piece(piece)
        return
    waiting: deque[Future[list[dict[str, Any]]]] = deque()
    # Forking a process that runs threads (torch, Ray) can hang; spawning is safe everywhere.
    pool = ProcessPoolExecutor(num_processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        for piece in pieces:
            waiting.append(pool.submit(draw_piece, piece))
            if len(waiting) > 4 * num_processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool as problem:
        raise BlanktrapError(
            "a process that draws the archive was killed, perhaps for lack of memory: run it again"
        ) from problem
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


class _LabelFile:
    """Writes COCO Camera Traps JSON as a stream: images at once, annotations beside, joined at the end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ANNOTATIONS
        self._images_path = folder / ".blanktrap-images"
        self._boxes_path = folder / ".blanktrap-annotations"
        self._category = {species.name: number for number, species in enumerate(SPECIES, start=1)}

    def __enter__(self) -> "_LabelFile":
        self._images = self._images_path.open("w", encoding="utf-8")
        self._boxes = self._boxes_path.open("w", encoding="utf-8")
        info = {"version": "1", "description": "Drawn by blanktrap demo; no photographs", "year": 2024}
        categories = [{"id": 0, "name": "empty"}]
        categories += [{"id": number, "name": name} for name, number in self._category.items()]
        self._images.write(
            f'{{"info": {json.dumps(info)},\n"categories": {json.dumps(categories)},\n"images": ['
        )
        self._num_images = self._num_boxes = 0
        return self

    def add(self, media: dict[str, Any]) -> None:
        """Append one media and what is seen in it."""
        self._images.write(
            (",\n" if self._num_images else "\n") + json.dumps(media["image"], ensure_ascii=False)
        )
        self._num_images += 1
        category = self._category[media["species"]] if media["species"] is not None else 0
        for box in media["boxes"] or [None]:
            entry = {
                "id": f"a{self._num_boxes:08d}",
                "image_id": media["image"]["id"],
                "category_id": category,
                "sequence_level_annotation": False,
            }
            if box is not None:
                entry["bbox"] = box
            self._boxes.write((",\n" if self._num_boxes else "\n") + json.dumps(entry))
            self._num_boxes += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._boxes.close()
        if kind is None:
            self._images.write('\n],\n"annotations": [')
            with self._boxes_path.open(encoding="utf-8") as boxes:
                for line in boxes:
                    self._images.write(line)
            self._images.write("\n]}\n")
        self._images.close()
        if kind is None:
            self._images_path.replace(self._path)
        self._images_path.unlink(missing_ok=True)
        self._boxes_path.unlink(missing_ok=True)
