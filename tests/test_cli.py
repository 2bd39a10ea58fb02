"""The command line says what it can do, and one line when it cannot."""

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import blanktrap
from blanktrap.cli import main
from blanktrap.cli.root import print_lines
from blanktrap.core.errors import EngineError, SourceError
from blanktrap.core.schemas import MANIFEST_SCHEMA, SCORES_VERSION
from tests.core.cards import make_card

ROOT = Path(__file__).resolve().parents[1]
FLAGS = {
    "index": "--out --annotations --format --columns --label-from-path --megadetector-cutoff "
    "--skip-bad-rows --inventory --path-pattern --exif --sequence-gap --overwrite --no-sign-request",
    "select": "--out --by --shares --assign --val-from --test-from --keep-splits --num-images --balance "
    "--no-balance --frames --max-per-location --min-species --min-blank --min-nonblank --select-test "
    "--check-duplicates --check-sample --seed --overwrite --no-sign-request",
    "train": "--out --describe --folds --frames --weights --num-epochs --head-epochs --batch-size "
    "--micro-batch-size --learning-rate --layer-decay --weight-decay --label-smoothing "
    "--averaging-epochs --balance --patience --precision --calibration --image-size "
    "--letterbox --squash --banner-top --banner-bottom --auto-gamma --augment --no-augment "
    "--boxes --min-confidence --background --min-recall --seed --num-workers --use-gpu --name --storage "
    "--cache --no-sign-request",
    "score": "--model --out --num-gpus --min-actors --max-actors --batch-size --chunk-size --fetch-threads "
    "--precision --max-pixels --max-bytes --embeddings --no-sign-request",
    "evaluate": "--out --labels --compare --second-cutoff --tags --sample-errors --cutoff --min-recall "
    "--confidence --choose-on --strata --beta --blank-rate --num-archive-media --images-per-hour "
    "--hours-per-week --cost-per-hour --price-per-hour --audit-images --split --seed "
    "--allow-incomplete --allow-seen --overwrite --no-sign-request",
    "explain": "--out --scores --worst --boxes --min-confidence --with-people --location --label --split "
    "--num-images --precision --seed --augmentations --augment --no-augment --no-sign-request",
    "audit-labels": "--out --num-media --allow-seen --seed --overwrite --no-sign-request",
    "audit-discard": "--out --cutoff --num-images --answers --max-lost-share --confidence --seed "
    "--allow-incomplete --overwrite --no-sign-request",
    "suggest": "--out --num-images --shares --labels --cutoff --max-per-sequence --include-test "
    "--num-candidates --seed --allow-incomplete --overwrite --no-sign-request",
    "export": "--format --out --cutoff --review-below --keep-sequences --timezone --coordinates --levels "
    "--tables --base-url --project-id --by-location --columns --exact-names --allow-incomplete --overwrite "
    "--no-sign-request",
    "separate": "--to --mode --cutoff --review-below --keep-sequences --only --link --xmp --tag-key "
    "--dry-run --undo --allow-incomplete --no-sign-request",
    "demo": "--out --images --locations --difficulty --num-epochs --seed",
    "dashboard": "--address --port --password --no-sign-request",
    "plan": "--model --instances --machines --within-hours --chunk-size --took --no-sign-request",
    "submit": "--address --name --gpus --ship --wait --no-wait --status --stop --list",
    "cluster": "",
}
Capture = pytest.CaptureFixture[str]


def run(*arguments: str, command: str | None = None) -> int:
    """Run `blanktrap` with these arguments in this process and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["blanktrap", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main(command)
    code = stopped.value.code
    assert isinstance(code, int)
    return code


def refused(capsys: Capture, code: int, *arguments: str) -> str:
    """The one line on standard error with which the arguments are refused, less `blanktrap: `."""
    assert run(*arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = [line for line in captured.err.splitlines() if not re.fullmatch(r"listed \d+ files", line)]
    assert line.startswith("blanktrap: ")
    assert_well_worded(line)
    return line.removeprefix("blanktrap: ")


def assert_well_worded(line: str) -> None:
    """No Python shows through, and nothing is written double."""
    assert not re.search(r"\w  |Traceback|Error\(|<class|\\n|None\b|PosixPath|[(,] ?\)|::|\.\.$", line), line
    assert not re.search(r"threshold|[Dd]irectory '|\b[a-z]+_[a-z]+_[a-z]+\b", line), line


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """A manifest of four media without labels."""
    table = pa.table({"media_id": list("abcd"), "uri": [f"/{name}.jpg" for name in "abcd"]})
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(4, field.type)
        for field in MANIFEST_SCHEMA
    ]
    pq.write_table(pa.table(columns, schema=MANIFEST_SCHEMA), tmp_path / "manifest.parquet")
    return str(tmp_path / "manifest.parquet")


@pytest.fixture
def scores(tmp_path: Path) -> str:
    """What a scoring run leaves that has just begun."""
    folder = tmp_path / "scores"
    folder.mkdir()
    identity = {
        "manifest_digest": "sha256:1",
        "num_media": 4,
        "model_id": "m",
        "chunk_size": 4,
        "precision": "auto",
        "max_pixels": 1,
        "max_bytes": 1,
    }
    record = {"schema_version": SCORES_VERSION, "identity": identity, "sessions": []}
    (folder / "run.json").write_text(json.dumps(record))
    return str(folder)


# Help and version


@pytest.mark.parametrize("columns", ["80", "200"])
@pytest.mark.parametrize("command", FLAGS)
def test_help_names_every_flag_and_fits_a_terminal(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert run(command, "--help") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert set(re.findall(r"--[a-z-]+", captured.out)) == {*FLAGS[command].split(), "--help"}
    assert max(map(len, captured.out.splitlines())) <= 80
    assert "Ellipsis" not in captured.out
    assert not re.search(r"\.\.\.[\]}]\.\.\.", captured.out)


def test_help_lists_every_command_and_says_what_it_is_for(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run("--help") == 0
    printed = capsys.readouterr().out
    listed = re.findall(r"^  ([a-z-]+)  +\S", printed.partition("Commands:")[2], re.MULTILINE)
    assert listed == list(FLAGS)
    assert max(map(len, printed.splitlines())) <= 80
    assert "..." not in printed.partition("Commands:")[2]


def test_a_name_from_an_archive_moves_no_cursor_and_starts_no_line(capsys: Capture) -> None:
    print_lines(["  by location  a\x1b[31m\nwarning: b\u202e"])
    assert capsys.readouterr().out == "  by location  a\\x1b[31m\\nwarning: b\\u202e\n"


def test_no_arguments_show_the_help(capsys: Capture) -> None:
    assert run() == 0
    assert "Commands:" in capsys.readouterr().out


def test_version_is_the_packages(capsys: Capture) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"blanktrap {blanktrap.__version__}\n"


@pytest.mark.parametrize("command", ["index", "select", "train", "score", "evaluate", "export"])
def test_job_takes_the_options_of_the_command_of_its_name(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{command}.py", "--help"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "jobs" / f"{command}.py"), run_name="__main__")
    assert stopped.value.code == 0
    from_job = capsys.readouterr().out
    run(command, "--help")
    assert from_job == capsys.readouterr().out


def test_every_job_is_a_command() -> None:
    names = {path.stem for path in (ROOT / "jobs").glob("[a-z]*.py")}
    assert names
    assert names <= set(FLAGS)


def test_jobs_beside_a_select_find_pythons_own(tmp_path: Path) -> None:
    for command in ("select", "score"):
        done = subprocess.run(
            [sys.executable, str(ROOT / "jobs" / f"{command}.py"), "--help"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.stdout.startswith(f"Usage: blanktrap {command} ")


@pytest.mark.parametrize("start", [["jobs/score.py"], ["-m", "blanktrap", "score"]])
def test_process_of_its_own_ends_with_the_same_code(tmp_path: Path, start: list[str]) -> None:
    absent = str(tmp_path / "absent")
    arguments = [sys.executable, *start, absent, "--model", absent, "--out", absent]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"blanktrap: there is no manifest at {absent}")
    assert done.stderr.count("\n") == 1


# Bad usage


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("indexx", "indexx"),
        ("index --outt m", "--outt"),
        ("score m --out s", "--model"),
        ("score --model m --out s", "MANIFEST"),
        ("index folder", "--out"),
        ("train m", "missing --out"),
        ("train --out o", "missing MANIFEST"),
        ("train m --describe o", "give --describe MODEL alone"),
        ("index folder --out", "--out"),
        ("cluster", "missing command; see blanktrap cluster --help"),
        ("cluster check", "FILE"),
        ("submit", "give one of COMMAND, --status NAME, --stop NAME, --list"),
        ("submit --list --status a", "give one of COMMAND"),
        ("submit demo", "demo cannot be submitted: index, select, train, score, evaluate, export can"),
        ("submit score /m --modell n", "--modell"),
        ("submit score m --model /n --out /o", "m is relative"),
        ("submit index a=b --out /o", "b is relative"),
        ("submit train /m --out /o --boxes /a.json --boxes b.json", "b.json is relative"),
        ("explain", "MODEL"),
        ("explain m photos", "--out"),
        ("explain m --out o", "--scores"),
        ("explain m photos --scores s --out o", "--scores"),
        ("dashboard", "REPORT"),
        ("dashboard r --port 0", "--port"),
        ("dashboard r --address 0.0.0.0", "--password"),
        ("dashboard", "REPORT_OR_RUN"),
        ("evaluate s --out r --split half", "--split"),
        ("evaluate s --out r --cutoff high", "--cutoff"),
        ("train m --out o --balance fair", "--balance"),
        ("train m --out o --frames last", "--frames"),
        ("score m s2 --model m --out s", "s2"),
        ("--nonsense", "--nonsense"),
        ("export s --format csv --out -", "nothing is written to standard output (--out -)"),
        ("separate s --to=-", "nothing is written to standard output (--to -)"),
    ],
)
def test_what_the_command_line_does_not_know_is_one_line(capsys: Capture, arguments: str, words: str) -> None:
    said = refused(capsys, 2, *arguments.split())
    assert words in said
    assert said[0].islower()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("evaluate s --out r --cutoff 1.5", "--cutoff: input should be <= 1 (got 1.5)"),
        (
            "evaluate s --out r --sample-errors 1144",
            "--sample-errors 1144: expected missed:found, such as 1144:600",
        ),
        (
            "evaluate s --out r --sample-errors 0:0",
            "--sample-errors 0:0: expected missed:found, such as 1144:600",
        ),
        (
            "audit-discard q --answers a --cutoff 0.3 --seed 1",
            "--cutoff and --seed: only for drawing a sample, not with --answers",
        ),
        (
            "audit-discard s --out q --max-lost-share 0.1",
            "--max-lost-share: only for judging a sample: pass --answers too",
        ),
        ("audit-discard s --out q --num-images 0", "--num-images: input should be >= 1 (got 0)"),
        ("audit-discard q --answers a --confidence 1", "--confidence: input should be less than 1 (got 1.0)"),
        (
            "explain m photos --worst 4 --out o",
            "--worst finds errors by scores and labels: pass --scores too",
        ),
        (
            "explain m --scores s --worst 4 --num-images 9 --out o",
            "--worst says how many already: leave --num-images out",
        ),
        (
            "explain m --scores s --worst 4 --label blank --out o",
            "--worst takes media of both labels: leave --label out",
        ),
        (
            "plan m --instances g6.xlarge:spo",
            "--instances g6.xlarge:spo: expected spot or on-demand after the colon, got spo",
        ),
        ("plan m --machines 0", "--machines: input should be >= 1 (got 0)"),
        ("plan m --took s", "--took wants one --instances: the kind of machine that the run was on"),
        (
            "submit --name a/b score /m --model /n --out /o",
            "--name: must be up to 80 letters, digits, - and _ (got a/b)",
        ),
        (
            "submit --gpus 2 export /s --format csv --out /o",
            "--gpus: export uses none; score and train do",
        ),
        (
            "submit --address 127.0.0.1:6379 --list",
            "--address 127.0.0.1:6379: expected the address of Ray's dashboard, such as "
            "http://127.0.0.1:8265 (`ray dashboard cluster.yaml` brings it here)",
        ),
        ("explain m photos --num-images 0 --out o", "--num-images: input should be >= 1 (got 0)"),
        ("explain m photos --min-confidence 2 --out o", "--min-confidence: input should be <= 1 (got 2.0)"),
        (
            "explain m photos --min-confidence 0.3 --out o",
            "--min-confidence and --with-people say which boxes count: pass --boxes too",
        ),
        (
            "explain m photos --with-people --out o",
            "--min-confidence and --with-people say which boxes count: pass --boxes too",
        ),
        ("export s --format csv --out o --cutoff 2", "--cutoff: input should be <= 1 (got 2.0)"),
        (
            "export s --format csv --out o --cutoff 0.4 --review-below 0.1",
            "--review-below 0.1 is not above --cutoff 0.4: media between the two are for review",
        ),
        (
            "export s --format camtrap-dp --out o",
            "--timezone is missing: Camtrap DP wants instants, and a camera knows only its own clock; give "
            "what that was set to, such as UTC, +02:00 or Africa/Nairobi",
        ),
        (
            "export s --format camtrap-dp --out o --timezone Europe/Berlim",
            "--timezone 'Europe/Berlim': there is no such zone; expected UTC, an offset such as +02:00, or a "
            "name such as Africa/Nairobi; did you mean Europe/Berlin?",
        ),
        (
            "export s --format timelapse --out o --columns media_id",
            "--columns is for --format csv and parquet: --format timelapse has no use for it",
        ),
        (
            "audit-discard s",
            "--out is missing: give a folder for the review queue, or --answers to judge one",
        ),
        ("evaluate s --out r --cutoff nan", "--cutoff: input should be a finite number (got nan)"),
        ("evaluate s --out r --blank-rate 1.5", "--blank-rate: input should be <= 1 (got 1.5)"),
        (
            "evaluate s --out r --blank-rate half",
            "--blank-rate: expected a share from 0 to 1, or estimate (got half)",
        ),
        (
            "evaluate s --out r --strata night",
            "--strata says how to choose a promised cutoff: it needs --min-recall",
        ),
        ("evaluate s --out r --min-recall 1", "--min-recall: input should be less than 1 (got 1.0)"),
        (
            "evaluate s --out r --images-per-hour 0",
            "--images-per-hour: input should be greater than 0 (got 0.0)",
        ),
        (
            "train m --out o --image-size 5x",
            "--image-size 5x: expected the long side or width x height in pixels, such as 500 or 500x375",
        ),
        ("train m --out o --image-size 5x500", "--image-size: input should be >= 32 (got 5)"),
        ("train m --out o --image-size 30", "--image-size: input should be >= 32 (got 30)"),
        (
            "train m --out o --num-workers two",
            "--num-workers two: expected a number or two, such as 4 or 2-8",
        ),
        ("train m --out o --num-workers 0", "--num-workers: input should be >= 1 (got 0)"),
        ("train m --out o --num-workers 3-2", "--num-workers 3-2: the second number is the larger one"),
        (
            "train m --out o --name ../photos",
            "--name: expected one plain name, without / and no dot first, such as serengeti-1 "
            "(got ../photos)",
        ),
        ("train m --out o --micro-batch-size 0", "--micro-batch-size: input should be >= 1 (got 0)"),
        ("train m --out o --layer-decay 2", "--layer-decay: input should be <= 1 (got 2.0)"),
        ("train m --out o --patience -1", "--patience: input should be >= 1 (got -1)"),
        (
            "train m --out o --num-epochs 2 --head-epochs 2",
            "--head-epochs 2 leaves no epoch of 2 for the whole network",
        ),
        (
            "train m --out o --augment mist=1",
            "--augment mist=1: expected NAME=CHANCE, such as fog=0.1; names are flip, crop, max_cut, light, "
            "exposure, sun_flare, infrared, motion_blur, defocus, fog, rain, drops, grass, jpeg",
        ),
        (
            "train m --out o --augment fog",
            "--augment fog: expected NAME=CHANCE, such as fog=0.1; names are flip, crop, max_cut, light, "
            "exposure, sun_flare, infrared, motion_blur, defocus, fog, rain, drops, grass, jpeg",
        ),
        (
            "train m --out o --augment fog=",
            "--augment fog: input should be a valid number, unable to parse string as a number (got )",
        ),
        ("train m --out o --augment fog=2", "--augment fog: input should be <= 1 (got 2)"),
        ("train m --out o --augment fog=nan", "--augment fog: input should be a finite number (got nan)"),
        ("train m --out o --augment max-cut=0.9", "--augment max_cut: input should be <= 0.5 (got 0.9)"),
        (
            "train m --out o --min-confidence 0.5",
            "--min-confidence says which detections are boxes: pass --boxes too",
        ),
        (
            "train m --out o --boxes b --min-confidence 2",
            "--min-confidence: input should be <= 1 (got 2.0)",
        ),
        (
            "train m --out o --boxes b --no-augment",
            "--boxes spares animals from the crop, which is off: leave it out, or give --augment crop=0.5",
        ),
        ("train m --out o --folds 1", "--folds: input should be >= 2 (got 1)"),
        ("train m --out o --num-epochs 0", "--num-epochs: input should be >= 1 (got 0)"),
        ("train m --out o --learning-rate inf", "--learning-rate: input should be a finite number (got inf)"),
        ("select m --out o --shares a,b,c", "--shares a,b,c: expected three shares, such as 0.6,0.2,0.2"),
        ("select m --out o --shares 0.5,0.5", "--shares 0.5,0.5: expected three shares, such as 0.6,0.2,0.2"),
        ("select m --out o --shares 1,2", "--shares 1,2: expected three shares, such as 0.6,0.2,0.2"),
        ("select m --out o --shares 0.5,0.5,0.5", "--shares: 0.5, 0.5, 0.5 do not sum to 1"),
        ("select m --out o --shares 2,-1,0", "--shares: input should be <= 1 (got 2.0)"),
        (
            "select m --out o --by time --val-from 2013-02-30",
            "--val-from 2013-02-30: there is no such date, or it can be read in two ways; write 2013-06-01, "
            "or '2013-06-01 12:00'",
        ),
        ("select m --out o --val-from 2013-02-03", "--val-from goes with --by time: give both, or neither"),
        (
            "select m --out o --by time --val-from 2014-01-01 --test-from 2013-01-01",
            "--val-from 2014-01-01 00:00:00 is not before --test-from 2013-01-01 00:00:00: a test comes last",
        ),
        (
            "select m --out o --assign half=S1",
            "--assign half=S1: expected SPLIT=NAMES with train, val or test, such as test=S1,S2",
        ),
        (
            "select m --out o --assign test=S1,S2 --assign val=S2",
            "--assign: S2 is in the splits test and val: name it once",
        ),
        (
            "select m --out o --keep-splits --shares 0.5,0.5,0",
            "--keep-splits keeps the splits there are, --shares makes new ones: give one",
        ),
        ("select m --out o --num-images 0", "--num-images: input should be >= 1 (got 0)"),
        ("select m --out o --seed -1", "--seed: input should be >= 0 (got -1)"),
        ("score m --model m --out s --batch-size 0", "--batch-size: input should be >= 1 (got 0)"),
        (
            "score m --model m --out s --min-actors 3 --max-actors 2",
            "--max-actors 2 is below --min-actors 3",
        ),
        ("score m --model m --out s --max-bytes 0", "--max-bytes: input should be >= 1 (got 0)"),
        ("index f --out m --sequence-gap -1", "--sequence-gap: input should be >= 0 (got -1.0)"),
        (
            "index f --out m --path-pattern {place}",
            "--path-pattern '{place}' has {place}, known are {location}, {deployment}, {sequence}, {label} "
            "and {}",
        ),
        (
            "separate --to o",
            "SCORES is missing: give the folder that blanktrap score wrote, or --undo",
        ),
        ("separate --to o --undo --dry-run", "--dry-run and --undo do not go together: give one"),
        (
            "separate --to o --undo",
            "there is nothing to take back at o: it has no journal of `blanktrap separate`",
        ),
        (
            "separate s --to o --only blank",
            "--only blank: expected some of set_aside, review, keep, unreadable, such as keep,review",
        ),
        (
            "separate s --to o --mode copy --link hard",
            "--link hard goes with --mode link, not with --mode copy",
        ),
        (
            "separate s --to o --mode tag --xmp adobe",
            "--xmp writes beside separated files, and --mode tag makes none",
        ),
        ("separate s --to o --tag-key k", "--tag-key goes with --mode tag, not with --mode link"),
        ("demo --images 1", "--images: input should be >= 24 (got 1)"),
        ("demo --locations 1", "--locations: input should be >= 3 (got 1)"),
        ("demo --num-epochs 0", "--num-epochs: input should be >= 1 (got 0)"),
        ("index --out m", "nothing to index: give a folder, s3://bucket/prefix/ or a list of URIs"),
    ],
)
def test_value_out_of_range_names_its_flag(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = said.replace(">=", "greater than or equal to").replace("<=", "less than or equal to")
    assert refused(capsys, 2, *arguments.split()) == said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["index", "", "--out", "m"],
        ["index", "archive", "--out", ""],
        ["select", "", "--out", "m"],
        ["evaluate", "s", "--out", ""],
        ["export", "s", "--format", "csv", "--out", ""],
        ["score", "", "--model", "m", "--out", "s"],
    ],
)
def test_empty_path_is_refused_and_nothing_lands_elsewhere(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "archive").mkdir()
    monkeypatch.chdir(tmp_path)
    assert refused(capsys, 2, *arguments) == "a path is empty: give a folder, or s3://bucket/prefix"
    assert list(tmp_path.iterdir()) == [tmp_path / "archive"]


# Runs that fail


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
