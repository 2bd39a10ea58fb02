"""Explaining shows every media, whatever it is called and whatever is wrong with it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from blanktrap.cli import app
from blanktrap.core.config import ArchiveConfig, ExplainConfig, Preprocessing
from blanktrap.core.errors import ExplanationError
from blanktrap.files.explained_media import MediaSource
from blanktrap.files.storage import Storage
from blanktrap.vision.drawing.archive import draw_archive
from blanktrap.vision.explain_summary import ExplainSummary
from blanktrap.vision.explaining import explain, overlay_name
from blanktrap.vision.heatmaps import Heatmaps
from blanktrap.vision.overlays import colour_of, draw_overlay, draw_plain, paint_heat
from blanktrap.vision.scorer import Scorer
from tests.engines.runs import save_random_model
from tests.files.written_scores import media, write_scores
from tests.vision.small_networks import SeesRed

STORAGE = Storage()
PREPROCESSING = Preprocessing(width_px=160, height_px=96, banner_bottom=0.1)
# The square of a drawn image in shares of it, whose lowest tenth is a banner.
SQUARE = (0.5, 0.25, 0.75, 0.65)


def looks_for_red() -> Heatmaps:
    network = SeesRed()
    return Heatmaps(network, Scorer(network, PREPROCESSING, device="cpu", precision="float32", model_id="m"))


def with_square() -> bytes:
    pixels = np.random.default_rng(0).integers(60, 100, (200, 320, 3), dtype=np.uint8)
    pixels[50:130, 160:240] = (255, 150, 40)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "JPEG", quality=95)
    return sink.getvalue()


HOSTILE = ["..", "a\nb.jpg", "<b>&.jpg", "中文.jpg", "x" * 200 + ".jpg", "IMG 0001.jpg", "-rf.jpg", "a;b.jpg"]


def table_of(out: Path) -> dict[str, dict[str, Any]]:
    """The rows of `heatmaps.parquet` by file name."""
    rows = pq.read_table(out / "heatmaps.parquet").to_pylist()
    return {row["media_id"].rpartition("/")[2]: row for row in rows}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    (photos / "S1").mkdir(parents=True)
    for name in ("S1/good.jpg", "S1/also good.jpg"):
        (photos / name).write_bytes(with_square())
    (photos / "S1" / "truncated.jpg").write_bytes(with_square()[:900])
    (photos / "S1" / "zero_bytes.jpg").write_bytes(b"")
    return photos


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., ExplainSummary]:
    maker = looks_for_red()
    monkeypatch.setattr(Heatmaps, "load", lambda *_, **__: maker)

    def go(*named: object, out: str = "out", scores: str | None = None, boxes: Any = (), **more: Any) -> Any:
        source = MediaSource(storage=STORAGE, named=tuple(str(one) for one in named), scores=scores)
        config = ExplainConfig(**more)
        return explain("m", source, str(tmp_path / out), config=config, storage=STORAGE, boxes=boxes)

    return go


def coco(path: Path, area: tuple[float, ...], **names: str) -> str:
    left, top, right, bottom = (share * side for share, side in zip(area, (320, 200, 320, 200), strict=True))
    images = [{"id": key, "file_name": name, "width": 320, "height": 200} for key, name in names.items()]
    annotations = [
        {"id": key, "image_id": key, "category_id": 1, "bbox": [left, top, right - left, bottom - top]}
        for key in names
    ]
    record = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "fox"}]}
    path.write_text(json.dumps(record))
    return str(path)


def test_every_media_has_a_row_and_a_tile_whatever_it_is(
    run: Callable[..., ExplainSummary], folder: Path, tmp_path: Path
) -> None:
    summary = run(folder, folder / "gone.jpg")
    rows = table_of(tmp_path / "out")
    assert {name: row["status"] for name, row in rows.items()} == {
        "good.jpg": "ok",
        "also good.jpg": "ok",
        "truncated.jpg": "unreadable",
        "zero_bytes.jpg": "unreadable",
        "gone.jpg": "missing",
    }
    assert summary.counts == {"ok": 2, "unreadable": 2, "missing": 1}
    assert any("gone.jpg" in failure for failure in summary.failures)
    assert rows["gone.jpg"]["error"]
    assert rows["gone.jpg"]["evidence"] is None
    assert rows["gone.jpg"]["overlay"] is None
    assert (rows["good.jpg"]["num_rows"], rows["good.jpg"]["num_columns"]) == (3, 5)
    assert len(rows["good.jpg"]["evidence"]) == 15
    record = json.loads((tmp_path / "out/explain.json").read_text())
    assert record["counts"] == summary.counts
    sheet = Image.open(tmp_path / "out/sheet-001.jpg")
    assert sheet.width == 4 * 266
    for name in ("good.jpg", "also good.jpg"):
        assert Image.open(tmp_path / "out" / rows[name]["overlay"]).size == (2 * 480, 288)
    assert len(list((tmp_path / "out/overlays").iterdir())) == 2


def test_the_peak_is_told_in_shares_of_the_original(
    run: Callable[..., ExplainSummary], folder: Path, tmp_path: Path
) -> None:
    run(folder / "S1/good.jpg")
    [row] = table_of(tmp_path / "out").values()
    assert SQUARE[0] <= row["peak_x"] <= SQUARE[2]
    assert SQUARE[1] <= row["peak_y"] <= SQUARE[3]
    [scored] = looks_for_red().scorer.score_encoded([with_square()])
    assert row["p_nonblank"] == pytest.approx(scored.p_nonblank)


def test_a_peak_in_a_box_is_a_hit_and_outside_a_miss(
    run: Callable[..., ExplainSummary], folder: Path, tmp_path: Path
) -> None:
    right = coco(tmp_path / "right.json", SQUARE, a="S1/good.jpg", b="S1/also good.jpg")
    wrong = coco(tmp_path / "wrong.json", (0.0, 0.0, 0.2, 0.3), a="S1/good.jpg")
    hits = run(folder, boxes=[right]).pointing
    assert hits is not None
    assert (hits.num_media, hits.num_hits, hits.share) == (2, 2, 1.0)
    # The square covers a quarter of the columns, and 0.4 of the 0.9 that is no banner of the rows.
    assert hits.random_share == pytest.approx(0.25 * 0.4 / 0.9, abs=0.01)
    assert hits.centre_share == 1.0
    misses = run(folder, boxes=[wrong], out="second").pointing
    assert misses is not None
    assert (misses.num_media, misses.num_hits, misses.centre_share) == (1, 0, 0.0)
    rows = table_of(tmp_path / "second")
    assert rows["good.jpg"]["is_hit"] is False
    assert rows["also good.jpg"]["is_hit"] is None


def test_boxes_in_the_banner_and_of_blank_media_are_no_game(
    run: Callable[..., ExplainSummary], folder: Path, tmp_path: Path
) -> None:
    banner = coco(tmp_path / "banner.json", (0.1, 0.92, 0.3, 1.0), a="S1/good.jpg")
    summary = run(folder, boxes=[banner])
    assert summary.pointing is None
    assert any("cropped banner" in note for note in summary.notes)
    rows = [
        media("S1/good.jpg", 0.9, "blank", uri=str(folder / "S1/good.jpg")),
        media("S1/also good.jpg", 0.9, "nonblank", uri=str(folder / "S1/also good.jpg")),
    ]
    scores = write_scores(tmp_path / "scores", rows)
    both = coco(tmp_path / "both.json", SQUARE, a="S1/good.jpg", b="S1/also good.jpg")
    game = run(scores=scores, boxes=[both], out="second").pointing
    assert game is not None
    assert game.num_media == 1


def test_scores_of_another_model_and_other_scores_are_told(
    run: Callable[..., ExplainSummary], folder: Path, tmp_path: Path
) -> None:
    rows = [media("S1/good.jpg", 0.01, "nonblank", uri=str(folder / "S1/good.jpg"))]
    summary = run(scores=write_scores(tmp_path / "mine", rows), num_worst=2)
    assert any("another p_nonblank" in note for note in summary.notes)
    rows = [{**rows[0], "model_id": "other"}]
    summary = run(scores=write_scores(tmp_path / "others", rows), num_worst=2, out="second")
    assert any("the scores are of other" in note for note in summary.notes)


def test_nothing_is_overwritten(run: Callable[..., ExplainSummary], folder: Path, tmp_path: Path) -> None:
    run(folder)
    before = (tmp_path / "out/explain.json").read_bytes()
    with pytest.raises(ExplanationError, match="already holds earlier heatmaps"):
        run(folder)
    assert (tmp_path / "out/explain.json").read_bytes() == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExplanationError, match="is a file"):
        run(folder, out="file")


def test_where_nothing_can_be_read_the_run_fails_with_the_reason(
    run: Callable[..., ExplainSummary], folder: Path
) -> None:
    with pytest.raises(ExplanationError, match=r"none of 2 media can be read, such as missing: .*gone\.jpg"):
        run(folder / "gone.jpg", folder / "S1" / "zero_bytes.jpg")


def test_hostile_names_stay_in_the_folder_and_apart(
    run: Callable[..., ExplainSummary], folder: Path, tmp_path: Path
) -> None:
    names = [overlay_name(place, name) for place, name in enumerate(HOSTILE * 2, start=1)]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and len(name) < 80 and not set(name) & set("/\\ \n<>&;:") for name in names)
    assert overlay_name(1, "..") == "0001.jpg"
    assert overlay_name(7, "IMG_0001.JPG") == "0007-IMG_0001.jpg"
    for name in HOSTILE[1:]:
        (folder / "S1" / name).write_bytes(with_square())
    summary = run(folder)
    assert summary.counts["ok"] == 2 + len(HOSTILE) - 1
    out = tmp_path / "out"
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    overlays = {row["overlay"] for row in table_of(out).values() if row["overlay"]}
    assert len(overlays) == summary.counts["ok"]
    assert written == {"explain.json", "heatmaps.parquet", "sheet-001.jpg", *overlays}


def test_a_drawn_archive_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = ArchiveConfig(num_images=24, num_locations=3, num_corrupt=1, width_px=320, height_px=240)
    draw_archive(tmp_path / "archive", archive, num_processes=1)
    small = Preprocessing(width_px=128, height_px=96, banner_bottom=0.07)
    model = save_random_model(tmp_path / "model", preprocessing=small)
    boxes = str(tmp_path / "archive" / "annotations.json")
    arguments = [model, str(tmp_path / "archive"), "--boxes", boxes, "--out", str(tmp_path / "out")]
    app(["explain", *arguments], standalone_mode=False)
    printed = capsys.readouterr().out
    rows = pq.read_table(tmp_path / "out/heatmaps.parquet").to_pylist()
    assert "heatmaps of 23 of 24 media, 1 unreadable" in printed
    drawn = json.loads(Path(boxes).read_text())["annotations"]
    boxed = {one["image_id"] for one in drawn if "bbox" in one}
    assert f"boxes for {len(boxed)} of 24 media" in printed
    assert "without looking: a random point hits" in printed
    scorer = Scorer.load(STORAGE, model)
    for row in rows:
        [scored] = scorer.score_encoded([Path(row["uri"]).read_bytes()])
        assert (scored.status, scored.p_nonblank) == (row["status"], row["p_nonblank"])


@pytest.mark.s3
def test_everything_may_lie_on_s3(run: Callable[..., ExplainSummary], s3_bucket: str, tmp_path: Path) -> None:
    STORAGE.write_bytes(f"s3://{s3_bucket}/photos/S1/good.jpg", with_square())
    boxes = coco(tmp_path / "boxes.json", SQUARE, a="S1/good.jpg")
    STORAGE.upload(Path(boxes), f"s3://{s3_bucket}/boxes.json")
    source = MediaSource(storage=STORAGE, named=(f"s3://{s3_bucket}/photos/",))
    out = f"s3://{s3_bucket}/out"
    summary = explain(
        "m", source, out, config=ExplainConfig(), storage=STORAGE, boxes=[f"s3://{s3_bucket}/boxes.json"]
    )
    assert summary.pointing is not None
    assert summary.pointing.num_hits == 1
    assert {entry.relative for entry in STORAGE.list_folder(out)} == {
        "explain.json",
        "heatmaps.parquet",
        "sheet-001.jpg",
    }
    with pytest.raises(ExplanationError, match="already holds"):
        explain("m", source, out, config=ExplainConfig(), storage=STORAGE)


# Overlays


def test_without_heat_the_image_is_left_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert (paint_heat(pixels, np.zeros((20, 30), np.float32)) == pixels).all()


def test_heat_is_brighter_with_every_step() -> None:
    lightness = colour_of(np.linspace(0, 1, 50, dtype=np.float32)) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) > 0).all()


def test_the_peak_is_marked_where_it_is_and_small_images_are_enlarged() -> None:
    pixels = np.full((96, 128, 3), 90, np.uint8)
    heat = np.zeros((96, 128), np.float32)
    drawn = draw_overlay(pixels, heat, peak=(0.75, 0.25), areas=[(10.0, 10.0, 40.0, 40.0)])
    assert drawn.shape == (4 * 96, 4 * 128, 3)
    changed = np.flatnonzero((drawn[:, 4 * 64 :] != 90).any((0, 2))) + 4 * 64
    assert abs(changed.mean() - 0.75 * 4 * 128) <= 1
    # The box alone is drawn on the left half, in both pictures alike.
    assert (draw_plain(pixels, [(10.0, 10.0, 40.0, 40.0)])[:, : 4 * 64] == drawn[:, : 4 * 64]).all()
    assert tuple(drawn[4 * 10, 4 * 20]) == (86, 180, 233)
