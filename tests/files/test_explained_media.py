"""What is looked at is what was named, filtered, and chosen as it is said."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import ExplainConfig
from blanktrap.core.errors import BlanktrapError, ExplanationError, SourceError, UsageError
from blanktrap.core.schemas import conform_manifest
from blanktrap.files.explained_media import ExplainedMedia, MediaSource, choose_media
from blanktrap.files.storage import Storage
from tests.files.written_scores import media, write_scores

STORAGE = Storage()


def choose(*named: object, scores: str | None = None, **settings: object) -> ExplainedMedia:
    source = MediaSource(storage=STORAGE, named=tuple(str(one) for one in named), scores=scores)
    return choose_media(source, ExplainConfig(**settings))  # type: ignore[arg-type]


def ids(chosen: ExplainedMedia) -> list[str]:
    return list(chosen.rows.column("media_id").to_pylist())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("S1/a.jpg", "S1/b.JPG", "S2/c.png", "S2/notes.txt", "S2/._c.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8\xff")
    return tmp_path / "photos"


@pytest.fixture
def scores(tmp_path: Path) -> str:
    # Nonblank from worst: n1 0.1, n2 0.2, n3 0.8; blank from worst: b1 0.9, b2 0.6, b3 0.3.
    rows = [
        media("S1/n3.jpg", 0.8, "nonblank", split="test"),
        media("S1/b3.jpg", 0.3, "blank", split="test"),
        media("S1/n1.jpg", 0.1, "nonblank", split="train"),
        media("S2/b1.jpg", 0.9, "blank", split="test"),
        media("S2/n2.jpg", 0.2, "nonblank", split="test"),
        media("S2/b2.jpg", 0.6, "blank", split="test"),
        media("S2/nobody.jpg", 0.05, None),
        media("S2/broken.jpg", None, "nonblank"),
    ]
    return write_scores(tmp_path / "scores", rows)


def test_a_folder_gives_its_images_and_nothing_else(folder: Path) -> None:
    assert sorted(ids(choose(folder))) == ["S1/a.jpg", "S1/b.JPG", "S2/c.png"]


def test_images_lists_and_folders_may_be_mixed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("photos/S2/c.png\n")
    chosen = choose(folder / "S1" / "a.jpg", tmp_path / "list.txt", folder / "S1")
    assert ids(chosen)[1:] == ["photos/S2/c.png", "a.jpg", "b.JPG"]
    assert chosen.rows.column("uri").to_pylist()[0] == str(folder / "S1" / "a.jpg")
    assert chosen.described == "all of 4 media"


def test_an_image_that_is_not_there_is_kept_to_be_told_of(tmp_path: Path) -> None:
    assert len(ids(choose(tmp_path / "gone.jpg"))) == 1


def test_a_manifest_is_read_with_its_labels(archive_manifest: Callable[[], str]) -> None:
    chosen = choose(archive_manifest(), label="blank")
    assert set(chosen.rows.column("label").to_pylist()) == {"blank"}
    assert choose(archive_manifest(), locations=("place-1",)).rows.column(
        "location_id"
    ).unique().to_pylist() == ["place-1"]


@pytest.fixture
def archive_manifest(tmp_path: Path) -> Callable[[], str]:
    def write() -> str:
        rows = {
            "media_id": [f"{number}.jpg" for number in range(8)],
            "uri": [f"/data/{number}.jpg" for number in range(8)],
            "location_id": [f"place-{number % 3}" for number in range(8)],
            "label": ["blank", "nonblank"] * 4,
        }
        pq.write_table(conform_manifest(pa.table(rows), where="test"), tmp_path / "manifest.parquet")
        return str(tmp_path / "manifest.parquet")

    return write


def test_too_many_are_drawn_by_chance_in_their_order(scores: str) -> None:
    everything = ids(choose(scores=scores))
    assert len(everything) == 8
    drawn = choose(scores=scores, num_images=3)
    assert ids(drawn) == [name for name in everything if name in ids(drawn)]
    assert len(ids(drawn)) == 3
    assert drawn.described == "3 drawn by chance of 8 media (--num-images)"
    assert ids(choose(scores=scores, num_images=3)) == ids(drawn)
    assert any(ids(choose(scores=scores, num_images=3, seed=seed)) != ids(drawn) for seed in range(1, 5))


@pytest.mark.parametrize(
    ("num_worst", "expected"),
    [
        (4, ["S1/n1.jpg", "S2/n2.jpg", "S2/b1.jpg", "S2/b2.jpg"]),
        (3, ["S1/n1.jpg", "S2/n2.jpg", "S2/b1.jpg"]),
        (1, ["S1/n1.jpg"]),
        (100, ["S1/n1.jpg", "S2/n2.jpg", "S1/n3.jpg", "S2/b1.jpg", "S2/b2.jpg", "S1/b3.jpg"]),
    ],
)
def test_the_worst_errors_of_both_labels_come_first(scores: str, num_worst: int, expected: list[str]) -> None:
    assert ids(choose(scores=scores, num_worst=num_worst)) == expected


def test_worst_errors_obey_the_filters(scores: str) -> None:
    assert ids(choose(scores=scores, num_worst=2, split="test")) == ["S2/n2.jpg", "S2/b1.jpg"]
    assert ids(choose(scores=scores, num_worst=2, locations=("S1",))) == ["S1/n1.jpg", "S1/b3.jpg"]


def test_nothing_to_look_at_says_what_is_there(scores: str, folder: Path, tmp_path: Path) -> None:
    def said(*named: object, error: type[BlanktrapError] = ExplanationError, **more: object) -> str:
        with pytest.raises(error) as refused:
            choose(*named, **more)  # type: ignore[arg-type]
        assert "\n" not in str(refused.value)
        return str(refused.value)

    assert "there are 'S1', 'S2'" in said(scores=scores, locations=("S9",))
    assert "have no locations" in said(folder, locations=("S9",))
    assert "--split val" in said(scores=scores, split="val")
    unlabelled = write_scores(tmp_path / "unlabelled", [media("a.jpg", 0.5, None)])
    assert "no labelled media" in said(scores=unlabelled, num_worst=4)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing")
    assert "left out: 1 .txt" in said(tmp_path / "empty")
    assert "give it as --scores" in said(scores, error=UsageError)
    assert "there is no" in said(tmp_path / "nowhere", error=SourceError)
