"""Media are compared as they are loaded: the same whatever they are loaded with, each fetched once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.neighbours import neighbour_rows, rule_of
from blanktrap.core.places import NEIGHBOURS, ROW, add_neighbours, places_of, with_places
from blanktrap.core.vocabulary import Status
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage
from blanktrap.vision import comparing
from blanktrap.vision.background import NO_CHANGE
from blanktrap.vision.comparing import compare_images, compare_places
from blanktrap.vision.loading import LoadedImage
from tests.vision.places import draw_places

STORAGE = Storage()
OPTIONS: dict[str, Any] = {
    "storage": STORAGE,
    "preprocessing": Preprocessing(width_px=64, height_px=48, background="location"),
    "limits": DecodeLimits(),
    "num_threads": 2,
}
RULE = rule_of("location")
assert RULE is not None


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return draw_places(tmp_path_factory.mktemp("places"), num_places=2, num_frames=15, labelled=15)


@pytest.fixture(scope="module")
def rows(manifest: Manifest) -> pa.Table:
    return manifest.read_rows(STORAGE, 0, manifest.num_media)


def compare(rows: pa.Table, wanted: Sequence[int], **changed: Any) -> list[LoadedImage]:
    assert RULE is not None
    around = neighbour_rows(rows, RULE)
    uris, sizes = (rows.column(name).to_pylist() for name in ("uri", "size_bytes"))
    neighbours = [around[row] for row in wanted]
    return list(compare_images(uris, sizes, wanted, neighbours, **{**OPTIONS, **changed}))


def pixels_of(one: LoadedImage) -> np.ndarray:
    assert one.image is not None
    return one.image.pixels


def test_all_at_once_or_in_chunks_or_alone_give_the_same_pixels(rows: pa.Table) -> None:
    assert RULE is not None
    whole = compare(rows, range(30))
    assert all(pixels_of(one).shape == (48, 64, 5) for one in whole)
    assert all(one.image is not None and one.image.has_background for one in whole)
    assert sum(one.num_beside for one in whole) == 0  # all are wanted
    for size in (1, 7):
        for start in range(0, 30, size):
            first, stop = max(0, start - RULE.reach_rows), min(30, start + size + RULE.reach_rows)
            mine = range(start - first, min(start + size, 30) - first)
            for row, one in zip(mine, compare(rows.slice(first, stop - first), mine), strict=True):
                assert np.array_equal(pixels_of(one), pixels_of(whole[first + row]))


def test_each_media_is_fetched_once_and_what_is_fetched_beside_is_counted(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    load = comparing.load_images

    def spy(uris: Sequence[str], *args: Any, **options: Any) -> Any:
        fetched.extend(uris)
        return load(uris, *args, **options)

    monkeypatch.setattr(comparing, "load_images", spy)
    found = compare(rows, [3, 4, 5])
    assert len(set(fetched)) == len(fetched)
    assert sum(one.num_beside for one in found) == len(fetched) - 3
    assert sum(one.bytes_beside for one in found) > 0


def test_a_neighbour_that_cannot_be_read_is_none_and_fails_nothing(rows: pa.Table, tmp_path: Path) -> None:
    uris = rows.column("uri").to_pylist()
    (tmp_path / "cut.png").write_bytes(Path(uris[2]).read_bytes()[:200])
    uris[2], uris[4] = str(tmp_path / "cut.png"), str(tmp_path / "gone.png")
    broken = rows.set_column(1, "uri", pa.array(uris))
    broken = broken.set_column(2, "size_bytes", pa.array([None] * 30, pa.int64()))
    found = compare(broken, range(15))
    statuses = [one.status for one in found]
    assert (statuses[2], statuses[4]) == (Status.UNREADABLE, Status.MISSING)
    assert statuses.count(Status.OK) == 13
    assert all(one.image is not None and one.image.has_background for one in found if one.status == Status.OK)


def test_other_light_and_other_shapes_are_left_out(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[bool]] = []
    see = comparing.see_change

    def spy(frame: np.ndarray, frames: np.ndarray, is_alike: np.ndarray) -> Any:
        seen.append(is_alike.tolist())
        return see(frame, frames, is_alike)

    monkeypatch.setattr(comparing, "see_change", spy)
    small = comparing._Small
    grey = np.zeros((48, 64), np.int16)
    one = small(grey=grey, is_night=True, shape=4 / 3)
    image = compare(rows, [0])[0].image
    assert image is not None
    around = [
        one,
        small(grey=grey, is_night=False, shape=4 / 3),
        small(grey=grey, is_night=True, shape=16 / 9),
    ]
    comparing._compared(image, one, around)
    assert seen[-1] == [True, False, False]


@pytest.mark.parametrize("size", [1, 4, 30])
def test_labelled_rows_get_the_same_neighbours_however_their_manifest_is_read(
    rows: pa.Table, size: int
) -> None:
    assert RULE is not None
    unlabelled = rows.set_column(
        rows.column_names.index("label"), "label", pa.array(["blank", None, None] * 10, pa.string())
    )
    pieces = [unlabelled.slice(start, size) for start in range(0, 30, size)]
    found = pa.concat_tables(add_neighbours(pieces, RULE))
    assert found.column(ROW).to_pylist() == list(range(0, 30, 3))
    around = neighbour_rows(unlabelled, RULE)
    places = places_of(found)
    assert places is not None
    uris = rows.column("uri").to_pylist()
    for place in places:
        assert [one[0] for one in place.neighbours] == around[place.row]
        assert [one[1] for one in place.neighbours] == [uris[row] for row in around[place.row]]
    again = places_of(with_places(found.drop_columns([ROW, NEIGHBOURS]), places.tolist()))
    assert again is not None
    assert again.tolist() == places.tolist()


def test_media_in_any_order_are_those_of_the_whole(rows: pa.Table) -> None:
    assert RULE is not None
    places = places_of(pa.concat_tables(add_neighbours([rows], RULE)))
    assert places is not None
    whole = compare(rows, range(30))
    order = [17, 3, 4, 28]
    found = list(compare_places([places[row] for row in order], **OPTIONS))
    for row, one in zip(order, found, strict=True):
        assert np.array_equal(pixels_of(one), pixels_of(whole[row]))
    assert (pixels_of(whole[1])[..., 3] != NO_CHANGE).any()
