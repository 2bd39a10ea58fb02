"""The drawn archive keeps what it promises: numbers, labels, bytes, and broken files that are broken."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, UnidentifiedImageError

from blanktrap.core.config import ArchiveConfig
from blanktrap.core.errors import SourceError, UsageError
from blanktrap.vision.drawing import archive as drawn_archive
from blanktrap.vision.drawing.archive import ArchiveSummary, draw_archive
from blanktrap.vision.drawing.cameras import BANNER_SHARE, banner_height_px
from blanktrap.vision.drawing.sightings import plan_deployments, plan_sequences

SMALL = ArchiveConfig(
    num_images=90, num_locations=3, blank_rate=0.6, num_corrupt=5, width_px=160, height_px=120, seed=3
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> ArchiveSummary:
    return draw_archive(tmp_path_factory.mktemp("drawn") / "archive", SMALL)


@pytest.fixture(scope="module")
def coco(drawn: ArchiveSummary) -> dict[str, Any]:
    return dict(json.loads(drawn.annotations.read_text("utf-8")))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def loads(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, UnidentifiedImageError):
        return False
    return True


def readable(drawn: ArchiveSummary, coco: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Path]]:
    for entry in coco["images"]:
        path = drawn.folder / entry["file_name"]
        if loads(path):
            yield entry, path


def test_counts_and_blank_rate_are_as_asked(drawn: ArchiveSummary, coco: dict[str, Any]) -> None:
    files = list(drawn.folder.rglob("*.JPG"))
    assert len(files) == len(coco["images"]) == drawn.num_images == 90
    assert len({entry["location"] for entry in coco["images"]}) == drawn.num_locations == 3
    blank = {entry["image_id"] for entry in coco["annotations"] if entry["category_id"] == 0}
    assert len(blank) == drawn.num_blank == 54  # 0.6 of 90
    assert drawn.num_nonblank == sum(drawn.species.values()) == 36
    names = {category["id"]: category["name"] for category in coco["categories"]}
    of_image = {entry["image_id"]: names[entry["category_id"]] for entry in coco["annotations"]}
    assert Counter(name for name in of_image.values() if name != "empty") == drawn.species
    assert len(drawn.species) > 2


@given(
    num_images=st.integers(24, 3000),
    num_locations=st.integers(3, 24),
    blank_rate=st.floats(0.01, 0.99),
    seed=st.integers(0, 9),
)
def test_deployments_sum_to_the_archive(
    num_images: int, num_locations: int, blank_rate: float, seed: int
) -> None:
    config = ArchiveConfig(
        num_images=num_images, num_locations=num_locations, blank_rate=blank_rate, seed=seed, num_corrupt=0
    )
    planned = list(plan_deployments(config))
    assert sum(one.num_images for one in planned) == num_images
    assert sum(one.num_blank for one in planned) == round(blank_rate * num_images)
    assert len({one.folder for one in planned}) == len(planned)
    assert {one.location for one in planned} == set(range(num_locations))
    starts = [one.first_image for one in planned]
    assert starts == [sum(one.num_images for one in planned[:place]) for place in range(len(planned))]
    assert all(0 <= one.num_blank <= one.num_images > 0 for one in planned)


def test_sequences_hold_exactly_the_blanks_of_their_deployment() -> None:
    config = ArchiveConfig(num_images=700, num_locations=4, num_corrupt=0)
    for deployment in plan_deployments(config):
        frames = [seen for plan in plan_sequences(config, deployment) for seen in plan.present]
        assert len(frames) == deployment.num_images
        assert frames.count(False) == deployment.num_blank


def test_labels_are_coco_camera_traps(coco: dict[str, Any]) -> None:
    assert set(coco) == {"info", "categories", "images", "annotations"}
    names = {category["id"]: category["name"] for category in coco["categories"]}
    assert names[0] == "empty"
    assert len(names) >= 6
    ids = [entry["id"] for entry in coco["images"]]
    assert len(set(ids)) == len(ids)
    labelled = {entry["image_id"] for entry in coco["annotations"]}
    assert labelled == set(ids)
    for entry in coco["annotations"]:
        assert entry["category_id"] in names
        assert ("bbox" in entry) == (entry["category_id"] != 0)


def test_every_box_lies_in_the_image_above_the_banner(coco: dict[str, Any]) -> None:
    boxes = [entry["bbox"] for entry in coco["annotations"] if "bbox" in entry]
    assert boxes
    for left, top, width, height in boxes:
        assert left >= 0
        assert top >= 0
        assert width > 0
        assert height > 0
        assert left + width <= 160
        assert top + height <= 120 - banner_height_px(120)


def test_sequences_count_their_frames_from_one(coco: dict[str, Any]) -> None:
    sequences: dict[str, list[dict[str, Any]]] = {}
    for entry in coco["images"]:
        sequences.setdefault(entry["seq_id"], []).append(entry)
    for frames in sequences.values():
        assert [entry["frame_num"] for entry in frames] == list(range(1, len(frames) + 1))
        assert {entry["seq_num_frames"] for entry in frames} == {len(frames)}
        times = [datetime.fromisoformat(entry["datetime"]) for entry in frames]
        assert all(0 <= (later - times[0]).total_seconds() <= 3 for later in times)
    assert set(Counter(len(frames) for frames in sequences.values())) == {1, 2, 3}


def test_some_sequences_have_blank_frames_beside_an_animal(coco: dict[str, Any]) -> None:
    blank = {entry["image_id"] for entry in coco["annotations"] if entry["category_id"] == 0}
    kinds: dict[str, set[bool]] = {}
    for entry in coco["images"]:
        kinds.setdefault(entry["seq_id"], set()).add(entry["id"] in blank)
    assert {True, False} in kinds.values()
    assert {True} in kinds.values()
    assert {False} in kinds.values()


def test_file_names_hold_an_umlaut_and_a_space(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"num_locations": 9, "num_images": 24})
    draw_archive(tmp_path, config)
    names = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert "Mühlbach 05" in names
    assert "Iron Ford 09" in names


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"num_images": 24, "num_corrupt": 4})
    other = config.model_copy(update={"seed": 4})
    for name, one in (("a", config), ("b", config), ("c", other)):
        draw_archive(tmp_path / name, one)
    first, second, third = (digests(tmp_path / name) for name in "abc")
    assert first == second
    pictures = {value for name, value in first.items() if name.endswith(".JPG")}
    # Empty files and renamed text may well be equal.
    assert len(pictures & {value for name, value in third.items() if name.endswith(".JPG")}) <= 2


def test_pool_and_single_process_draw_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SMALL.model_copy(update={"num_images": 24, "width_px": 80, "height_px": 64})
    draw_archive(tmp_path / "one", config, num_processes=1)
    monkeypatch.setattr(drawn_archive, "_FEW_IMAGES", 0)
    draw_archive(tmp_path / "two", config, num_processes=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_exactly_the_corrupt_files_fail_to_load(drawn: ArchiveSummary) -> None:
    broken = [path for path in drawn.folder.rglob("*.JPG") if not loads(path)]
    assert len(broken) == drawn.num_corrupt == 5
    assert any(path.stat().st_size == 0 for path in broken)
    assert any(path.read_bytes().startswith(b"This is a text") for path in broken)
    assert any(path.read_bytes().endswith(bytes(50)) for path in broken)


def test_banner_is_printed_and_cropping_its_share_removes_it(
    drawn: ArchiveSummary, coco: dict[str, Any]
) -> None:
    _, path = next(readable(drawn, coco))
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"), dtype=np.float32)
    banner = pixels[-banner_height_px(120) + 1 :]
    assert np.mean(banner < 40) > 0.5  # a dark strip
    assert banner.max() > 120  # with bright letters
    assert banner_height_px(120) <= 120 * BANNER_SHARE


def test_exif_tells_the_time_of_the_label(drawn: ArchiveSummary, coco: dict[str, Any]) -> None:
    flashes = set()
    for entry, path in readable(drawn, coco):
        with Image.open(path) as image:
            exif = image.getexif()
            details = exif.get_ifd(0x8769)
        taken = datetime.strptime(details[0x9003], "%Y:%m:%d %H:%M:%S")
        assert taken == datetime.fromisoformat(entry["datetime"])
        assert len(details[0x9291]) == 3
        assert exif[0x010F]
        flashes.add(details[0x9209])
    assert flashes == {0, 1}


def test_same_config_is_reused_and_another_refused(drawn: ArchiveSummary) -> None:
    before = digests(drawn.folder)
    again = draw_archive(drawn.folder, SMALL)
    assert again.reused
    assert again.num_blank == drawn.num_blank
    with pytest.raises(UsageError, match="other settings"):
        draw_archive(drawn.folder, SMALL.model_copy(update={"seed": 99}))
    assert digests(drawn.folder) == before


def test_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        draw_archive(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]


def test_interrupted_archive_is_finished_by_a_second_run(tmp_path: Path, drawn: ArchiveSummary) -> None:
    class StopError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 50:
            raise StopError

    with pytest.raises(StopError):
        draw_archive(tmp_path / "half", SMALL, stop)
    assert not (tmp_path / "half" / "archive.json").exists()
    assert not draw_archive(tmp_path / "half", SMALL).reused
    assert digests(tmp_path / "half") == digests(drawn.folder)


def test_progress_ends_with_all_images(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    config = SMALL.model_copy(update={"num_images": 24})
    draw_archive(tmp_path, config, lambda done, total: told.append((done, total)))
    assert told == [(number, 24) for number in range(1, 25)]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"num_images": 24, "num_locations": 30}, "too few"), ({"num_corrupt": 91}, "corrupt files")],
)
def test_numbers_that_do_not_fit_are_refused(tmp_path: Path, changed: dict[str, int], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        draw_archive(tmp_path / "new", SMALL.model_copy(update=changed))
    assert not (tmp_path / "new").exists()


def test_unwritable_folder_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot write the archive"):
        draw_archive(tmp_path / "file" / "below", SMALL)


def test_cores_are_counted_where_the_system_knows_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert drawn_archive._num_cores() == 7
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert drawn_archive._num_cores() == 1
