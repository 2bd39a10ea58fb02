"""The files of a drawn archive, a piece of a deployment at a time.

Owns: turning the plan of a sequence into JPEG files and their labels. Refuses: knowing of the rest of
the archive; a piece can be drawn in any process, in any order, and comes out the same.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from blanktrap.core.config import ArchiveConfig
from blanktrap.vision.drawing.cameras import FLAWS, Caption, banner_height_px, develop_jpeg, spoil
from blanktrap.vision.drawing.daylight import light_at
from blanktrap.vision.drawing.scenery import Scenery, draw_scenery
from blanktrap.vision.drawing.scenes import Actor, Frame, Moment, draw_frame
from blanktrap.vision.drawing.sightings import Deployment, SequencePlan, plan_sequences
from blanktrap.vision.drawing.visits import stage_visit

_FRAME_GAP_S = 1.0
_NUM_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some consecutive images of a deployment."""

    folder: Path
    config: ArchiveConfig
    deployment: Deployment
    start: int
    """First image in the deployment, from 0."""
    stop: int
    corrupt: dict[int, int]
    """Corrupt images of the deployment, with their number among all corrupt ones."""


@lru_cache(maxsize=4)
def _scenery_of(seed: int, location: int, width_px: int, height_px: int, difficulty: float) -> Scenery:
    return draw_scenery((seed, 4, location), width_px=width_px, height_px=height_px, difficulty=difficulty)


def draw_piece(piece: Piece) -> list[dict[str, Any]]:
    """Draw and write the images of a piece.

    Returns:
        For each media its COCO `image` entry, the `species` (None if blank), the `boxes`, `is_night` and
        `is_corrupt`.
    """
    config, deployment = piece.config, piece.deployment
    scenery = _scenery_of(
        config.seed,
        deployment.location,
        config.width_px,
        config.height_px - banner_height_px(config.height_px),
        config.difficulty,
    )
    (piece.folder / deployment.folder).mkdir(parents=True, exist_ok=True)
    drawn: list[dict[str, Any]] = []
    for plan in plan_sequences(config, deployment):
        if plan.first_image + len(plan.present) <= piece.start or plan.first_image >= piece.stop:
            continue
        staged = stage_visit(scenery, plan, difficulty=config.difficulty)
        for frame_num, (actors, species) in enumerate(staged):
            number = plan.first_image + frame_num
            if piece.start <= number < piece.stop:
                media = _draw_media(piece, scenery, plan, frame_num, actors)
                drawn.append({**media, "species": species.name if species else None})
    return drawn


def _draw_media(
    piece: Piece, scenery: Scenery, plan: SequencePlan, frame_num: int, actors: tuple[Actor, ...]
) -> dict[str, Any]:
    config, deployment = piece.config, piece.deployment
    number = plan.first_image + frame_num
    seed = plan.seed + frame_num + 1
    taken = plan.taken + timedelta(seconds=_FRAME_GAP_S * frame_num)
    moment = Moment(
        taken=taken,
        cloud=plan.cloud,
        wind=plan.wind,
        seed=seed,
        exposure=plan.exposure * (1 + 0.01 * frame_num),
    )
    frame, boxes = draw_seen_frame(scenery, moment, actors, min_seen=0.8 - 0.6 * config.difficulty)
    is_night = light_at(taken, cloud=0.0).is_night
    caption = Caption(
        taken=taken,
        location=deployment.location_name,
        frame_num=frame_num + 1,
        num_frames=len(plan.present),
        temperature_c=plan.temperature_c,
        is_night=is_night,
    )
    data = develop_jpeg(frame.image, caption, height_px=config.height_px)
    if number in piece.corrupt:
        flaw = FLAWS[piece.corrupt[number] % len(FLAWS)]
        data = spoil(np.random.default_rng((seed, 6)), data, flaw)
    name = f"{deployment.folder}/IMG_{number + 1:04d}.JPG"
    (piece.folder / name).write_bytes(data)
    image = {
        "id": f"{deployment.location:04d}-{deployment.number:04d}-{number + 1:04d}",
        "file_name": name,
        "width": config.width_px,
        "height": config.height_px,
        "seq_id": f"{deployment.location:04d}-{deployment.number:04d}-s{plan.number + 1:04d}",
        "seq_num_frames": len(plan.present),
        "frame_num": frame_num + 1,
        "location": deployment.location_name,
        "datetime": f"{taken:%Y-%m-%d %H:%M:%S}",
    }
    return {"image": image, "boxes": boxes, "is_night": is_night, "is_corrupt": number in piece.corrupt}


def draw_seen_frame(
    scenery: Scenery, moment: Moment, actors: tuple[Actor, ...], *, min_seen: float
) -> tuple[Frame, list[list[float]]]:
    """Draw a frame; animals that nobody could see come closer to the middle and to the camera.

    Args:
        scenery: the place.
        moment: when and how.
        actors: the animals, the first being the one that must be seen.
        min_seen: least share of the first animal's silhouette.

    Returns:
        The frame, and for each animal of which something is seen its box.
    """
    for attempt in range(_NUM_TRIES):
        frame = draw_frame(scenery, moment, actors)
        if not actors or frame.seen[0] >= min_seen or attempt == _NUM_TRIES - 1:
            break
        share = (attempt + 1) / (_NUM_TRIES - 1)
        front = scenery.row_at(0.97)
        actors = tuple(
            replace(
                actor,
                x_px=actor.x_px + (scenery.width_px / 2 - actor.x_px) * share,
                foot_px=actor.foot_px + (front - actor.foot_px) * share,
            )
            for actor in actors
        )
    boxes = [
        list(box)
        for index, (box, seen) in enumerate(zip(frame.boxes, frame.seen, strict=True))
        if box is not None and (index == 0 or seen > 0.08)
    ]
    return frame, boxes
