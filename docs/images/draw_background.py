"""Draws the pictures of docs/background.md: `python docs/images/draw_background.py`.

Scenes are drawn; what is made of them is what scoring makes of photographs.
"""

import io
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from blanktrap.vision.background import see_change, small_luminance, with_change
from blanktrap.vision.contact_sheets import Tile, contact_sheet
from blanktrap.vision.drawing.animals import Pose
from blanktrap.vision.drawing.scenery import Scenery, draw_scenery
from blanktrap.vision.drawing.scenes import Actor, Moment, draw_frame
from blanktrap.vision.drawing.species import SPECIES
from blanktrap.vision.medians import median_of
from blanktrap.vision.overlays import paint_change

FOLDER = Path(__file__).parent
WIDTH_PX, HEIGHT_PX = 384, 288
NOON = Moment(taken=datetime(2024, 5, 1, 12), cloud=0.3, wind=0.35, seed=0)
NIGHT = replace(NOON, taken=datetime(2024, 5, 1, 23))


def main() -> None:
    place = draw_scenery((7, 3), width_px=WIDTH_PX, height_px=HEIGHT_PX, difficulty=0.7)
    save("background-idea", idea(place), columns=4)
    save("background-limits", limits(place), columns=4)


def idea(place: Scenery) -> list[Tile]:
    """Neighbours, what they have in common, a frame with an animal, and what changed."""
    neighbours = [take(place, number) for number in range(1, 8)]
    seen = take(place, 20, animal(place, 250, near=0.5))
    blank = take(place, 21)
    background = median_of(np.stack(neighbours)).astype(np.uint8)
    tiles = [
        Tile(picture=one, caption=(f"neighbour {number} of 7", "same place, same light"))
        for number, one in enumerate(neighbours[:3], 1)
    ]
    tiles.append(Tile(picture=background, caption=("their background", "the median, pixel by pixel")))
    for name, frame in (("with an animal", seen), ("blank", blank)):
        tiles.append(Tile(picture=frame, caption=(f"a photograph {name}", "")))
        caption = ("what differs from the background", "orange: brighter, blue: darker")
        tiles.append(Tile(picture=compared(frame, neighbours), caption=caption))
    return tiles


def limits(place: Scenery) -> list[Tile]:
    """What does not work, or only half: a turned camera, a change of light, an animal that stays."""
    neighbours = [take(place, number) for number in range(1, 8)]
    turned = np.roll(take(place, 30, animal(place, 250, near=0.5)), 120, axis=1)
    night = take(place, 31, animal(place, 120, near=0.6), moment=NIGHT)
    standing = animal(place, 150, near=0.6)
    burst = [take(place, 40 + number, standing) for number in range(6)]
    return [
        Tile(picture=turned, caption=("the first after the camera", "was turned")),
        Tile(picture=compared(turned, neighbours), caption=("against those before:", "all seems changed")),
        Tile(picture=night, caption=("the only night among days", "")),
        Tile(picture=compared(night, neighbours, is_alike=False), caption=("no background: grey", "")),
        Tile(picture=burst[0], caption=("one of six frames of an animal", "that stands still")),
        Tile(
            picture=compared(burst[0], burst[1:]), caption=("against its own burst alone", "it is background")
        ),
        Tile(
            picture=compared(burst[0], [*burst[1:3], *neighbours[:5]]),
            caption=("against other bursts too", "it is seen"),
        ),
    ]


def take(place: Scenery, seed: int, *actors: Actor, moment: Moment = NOON) -> np.ndarray:
    """One photograph, uint8, shape (height_px, width_px, 3)."""
    taken = moment.taken + timedelta(minutes=3 * (seed % 10))
    frame = draw_frame(place, replace(moment, seed=seed, taken=taken), actors)
    return np.asarray(frame.image.convert("RGB"))


def animal(place: Scenery, x_px: float, *, near: float) -> Actor:
    """The first species, standing."""
    kind = SPECIES[0]
    pose = Pose(
        species=kind,
        height_px=0.45 * HEIGHT_PX * near,
        stride=0.2,
        facing_left=False,
        grazing=False,
        coat=kind.coat,
        seed=5,
    )
    return Actor(pose=pose, x_px=x_px, foot_px=place.row_at(near))


def compared(frame: np.ndarray, neighbours: list[np.ndarray], *, is_alike: bool = True) -> np.ndarray:
    """The picture of what differs from the background."""
    small = np.stack([small_luminance(one) for one in neighbours])
    change = see_change(small_luminance(frame), small, np.full(len(small), is_alike))
    return paint_change(with_change(frame, change))


def save(name: str, tiles: list[Tile], *, columns: int) -> None:
    """Write a sheet as WebP: some ten kilobytes."""
    sink = io.BytesIO()
    contact_sheet(tiles, columns).save(sink, "WEBP", quality=82, method=6)
    (FOLDER / f"{name}.webp").write_bytes(sink.getvalue())


if __name__ == "__main__":
    main()
