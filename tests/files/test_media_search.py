"""Media are found in a dataset of any size: the same ones that a look at every row finds."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from blanktrap.core.errors import SourceError
from blanktrap.core.media_filters import Light, MediaFilter, Order, Show
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files import media_search
from blanktrap.files.media_search import MediaSearch, ScoredArchive
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage

STORAGE = Storage()
NUM_MEDIA, CHUNK = 700, 16


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Sorted by place and time, as a manifest is; some without a place, a time, a score or a label."""
    chance = np.random.default_rng(3)
    made = []
    for at in range(NUM_MEDIA):
        place = at // 70
        failed = chance.random() < 0.05
        label = chance.choice(["blank", "nonblank", None], p=[0.3, 0.2, 0.5])
        made.append(
            {
                "media_id": f"{chance.integers(10**6):06}-{at}.jpg",
                "uri": f"/photos/{at}.jpg",
                "location_id": None if place == 9 else f"L{place:02}",
                "sequence_id": None if at % 40 == 0 else f"s{at // 3}",
                "frame_num": at % 3,
                "timestamp": None if at % 50 == 0 else datetime(2024, 5, 1) + timedelta(hours=at % 70),
                "status": "unreadable" if failed else "ok",
                "error": "truncated" if failed else None,
                "p_nonblank": None if failed else np.float32(round(chance.random(), 2)),
                "brightness": None if failed else np.float32(round(chance.random(), 1)),
                "is_night": None if failed else bool(chance.random() < 0.4),
                "model_id": "m",
                "label": label,
                "species": [str(chance.choice(["fox", "hare"]))] if label == "nonblank" else [],
            }
        )
    return made


def write(folder: Path, rows: list[dict[str, Any]], schema: pa.Schema = SCORES_SCHEMA) -> str:
    identity = RunIdentity(
        manifest_digest="sha256:d",
        num_media=len(rows),
        model_id="m",
        chunk_size=CHUNK,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )
    run = begin_run(STORAGE, str(folder), identity, {"model": {}, "versions": {}})
    written = {}
    for chunk in range(identity.num_chunks):
        start, stop = identity.span(chunk)
        part = pa.Table.from_pylist(rows[start:stop], schema=schema)
        failed = sum(row["status"] != "ok" for row in rows[start:stop])
        written[chunk] = ChunkStats(
            chunk=chunk,
            num_media=stop - start,
            counts={"ok": stop - start - failed, "unreadable": failed},
            number_formats={},
            bytes_read=0,
            fetch_s=0,
            decode_s=0,
            device_s=0,
            finished=0,
        )
        write_chunk(STORAGE, str(folder), part, written[chunk])
    finish_run(STORAGE, run, written)
    return str(folder)


@pytest.fixture(scope="module")
def archive(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> ScoredArchive:
    location = write(tmp_path_factory.mktemp("search") / "scores", rows)
    return ScoredArchive(STORAGE, open_scores(STORAGE, location))


def find(archive: ScoredArchive, order: Order = Order.PLACE_TIME, **wanted: Any) -> list[str]:
    search = MediaSearch(archive=archive, wanted=MediaFilter(**wanted), order=order)
    search.advance(60.0)
    assert search.is_done
    found: list[str] = search.rows().column("media_id").to_pylist()
    assert search.num_found == len(found)
    return found


CUTOFF = 0.37
FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({}, lambda row: True),
    ({"show": Show.MISSED}, lambda row: row["label"] == "nonblank" and below(row)),
    ({"show": Show.FALSE_ALARMS}, lambda row: row["label"] == "blank" and above(row)),
    ({"show": Show.SET_ASIDE}, lambda row: below(row)),
    ({"show": Show.KEPT}, lambda row: above(row)),
    (
        {"show": Show.NEAR_CUTOFF},
        lambda row: (
            row["p_nonblank"] is not None and abs(row["p_nonblank"] - np.float32(CUTOFF)) <= np.float32(0.1)
        ),
    ),
    ({"show": Show.NOT_SCORED}, lambda row: row["status"] != "ok"),
    ({"location_id": "L04"}, lambda row: row["location_id"] == "L04"),
    (
        {"location_id": "L04", "sequence_id": "s100"},
        lambda row: (row["location_id"], row["sequence_id"]) == ("L04", "s100"),
    ),
    ({"location_id": "L99"}, lambda row: False),
    ({"species": "fox"}, lambda row: "fox" in row["species"]),
    ({"light": Light.NIGHT}, lambda row: row["is_night"] is True),
    ({"light": Light.DAY}, lambda row: row["is_night"] is False),
    ({"hour": 7}, lambda row: row["timestamp"] is not None and row["timestamp"].hour == 7),
    (
        {"first_day": date(2024, 5, 2), "last_day": date(2024, 5, 2)},
        lambda row: row["timestamp"] is not None and row["timestamp"].day == 2,
    ),
    (
        {"show": Show.MISSED, "location_id": "L02", "species": "hare"},
        lambda row: below(row) and "hare" in row["species"] and row["location_id"] == "L02",
    ),
]


def below(row: dict[str, Any]) -> bool:
    return row["p_nonblank"] is not None and bool(row["p_nonblank"] < np.float32(CUTOFF))


def above(row: dict[str, Any]) -> bool:
    return row["p_nonblank"] is not None and bool(row["p_nonblank"] >= np.float32(CUTOFF))


@pytest.mark.parametrize(
    ("wanted", "fits"), FILTERS, ids=lambda one: str(one) if isinstance(one, dict) else ""
)
def test_what_is_found_is_what_a_look_at_every_row_finds(
    archive: ScoredArchive, rows: list[dict[str, Any]], wanted: dict[str, Any], fits: Any
) -> None:
    expected = [row["media_id"] for row in rows if fits(row)]
    assert find(archive, cutoff=CUTOFF, **wanted) == expected
    # Once more, now that the bounds of all parts are known.
    assert find(archive, cutoff=CUTOFF, **wanted) == expected


@pytest.mark.parametrize(
    ("order", "key"),
    [
        (Order.LOWEST, lambda row: row["p_nonblank"]),
        (Order.HIGHEST, lambda row: negative(row["p_nonblank"])),
        (
            Order.NEAR_CUTOFF,
            lambda row: None if row["p_nonblank"] is None else abs(float(row["p_nonblank"]) - CUTOFF),
        ),
        (Order.OLDEST, lambda row: row["timestamp"]),
        (Order.NEWEST, lambda row: row["timestamp"] and -row["timestamp"].timestamp()),
        (Order.DARKEST, lambda row: row["brightness"]),
        (Order.BRIGHTEST, lambda row: negative(row["brightness"])),
    ],
)
def test_orders_are_stable_and_put_what_has_no_value_last(
    archive: ScoredArchive, rows: list[dict[str, Any]], order: Order, key: Any
) -> None:
    valued = sorted((row for row in rows if key(row) is not None), key=key)
    rest = [row for row in rows if key(row) is None]
    assert find(archive, order, cutoff=CUTOFF) == [row["media_id"] for row in [*valued, *rest]]


def negative(value: Any) -> Any:
    return None if value is None else -value


def test_what_is_kept_is_bounded_and_still_the_best(
    archive: ScoredArchive, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_search, "MOST_ROWS", 7)
    search = MediaSearch(archive=archive, wanted=MediaFilter(), order=Order.HIGHEST)
    search.advance(60.0)
    best = sorted((row for row in rows if row["p_nonblank"] is not None), key=lambda row: -row["p_nonblank"])
    assert search.rows().column("media_id").to_pylist() == [row["media_id"] for row in best[:7]]
    assert (search.num_found, search.num_looked_at) == (NUM_MEDIA, NUM_MEDIA)
    assert sum(table.num_rows for table in search._kept) <= 7 * 4 + media_search._WINDOW * CHUNK
    early = MediaSearch(archive=archive, wanted=MediaFilter(), order=Order.PLACE_TIME)
    early.advance(60.0)
    assert early.stopped_early
    assert early.num_looked_at < NUM_MEDIA
    assert early.rows().column("media_id").to_pylist() == [row["media_id"] for row in rows[:7]]


def test_a_search_goes_on_where_its_time_ended(archive: ScoredArchive) -> None:
    search = MediaSearch(archive=archive, wanted=MediaFilter(), order=Order.NEWEST)
    looked_at = []
    while not search.is_done:
        search.advance(0.0)
        looked_at.append(search.num_looked_at)
    assert looked_at == sorted(set(looked_at))
    assert len(looked_at) > 2
    assert looked_at[-1] == search.rows().num_rows == NUM_MEDIA


def test_parts_that_cannot_hold_it_are_not_read(
    archive: ScoredArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(archive)  # the bounds are known now
    opened: list[int] = []
    really = ScoredArchive._open
    monkeypatch.setattr(ScoredArchive, "_open", lambda self, part: opened.append(part) or really(self, part))
    assert len(find(archive, location_id="L04")) == 70
    assert set(opened) == set(range(4 * 70 // CHUNK, 5 * 70 // CHUNK + 1))
    opened.clear()
    assert len(find(archive, location_id="L04", first_day=date(2030, 1, 1))) == 0
    assert opened == []


def test_a_place_is_looked_up_first_and_an_unsorted_dataset_loses_nothing(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    mixed = [rows[at] for at in np.random.default_rng(1).permutation(len(rows))]
    unsorted = ScoredArchive(STORAGE, open_scores(STORAGE, write(tmp_path / "mixed", mixed)))
    assert len(find(unsorted, location_id="L04")) == 70
    ordered = ScoredArchive(STORAGE, open_scores(STORAGE, write(tmp_path / "ordered", rows)))
    search = MediaSearch(archive=ordered, wanted=MediaFilter(location_id="L08"), order=Order.PLACE_TIME)
    search.advance(0.0)
    assert (search.num_found, search.is_done) == (70, False)


def test_the_frames_of_a_sequence_come_together_across_parts(
    archive: ScoredArchive, rows: list[dict[str, Any]]
) -> None:
    # Sequence s10 is rows 30 to 32, of which 30 and 31 are in part 1 and 32 is in part 2.
    assert {rows[at]["sequence_id"] for at in (30, 31, 32)} == {"s10"}
    expected = [rows[at]["media_id"] for at in (30, 31, 32)]
    for at in (30, 31, 32):
        frames = archive.frames_around(at // CHUNK, at % CHUNK)
        assert frames.column("media_id").to_pylist() == expected
    alone = next(at for at, row in enumerate(rows) if row["sequence_id"] is None)
    frames = archive.frames_around(alone // CHUNK, alone % CHUNK)
    assert frames.column("media_id").to_pylist() == [rows[alone]["media_id"]]


def test_parts_without_statistics_or_columns_are_searched_too(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    lean = pa.schema(
        [SCORES_SCHEMA.field(name) for name in ("media_id", "uri", "status", "p_nonblank", "model_id")]
    )
    kept = [{name: row[name] for name in lean.names} for row in rows[:40]]
    location = write(tmp_path / "lean", kept, lean)
    archive = ScoredArchive(STORAGE, open_scores(STORAGE, location))
    assert find(archive, show=Show.MISSED) == []
    assert len(find(archive)) == 40


def test_a_damaged_part_is_named_and_hides_no_other(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    location = write(tmp_path / "damaged", rows[:64])
    (Path(location) / "part-00000001.parquet").write_bytes(b"PAR1 and then nothing PAR1")
    archive = ScoredArchive(STORAGE, open_scores(STORAGE, location))
    search = MediaSearch(archive=archive, wanted=MediaFilter(), order=Order.HIGHEST)
    search.advance(60.0)
    assert (search.num_found, len(search.damaged)) == (48, 1)
    assert "part-00000001.parquet cannot be read as Parquet" in search.damaged[0]


def test_a_storage_that_comes_back_loses_no_part(
    tmp_path: Path, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = ScoredArchive(STORAGE, open_scores(STORAGE, write(tmp_path / "away", rows[:64])))
    search = MediaSearch(archive=archive, wanted=MediaFilter(), order=Order.HIGHEST)
    really = ScoredArchive.look

    def fail(self: ScoredArchive, part: int, wanted: MediaFilter) -> Any:
        if part == 2:
            raise SourceError("the network is gone")
        return really(self, part, wanted)

    with monkeypatch.context() as patch:
        patch.setattr(ScoredArchive, "look", fail)
        with pytest.raises(SourceError, match="network"):
            search.advance(60.0)
    search.advance(60.0)
    assert (search.num_found, search.num_looked_at) == (64, 64)
