"""Commands run in this process: all of them with their flags, and the one line with which they refuse."""

import re
import sys

import pytest

from blanktrap.cli import main

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
