import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from blanktrap.core.audits.review import REVIEW_QUEUE
from blanktrap.core.errors import ReviewError
from blanktrap.core.vocabulary import QueueKind
from blanktrap.files.review_queues import read_review_queue, write_review_queue
from blanktrap.files.storage import Storage

STORAGE = Storage()


def rows_of(*media_ids: str) -> pa.Table:
    row: dict[str, Any] = {
        "location_id": "S1",
        "sequence_id": None,
        "timestamp": datetime(2024, 5, 31, 8),
        "given_label": "blank",
        "given_species": ["ñandú", "fox"],
        "p_nonblank": 0.75,
        "reason": "looks like an animal",
        "stratum": None,
    }
    rows = [{**row, "media_id": name, "uri": f"/data/{name}"} for name in media_ids]
    return pa.Table.from_pylist(
        rows, schema=pa.schema([field for field in REVIEW_QUEUE if field.name != "order"])
    )


def write(location: Path | str, table: pa.Table, **more: Any) -> None:
    write_review_queue(
        STORAGE,
        str(location),
        table,
        kind=QueueKind.WRONG_LABELS,
        made_from="scores",
        details={"sizes": {"a": 3}},
        **more,
    )


def test_a_queue_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "q", rows_of("b.jpg", "a.jpg"))
    queue = read_review_queue(STORAGE, str(tmp_path / "q"))
    assert (queue.kind, queue.made_from, queue.details) == (
        QueueKind.WRONG_LABELS,
        "scores",
        {"sizes": {"a": 3}},
    )
    assert queue.rows.column("media_id").to_pylist() == ["b.jpg", "a.jpg"]
    assert queue.rows.column("order").to_pylist() == [0, 1]


def test_the_sheet_shows_what_was_known_apart_from_what_is_to_be_answered(tmp_path: Path) -> None:
    write(tmp_path / "q", rows_of('it\'s "a", new\nline.jpg'))
    text = (tmp_path / "q" / "queue.csv").read_bytes().decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["media_id"] == 'it\'s "a", new\nline.jpg'
    assert (row["given_label"], row["given_species"]) == ("blank", "ñandú|fox")
    assert {row[name] for name in ("label", "species", "position", "circumstances", "labelled_by")} == {""}


def test_an_empty_queue_is_a_queue(tmp_path: Path) -> None:
    write(tmp_path / "q", rows_of())
    assert read_review_queue(STORAGE, str(tmp_path / "q")).rows.num_rows == 0


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    write(tmp_path / "q", rows_of("a.jpg"))
    with pytest.raises(ReviewError, match="already holds a review queue"):
        write(tmp_path / "q", rows_of("b.jpg"))
    write(tmp_path / "q", rows_of("b.jpg"), overwrite=True)
    assert read_review_queue(STORAGE, str(tmp_path / "q")).rows.column("media_id").to_pylist() == ["b.jpg"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.doc").touch()
    with pytest.raises(ReviewError, match=r"thesis\.doc"):
        write(tmp_path / "other", rows_of("a.jpg"), overwrite=True)


def test_what_is_no_queue_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ReviewError, match="is no review queue"):
        read_review_queue(STORAGE, str(tmp_path / "none"))
    write(tmp_path / "q", rows_of("a.jpg"))
    record = tmp_path / "q" / "queue.json"
    record.write_text(record.read_text().replace('"num_media": 1', '"num_media": 2'))
    with pytest.raises(ReviewError, match=r"has 1 rows, queue\.json says 2"):
        read_review_queue(STORAGE, str(tmp_path / "q"))
    record.write_text("{")
    with pytest.raises(ReviewError, match="is damaged"):
        read_review_queue(STORAGE, str(tmp_path / "q"))
    record.write_text('{"queue_version": 9}')
    with pytest.raises(ReviewError, match="has version 9"):
        read_review_queue(STORAGE, str(tmp_path / "q"))


@pytest.mark.s3
def test_a_queue_lives_on_s3_too(s3_bucket: str) -> None:
    write(f"s3://{s3_bucket}/q", rows_of("a.jpg"))
    assert read_review_queue(STORAGE, f"s3://{s3_bucket}/q").rows.num_rows == 1
