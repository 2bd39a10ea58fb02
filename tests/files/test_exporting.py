"""`blanktrap export`: what it writes over, what it refuses, and that nothing is left half done."""

import json

import pytest

from blanktrap.core.config import ExportConfig, resolve
from blanktrap.core.errors import CutoffError, ScoresError, UsageError
from blanktrap.files import exporting
from blanktrap.files.exporting import export_scores
from blanktrap.files.exports import FORMATS
from blanktrap.files.scores_reader import Scores
from blanktrap.files.storage import Storage
from tests.files.exports.exported import at, frame, hostile_rows
from tests.files.written_scores import STORAGE, write_scores

ROWS = [frame("S1/a.jpg", 0.9, timestamp=at(0)), frame("S1/b.jpg", 0.1, timestamp=at(1))]
NEEDED = {"camtrap-dp": {"timezone": "UTC"}, "wildlife-insights": {"project_id": "7"}}
FOLDERS = {"camtrap-dp", "wildlife-insights"}


def run(scores, out, form, *, overwrite=False, coordinates=None, **settings):
    config = ExportConfig(**{"format": form, "cutoff": 0.2, **NEEDED.get(form, {}), **settings})
    return export_scores(
        str(scores), str(out), config=config, storage=STORAGE, overwrite=overwrite, coordinates=coordinates
    )


@pytest.fixture
def scores(tmp_path):
    return write_scores(tmp_path / "scores", ROWS)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_is_not_written_over_unless_told(tmp_path, scores, form):
    out = tmp_path / "out"
    run(scores, out, form)
    before = contents(out) if form in FOLDERS else out.read_bytes()
    with pytest.raises(UsageError, match="pass --overwrite or give --out another"):
        run(scores, out, form, cutoff=0.95)
    assert (contents(out) if form in FOLDERS else out.read_bytes()) == before
    run(scores, out, form, cutoff=0.95, overwrite=True)
    assert (contents(out) if form in FOLDERS else out.read_bytes()) != before


@pytest.mark.parametrize("name", ["more.parquet", "part-00000000.parquet", "../scores/more.parquet"])
def test_no_export_lands_among_the_parts_of_the_scores(tmp_path, scores, name):
    before = contents(tmp_path)
    with pytest.raises(UsageError, match="is in the scores dataset"):
        run(scores, f"{scores}/{name}", "parquet", overwrite=True)
    assert contents(tmp_path) == before


def test_what_an_earlier_export_had_more_of_goes(tmp_path, scores):
    run(scores, tmp_path / "out", "camtrap-dp", tables="csv")
    run(scores, tmp_path / "out", "camtrap-dp", tables="gzip", overwrite=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "datapackage.json",
        *(f"{name}.csv.gz" for name in ("deployments", "media", "observations")),
    }


def test_files_of_other_programs_beside_those_of_locations_stay(tmp_path, scores):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "package.json").write_text("{}")
    with pytest.raises(UsageError, match=r"holds something else \(it has package.json\)"):
        run(scores, tmp_path / "out", "megadetector", by_location=True, overwrite=True)
    assert contents(tmp_path / "out") == {"package.json": b"{}"}


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_no_export_is_never_written_over(tmp_path, scores, form):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "photo.jpg").touch()
    with pytest.raises(UsageError, match=r"holds something else \(it has photo.jpg\)|is a folder: give"):
        run(scores, tmp_path / "out", form, overwrite=True)
    assert contents(tmp_path / "out") == {"photo.jpg": b""}


@pytest.mark.parametrize("form", sorted(FOLDERS))
def test_a_folder_is_wanted_where_there_is_a_file(tmp_path, scores, form):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="is a file: give --out a folder"):
        run(scores, tmp_path / "out", form, overwrite=True)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_on_the_way_leaves_nothing(tmp_path, monkeypatch, scores, form):
    read = Scores.iter_tables

    def break_off(self, storage, columns=None):
        for number, table in enumerate(read(self, storage, columns)):
            if number == 1 and "timestamp" not in (columns or ()):
                raise ScoresError("broke off")
            yield table
        if "media_id" in (columns or ()):
            raise ScoresError("broke off")

    monkeypatch.setattr(Scores, "iter_tables", break_off)
    with pytest.raises(ScoresError, match="broke off"):
        run(scores, tmp_path / "out", form)
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path != out) == ["scores"]


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "camtrap-dp"])
def test_no_media_make_a_result_without_rows(tmp_path, form):
    done = run(write_scores(tmp_path / "scores", []), tmp_path / "out", form)
    assert done.counts.num_media == 0
    assert done.lines()[0].startswith("kept        0 of 0 media: ")


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_names_reach_every_format(tmp_path, form):
    done = run(write_scores(tmp_path / "scores", hostile_rows()), tmp_path / "out", form)
    assert done.counts.num_media == len(hostile_rows())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "scores"]


def test_unfinished_scores_are_refused_unless_told(tmp_path, scores):
    (tmp_path / "scores" / "_SUCCESS").unlink()
    (tmp_path / "scores" / "part-00000001.parquet").unlink()
    with pytest.raises(ScoresError, match=r"is incomplete \(1 of 2 parts\)"):
        run(scores, tmp_path / "out", "csv")
    assert not (tmp_path / "out").exists()
    done = run(scores, tmp_path / "out", "csv", allow_incomplete=True)
    assert "unfinished  1 of 2 media are not scored yet: left out" in done.lines()


def test_progress_comes_with_its_denominator(tmp_path, scores):
    told: list[str] = []
    config = ExportConfig(format="csv", cutoff=0.2)
    export_scores(scores, str(tmp_path / "out"), config=config, storage=STORAGE, on_progress=told.append)
    assert told == ["read 2/2 media (100.0 %)"]


def test_the_model_cards_cutoff_is_taken_and_told(tmp_path, scores):
    done = run(scores, tmp_path / "out", "csv", cutoff=None)
    assert done.lines()[0] == (
        "kept        1 of 2 media (50.0 %): at or above the cutoff 0.5 (recommended by the model card)"
    )


def test_without_any_cutoff_nothing_is_written(tmp_path):
    scores = write_scores(tmp_path / "scores", ROWS, model={"training_locations": []})
    with pytest.raises(CutoffError, match="say with --cutoff"):
        run(scores, tmp_path / "out", "csv", cutoff=None)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"format": "camtrap-dp"}, "--timezone is missing: Camtrap DP wants instants"),
        ({"format": "wildlife-insights"}, "--project-id is missing"),
        (
            {"format": "csv", "timezone": "UTC"},
            "--timezone is for --format camtrap-dp: --format csv has no use",
        ),
        (
            {"format": "coco", "by_location": True},
            "--by-location is for --format megadetector: --format coco",
        ),
        ({"format": "megadetector", "columns": ("media_id",)}, "--columns is for --format csv and parquet"),
        ({"format": "csv", "columns": ("a", "a")}, "--columns a,a: each column once"),
        ({"format": "camtrap-dp", "timezone": "UTC", "base_url": "x"}, "--base-url: expected an address"),
        ({"format": "xml"}, "--format: input should be 'megadetector', 'camtrap-dp'"),
    ],
)
def test_options_that_do_not_fit_are_refused(settings, said):
    with pytest.raises(UsageError) as refusal:
        resolve(ExportConfig, settings)
    assert str(refusal.value).startswith(said)


def test_coordinates_that_nothing_uses_are_refused(tmp_path, scores):
    with pytest.raises(UsageError, match="--coordinates is for --format camtrap-dp and wildlife-insights"):
        run(scores, tmp_path / "out", "csv", coordinates="c.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "location,latitude\nS1,1\n",
            "has the columns location, latitude; expected latitude, longitude, and",
        ),
        ("location_id,latitude,longitude\nS1,91,0\n", "row 2 has the latitude 91, expected -90 to 90"),
        ("location_id,latitude,longitude\nS1,nan,0\n", "row 2 has the latitude nan, expected -90 to 90"),
        ("location_id,latitude,longitude\nS1,1N,0\n", "row 2 has the latitude '1N', expected degrees"),
        ("location_id,latitude,longitude\nS1,1,2\nS1,1,3\n", "row 3 gives location 'S1' another point"),
        ("location_id,latitude,longitude\n,1,2\n", "row 2 names no location and no deployment"),
        ("", "has the columns none; expected latitude, longitude, and location_id or"),
        ('location_id,latitude,longitude\n"S1,1,2\n', "cannot be read as CSV"),
    ],
)
def test_coordinates_that_are_none_are_refused(tmp_path, scores, text, said):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(UsageError) as refusal:
        run(scores, tmp_path / "out", "camtrap-dp", coordinates=str(tmp_path / "c.csv"))
    assert said in str(refusal.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.s3
@pytest.mark.parametrize("form", FORMATS)
def test_from_s3_to_s3(s3_bucket, form):
    scores = write_scores(f"s3://{s3_bucket}/scores", ROWS)
    out = f"s3://{s3_bucket}/exports/out"
    run(scores, out, form)
    storage = Storage()
    with pytest.raises(UsageError, match="pass --overwrite"):
        run(scores, out, form)
    if form in FOLDERS:
        assert len(storage.list_folder(out)) == 4
    else:
        assert storage.read_bytes(out)


def test_formats_are_those_of_the_configuration():
    allowed = ExportConfig.model_json_schema()["properties"]["format"]["enum"]
    assert list(FORMATS) == allowed
    assert exporting.FORMATS is FORMATS
    json.dumps(allowed)
