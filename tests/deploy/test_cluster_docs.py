"""docs/cluster.md shows commands that this blanktrap understands, and the policies that the tests tried."""

import re
import shlex
from pathlib import Path

import typer

from blanktrap.cli.root import app
from blanktrap.cli.submit import _checked
from blanktrap.core.config import SubmitConfig
from blanktrap.core.planning.prices import PRICES_STATED, REGION
from blanktrap.core.planning.speeds import CPU_IMAGES_PER_S, REFERENCE_INPUT_PX, Workload, gpu_images_per_s

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    return [shlex.split(line) for line in PAGE.splitlines() if line.startswith("blanktrap ")]


def test_every_command_is_understood() -> None:
    group = typer.main.get_group(app)
    found = commands()
    for _, name, *arguments in found:
        if name == "cluster":
            assert arguments == ["check", "cluster.yaml"]
            continue
        parsed = group.commands[name].make_context(name, list(arguments)).params
        if parsed.get("command"):
            _checked(list(parsed["command"]), SubmitConfig(gpus=parsed["gpus"]))
    assert {name for _, name, *_ in found} >= {"index", "plan", "submit", "cluster", "dashboard"}
    assert len(found) == 11


def test_the_policy_is_that_which_was_tried() -> None:
    [shown] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert shown == (ROOT / "deploy" / "iam" / "worker-policy.json").read_text(encoding="utf-8")


def test_the_figures_are_those_of_the_tables() -> None:
    assert f"{REGION}, stated in {PRICES_STATED}" in PAGE
    workload = Workload(num_media=1, mean_bytes=0.0, input_px=REFERENCE_INPUT_PX)
    low = [round(gpu_images_per_s(gpu, workload)[0]) for gpu in ("L4", "A10G", "T4")]
    assert f"modelled: {low[0]}, {low[1]} and {low[2]} images/s at the low" in PAGE
    for low_speed, high_speed in CPU_IMAGES_PER_S.values():
        assert f"| {low_speed:g} images/s | {high_speed:g} images/s |" in PAGE
    decode_low, decode_high = workload.decode_s()
    assert f"| {1000 * decode_high:g} ms + 22 ms a MB | {1000 * decode_low:g} ms + 7 ms a MB |" in PAGE
