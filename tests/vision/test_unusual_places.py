"""Archives are unusual: every media comes out, with a background where there is one and without ghosts."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.neighbours import neighbour_rows, rule_of
from blanktrap.core.vocabulary import Status
from blanktrap.files.manifest import open_manifest
from blanktrap.files.storage import Storage
from blanktrap.vision.comparing import compare_images
from blanktrap.vision.loading import LoadedImage
from tests.place_archives import MORNING, Shot, burst, write_archive

HOUR = timedelta(hours=1)
PLACES = Preprocessing(width_px=96, height_px=72, background="location")
# Codes of difference, of 127: noise of two grey values stays far below, an animal lies far above.
QUIET, LOUD = 40, 60


def look(folder: Path, shots: list[Shot], preprocessing: Preprocessing = PLACES) -> list[LoadedImage]:
    """All media as scoring loads them, in the order of `shots`."""
    manifest = open_manifest(Storage(), write_archive(folder, shots))
    rows = manifest.read_rows(Storage(), 0, manifest.num_media)
    rule = rule_of(preprocessing.background)
    assert rule is not None
    loaded = compare_images(
        rows.column("uri").to_pylist(),
        rows.column("size_bytes").to_pylist(),
        range(rows.num_rows),
        neighbour_rows(rows, rule),
        storage=Storage(),
        preprocessing=preprocessing,
        limits=DecodeLimits(),
        num_threads=2,
    )
    by_name = dict(zip(rows.column("media_id").to_pylist(), loaded, strict=True))
    return [by_name[name] for name in sorted(by_name)]


def backgrounds(loaded: list[LoadedImage]) -> list[bool | None]:
    return [one.image and one.image.has_background for one in loaded]


def change(one: LoadedImage) -> np.ndarray:
    """The coded difference of every pixel where the background is known, signed; 0 elsewhere."""
    assert one.image is not None
    signed = one.image.pixels[..., 3].astype(int) - 128
    return np.where(one.image.pixels[..., 4] > 0, signed, 0)


def is_quiet(one: LoadedImage) -> bool:
    """Whether hardly any pixel differs."""
    return bool(np.quantile(np.abs(change(one)), 0.99) < QUIET)


def series(first: Shot, num_media: int, gap: timedelta = HOUR) -> list[Shot]:
    """Media of no sequence, so far apart."""
    taken = first.taken or MORNING
    return [replace(first, taken=taken + number * gap) for number in range(num_media)]


def box_of(left: int) -> tuple[slice, slice]:
    """Where an animal drawn at `left` lies in the input."""
    return slice(31, 42), slice(round(left * 0.6) + 1, round((left + 26) * 0.6) - 1)


def test_animal_is_what_changed_by_day_and_by_night(tmp_path: Path) -> None:
    for is_night in (False, True):
        shots = series(Shot(place="A", is_night=is_night), 9)
        shots[4] = replace(shots[4], animal=50)
        loaded = look(tmp_path / str(is_night), shots)
        assert backgrounds(loaded) == [True] * 9
        found = change(loaded[4])
        inside = found[box_of(50)]
        assert np.median(inside) < -LOUD  # it is darker than the place
        assert np.quantile(np.abs(found[:, :20]), 0.9) < QUIET
        assert all(is_quiet(one) for number, one in enumerate(loaded) if number != 4)


def test_one_image_a_location_is_scored_without_background(tmp_path: Path) -> None:
    loaded = look(tmp_path, [Shot(place=f"L{number}") for number in range(6)])
    assert backgrounds(loaded) == [False] * 6
    assert all((one.image.pixels[..., 3] == 128).all() for one in loaded if one.image)


def test_unknown_location_has_its_own_sequence_alone(tmp_path: Path) -> None:
    shots = burst(Shot(place=None), 5, name="s1") + series(Shot(place=None), 5)
    assert backgrounds(look(tmp_path, shots)) == [True] * 5 + [False] * 5


@pytest.mark.parametrize("kind", ["missing", "reset", "absurd"])
def test_clocks_that_say_nothing_leave_the_order_of_names(tmp_path: Path, kind: str) -> None:
    shots = series(Shot(place="A"), 12)
    if kind == "missing":
        shots = [replace(shot, taken=None) for shot in shots]
    elif kind == "reset":  # the battery was changed
        restart = datetime(1970, 1, 1)
        shots[6:] = [replace(shot, taken=restart + number * HOUR) for number, shot in enumerate(shots[6:])]
    else:
        for number, year in ((3, 1904), (8, 2106)):
            taken = shots[number].taken
            assert taken is not None
            shots[number] = replace(shots[number], taken=taken.replace(year=year))
    loaded = look(tmp_path, shots)
    expected = [True] * 12
    if kind == "absurd":
        expected[3] = expected[8] = False  # no neighbour within the window
    assert backgrounds(loaded) == expected
    assert all(is_quiet(one) for one in loaded)


def test_camera_that_was_turned_makes_no_ghosts_and_hides_no_animal(tmp_path: Path) -> None:
    shots = series(Shot(place="A"), 8)
    shots += series(Shot(place="A", view="elsewhere", taken=MORNING + 8 * HOUR), 8)
    for number in (7, 8):  # the last before it and the first after
        shots[number] = replace(shots[number], animal=50)
    loaded = look(tmp_path, shots)
    assert all(backgrounds(loaded))
    for number, one in enumerate(loaded):
        if number in (7, 8):
            assert np.median(change(one)[box_of(50)]) < -LOUD
        else:
            assert is_quiet(one)


def test_camera_that_was_nudged_is_registered(tmp_path: Path) -> None:
    shots = series(Shot(place="A"), 12)
    shots[5] = replace(shots[5], shift_px=5)
    for number in (8, 9):
        shots[number] = replace(shots[number], shift_px=-5)
    loaded = look(tmp_path, shots)
    assert all(backgrounds(loaded))
    assert all(is_quiet(one) for one in loaded)


def test_exposure_of_a_frame_is_no_change(tmp_path: Path) -> None:
    shots = series(Shot(place="A"), 12)
    for number, gain in ((4, 1.3), (7, 0.75)):
        shots[number] = replace(shots[number], gain=gain)
    loaded = look(tmp_path, shots)
    assert all(backgrounds(loaded))
    assert all(is_quiet(one) for one in loaded)


def test_day_is_compared_with_day_and_night_with_night(tmp_path: Path) -> None:
    shots = [
        replace(shot, is_night=number % 2 == 1) for number, shot in enumerate(series(Shot(place="A"), 16))
    ]
    loaded = look(tmp_path, shots)
    assert all(backgrounds(loaded))
    assert all(is_quiet(one) for one in loaded)
    alone = series(Shot(place="B"), 9)
    alone[4] = replace(alone[4], is_night=True)
    assert backgrounds(look(tmp_path / "alone", alone)) == [True] * 4 + [False] + [True] * 4


def test_time_lapse_of_years_is_compared_with_its_days_around(tmp_path: Path) -> None:
    loaded = look(tmp_path, series(Shot(place="A"), 30, gap=timedelta(hours=24)))
    assert all(backgrounds(loaded))
    sparse = look(tmp_path / "sparse", series(Shot(place="A"), 10, gap=timedelta(days=90)))
    assert backgrounds(sparse) == [False] * 10  # plants have grown since


def test_pictures_of_another_shape_are_no_neighbours_and_of_another_size_they_are(tmp_path: Path) -> None:
    shots = series(Shot(place="A"), 12)
    wide = [replace(shot, size=(192, 108)) if number in (2, 7) else shot for number, shot in enumerate(shots)]
    expected = [number not in (2, 7) for number in range(12)]
    assert backgrounds(look(tmp_path / "wide", wide)) == expected
    sizes = [(160, 120), (240, 180)]
    mixed = [replace(shot, size=sizes[number % 2]) for number, shot in enumerate(shots)]
    loaded = look(tmp_path / "mixed", mixed)
    assert all(backgrounds(loaded))
    assert all(is_quiet(one) for one in loaded)


def test_banner_that_is_cropped_is_no_change(tmp_path: Path) -> None:
    shots = [replace(shot, banner=number) for number, shot in enumerate(series(Shot(place="A"), 10))]
    cropped = PLACES.model_copy(update={"banner_bottom": 0.12})
    assert all(is_quiet(one) for one in look(tmp_path / "cropped", shots, cropped))
    # Left in, it would be what changes.
    assert sum(not is_quiet(one) for one in look(tmp_path / "left", shots)) >= 5


def test_neighbour_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    flaws = ["", "zero_bytes", "", "truncated", "", "gone", "", "", "", ""]
    shots = [replace(shot, flaw=flaw) for shot, flaw in zip(series(Shot(place="A"), 10), flaws, strict=True)]
    loaded = look(tmp_path, shots)
    assert [one.status for one in loaded] == [
        Status.UNREADABLE
        if flaw in ("zero_bytes", "truncated")
        else Status.MISSING
        if flaw == "gone"
        else Status.OK
        for flaw in flaws
    ]
    assert backgrounds(loaded) == [None if flaw else True for flaw in flaws]


def test_animal_that_stands_through_its_burst_does_not_become_background(tmp_path: Path) -> None:
    shots = [
        shot
        for number in range(7)
        for shot in burst(
            Shot(place="A", taken=MORNING + number * HOUR, animal=60 if number == 3 else None),
            3,
            name=f"s{number}",
        )
    ]
    loaded = look(tmp_path, shots)
    for number in (9, 10, 11):
        assert np.median(change(loaded[number])[box_of(60)]) < -LOUD
    # Its own sequence alone would have swallowed it, or named no background at all.
    alone = look(tmp_path, shots, PLACES.model_copy(update={"background": "sequence"}))
    assert backgrounds(alone) == [False] * len(shots)
