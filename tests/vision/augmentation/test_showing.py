"""A person can look at every circumstance, on sheets that say what they are."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blanktrap.core.config import AugmentConfig, ExplainConfig
from blanktrap.core.errors import ExplanationError
from blanktrap.files.explained_media import MediaSource
from blanktrap.files.storage import Storage
from blanktrap.vision.augmentation.sheet import augmentation_tiles
from blanktrap.vision.augmentation.showing import show_augmentations
from tests.vision.augmentation.pictures import CHANCES, scenes

STORAGE = Storage()


def show(out: Path, *named: Path, config: ExplainConfig | None = None) -> list[str]:
    source = MediaSource(storage=STORAGE, named=tuple(map(str, named)))
    return show_augmentations(
        source, str(out), config=config or ExplainConfig(), augment=AugmentConfig(), storage=STORAGE
    )


def test_each_circumstance_has_a_row_that_begins_with_the_image_as_it_is() -> None:
    pixels = scenes(1)[0].numpy()
    tiles = list(augmentation_tiles(pixels, AugmentConfig(fog=0.0), name="a.jpg", num_draws=3))
    rows = [tiles[start : start + 4] for start in range(0, len(tiles), 4)]
    assert len(rows) == len(CHANCES) + 1
    for row in rows:
        assert np.array_equal(row[0].picture, pixels)
        assert row[0].caption[1] == "a.jpg"
    for row in rows[:-1]:
        assert all(not np.array_equal(tile.picture, pixels) for tile in row[1:])
    assert [row[0].caption[0] for row in rows][-1] == "as in training"
    assert "fog, chance 0" in [row[0].caption[0] for row in rows]
    assert "sun flare, chance 0.05" in [row[0].caption[0] for row in rows]


def test_a_sheet_an_image_and_the_record_last(scene: Callable[..., Image.Image], tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    scene(80, 60).save(archive / "a.jpg")
    (archive / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    said = "\n".join(show(tmp_path / "out", archive))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "augmentations-001.jpg",
        "augmentations.json",
    ]
    page = Image.open(io.BytesIO((tmp_path / "out" / "augmentations-001.jpg").read_bytes()))
    assert page.width > 5 * 250
    record = json.loads((tmp_path / "out" / "augmentations.json").read_text())
    assert record["media"] == ["a.jpg"]
    assert "unreadable: broken.jpg" in said
    with pytest.raises(ExplanationError, match="nothing was overwritten"):
        show(tmp_path / "out", archive)


def test_only_unreadable_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    with pytest.raises(ExplanationError, match="none of 1 media can be read, such as unreadable"):
        show(tmp_path / "out", tmp_path / "broken.jpg")
