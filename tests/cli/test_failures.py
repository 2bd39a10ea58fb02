"""Runs that fail say why in one line, and leave what was there alone."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blanktrap.cli import main
from blanktrap.core.errors import EngineError, SourceError
from tests.cli.commands import Capture, assert_well_worded, refused, run
from tests.core.cards import make_card


def test_folder_without_images_is_bad_usage(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = refused(capsys, 2, "index", f"{tmp_path}/empty", "--out", f"{tmp_path}/m")
    assert said == f"no images in {tmp_path}/empty"
    assert not (tmp_path / "m").exists()


def test_missing_folder_fails(capsys: Capture, tmp_path: Path) -> None:
    said = refused(capsys, 1, "index", f"{tmp_path}/absent", "--out", f"{tmp_path}/m")
    assert said == f"there is no {tmp_path}/absent"
    assert not (tmp_path / "m").exists()


@pytest.mark.s3
def test_missing_bucket_fails(capsys: Capture, tmp_path: Path, s3_server: str) -> None:
    said = refused(capsys, 1, "index", "s3://no-such-bucket-here/S1/", "--out", f"{tmp_path}/m")
    assert said.startswith("there is no bucket no-such-bucket-here")
    assert not (tmp_path / "m").exists()


@pytest.mark.s3
def test_bucket_that_is_missing_is_not_written_to(
    capsys: Capture, tmp_path: Path, s3_server: str, make_jpeg: Callable[..., bytes]
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg())
    said = refused(capsys, 1, "index", str(tmp_path), "--out", "s3://no-such-bucket-here/m")
    assert said.startswith("there is no bucket no-such-bucket-here")


@pytest.mark.parametrize("command", ["select", "train", "score"])
def test_missing_manifest_fails(capsys: Capture, tmp_path: Path, command: str) -> None:
    model = ["--model", str(tmp_path)] if command == "score" else []
    said = refused(capsys, 1, command, f"{tmp_path}/absent", *model, "--out", f"{tmp_path}/out")
    assert said == (
        f"there is no manifest at {tmp_path}/absent: it is empty or absent; make one with blanktrap index"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["select", "train", "score"])
def test_scores_are_no_manifest(capsys: Capture, tmp_path: Path, scores: str, command: str) -> None:
    model = ["--model", str(tmp_path)] if command == "score" else []
    said = refused(capsys, 1, command, scores, *model, "--out", f"{tmp_path}/out")
    assert said == f"{scores} is a scores dataset, not a manifest: give the folder that index wrote"


def test_missing_model_fails_before_anything_is_written(
    capsys: Capture, tmp_path: Path, manifest: str
) -> None:
    said = refused(capsys, 1, "score", manifest, "--model", f"{tmp_path}/m", "--out", f"{tmp_path}/out")
    assert said.startswith(f"there is no model at {tmp_path}/m: give a folder with model.json and ")
    assert not (tmp_path / "out").exists()


def test_select_without_labels_fails(capsys: Capture, tmp_path: Path, manifest: str) -> None:
    said = refused(capsys, 1, "select", manifest, "--out", f"{tmp_path}/out")
    assert said == f"{manifest} has no labels: index it with --annotations, then select again"
    assert not (tmp_path / "out").exists()


def test_train_without_labels_fails(capsys: Capture, tmp_path: Path, manifest: str) -> None:
    said = refused(capsys, 1, "train", manifest, "--weights", "none", "--out", f"{tmp_path}/out")
    assert "label" in said
    assert not (tmp_path / "out").exists()


def test_a_model_card_is_described(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(make_card().model_dump_json())
    assert run("train", "--describe", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert out.startswith("model resnet34-")
    assert "recommended cutoff 0.3" in out


def test_a_hostile_model_card_moves_no_cursor(capsys: Capture, tmp_path: Path) -> None:
    card = json.loads(make_card().model_dump_json())
    card.update(
        limits="\x1b[2J\x1b]0;owned\x07 line\nmodel resnet34-fake",
        training_locations=["\x1b[31mA\r", "\u202eB", "L" * 100_000],
        label_counts={"train/blank": 1, "\x1b[0m": 2},
        warnings=["W" * 10_000] * 1000,
    )
    (tmp_path / "model.json").write_text(json.dumps(card))
    assert run("train", "--describe", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in out)
    assert sum(line.startswith("model ") for line in out.splitlines()) == 1
    assert len(out) < 15_000


def test_describing_what_is_no_model_is_one_line(capsys: Capture, tmp_path: Path) -> None:
    said = refused(capsys, 1, "train", "--describe", f"{tmp_path}/absent")
    assert said.startswith(f"there is no model at {tmp_path}/absent")
    (tmp_path / "model.json").write_text("[" * 100_000)
    assert "it is no JSON" in refused(capsys, 1, "train", "--describe", str(tmp_path))


def test_evaluate_on_nothing_fails(capsys: Capture, tmp_path: Path) -> None:
    said = refused(capsys, 1, "evaluate", f"{tmp_path}/absent", "--out", f"{tmp_path}/out")
    assert said == f"{tmp_path}/absent is no scores dataset: nothing is there"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["megadetector", "parquet"])
def test_export_of_nothing_or_of_an_unfinished_run_fails(
    capsys: Capture, tmp_path: Path, scores: str, form: str
) -> None:
    out = ["--format", form, "--out", f"{tmp_path}/out"]
    said = refused(capsys, 1, "export", f"{tmp_path}/absent", *out)
    assert said == f"{tmp_path}/absent is no scores dataset: nothing is there"
    said = refused(capsys, 1, "export", scores, *out)
    assert said.startswith(f"{scores} is incomplete (0 of 1 parts): run the same `blanktrap score` again")
    assert not (tmp_path / "out").exists()


def test_evaluate_on_an_unfinished_run_fails(capsys: Capture, tmp_path: Path, scores: str) -> None:
    said = refused(capsys, 1, "evaluate", scores, "--out", f"{tmp_path}/out")
    assert said.startswith(f"{scores} is incomplete (0 of 1 parts): run the same `blanktrap score` again")


@pytest.mark.parametrize("command", ["index", "evaluate"])
def test_output_that_holds_something_else_is_left_alone(
    capsys: Capture, tmp_path: Path, scores: str, make_jpeg: Callable[..., bytes], command: str
) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "a.jpg").write_bytes(make_jpeg())
    source = {"index": f"{tmp_path}/archive", "evaluate": scores}[command]
    before = (Path(scores) / "run.json").read_bytes()
    said = refused(capsys, 1, command, source, "--out", scores, "--overwrite")
    assert scores in said
    assert "run.json" in said
    assert [path.name for path in Path(scores).iterdir()] == ["run.json"]
    assert (Path(scores) / "run.json").read_bytes() == before


@pytest.mark.parametrize("command", ["index", "evaluate", "select"])
def test_output_that_is_a_file_is_left_alone(
    capsys: Capture, tmp_path: Path, scores: str, manifest: str, make_jpeg: Callable[..., bytes], command: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg())
    source = {"index": str(tmp_path), "evaluate": scores, "select": manifest}[command]
    said = refused(capsys, 1, command, source, "--out", f"{tmp_path}/a.jpg")
    assert said.startswith(f"{tmp_path}/a.jpg is a file: give --out a folder")
    refused(capsys, 1, command, source, "--out", f"{tmp_path}/a.jpg/below")
    assert (tmp_path / "a.jpg").read_bytes() == make_jpeg()


@pytest.mark.parametrize(("error", "code"), [(SourceError, 1), (EngineError, 1)])
def test_error_of_several_lines_is_printed_as_one(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, error: type[Exception], code: int
) -> None:
    def fail(**_: object) -> None:
        raise error("a file called\nnew line.jpg\tis \x1b[31mred")

    monkeypatch.setattr("blanktrap.cli.root.app", fail)
    assert run("index") == code
    [line] = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line
    assert "new line.jpg" in line


def test_what_was_asked_to_stop_stops_without_a_traceback(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("blanktrap.files.indexing.build_manifest", interrupt)
    assert run("index", str(tmp_path), "--out", f"{tmp_path}/m") == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("undo", [False, True])
def test_a_separation_that_is_stopped_says_how_to_go_on(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, undo: bool
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("blanktrap.files.separating.run.separate_media", interrupt)
    monkeypatch.setattr("blanktrap.files.separating.undo.undo_separation", interrupt)
    said = refused(capsys, 1, "separate", *(["--undo"] if undo else ["s"]), "--to", "sorted")
    assert "in the journal; run the same command again to go on" in said
    assert ("take it back with `blanktrap separate --to sorted --undo`" in said) != undo


def test_index_prints_what_it_found(capsys: Capture, tmp_path: Path, make_jpeg: Callable[..., bytes]) -> None:
    (tmp_path / "archive").mkdir()
    for number in range(3):
        (tmp_path / "archive" / f"{number}.jpg").write_bytes(make_jpeg(number))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["blanktrap", "index", f"{tmp_path}/archive", "--out", f"{tmp_path}/m"])
        with pytest.raises(SystemExit) as stopped:
            main()
    assert stopped.value.code == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("indexed 3 media of 3 files in ")
    for line in captured.out.splitlines():
        assert_well_worded(line)
    assert "listed 3 files" in captured.err
