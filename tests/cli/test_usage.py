"""What a command does not take is one line, and nothing is written."""

from pathlib import Path

import pytest

from tests.cli.commands import Capture, refused


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
