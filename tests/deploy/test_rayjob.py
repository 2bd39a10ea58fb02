"""deploy/rayjob.yaml is a RayJob, of this project's versions, whose command this blanktrap understands."""

import copy
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import ray
import typer
import yaml
from jsonschema import Draft202012Validator

import blanktrap
from blanktrap.cli.root import app

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "tests" / "deploy" / "rayjob.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def job() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "rayjob.yaml").read_text(encoding="utf-8"))
    return found


def faults(job: dict[str, Any]) -> list[str]:
    return [fault.json_path for fault in Draft202012Validator(SCHEMA).iter_errors(job)]


def test_it_is_a_ray_job(job: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert faults(job) == []


def test_the_schema_refuses_what_kuberay_does_not_know(job: dict[str, Any]) -> None:
    for change, where in [
        (lambda j: j["spec"].update(entrypont="x"), "$.spec"),
        (lambda j: j["spec"].pop("entrypoint"), "$.spec"),
        (
            lambda j: j["spec"]["rayClusterSpec"]["workerGroupSpecs"][0].pop("maxReplicas"),
            "workerGroupSpecs[0]",
        ),
        (
            lambda j: j["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"].update(a=0),
            "rayStartParams",
        ),
    ]:
        changed = copy.deepcopy(job)
        change(changed)
        found = faults(changed)
        assert len(found) == 1
        assert where in found[0]


def test_versions_and_command_are_this_projects(job: dict[str, Any]) -> None:
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == ray.__version__
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    containers = [one for group in groups for one in group["template"]["spec"]["containers"]]
    assert {one["image"].rpartition(":")[2] for one in containers} == {blanktrap.__version__}
    python, module, package, command, *arguments = shlex.split(job["spec"]["entrypoint"])
    assert (python, module, package, command) == ("python", "-m", "blanktrap", "score")
    parsed = typer.main.get_group(app).commands["score"].make_context("score", arguments)
    # As many actors as there may be GPUs.
    assert parsed.params["max_actors"] == cluster["workerGroupSpecs"][0]["maxReplicas"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
