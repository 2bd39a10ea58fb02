"""A scoring run in a process of its own, and reading what it wrote."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from blanktrap.core.config import Preprocessing, TrainConfig
from blanktrap.files.manifest import open_manifest
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage

STORAGE = Storage()
NUM_MEDIA = 245


class Driver:
    """`blanktrap score`, or another command, in a process group of its own, to be watched and killed."""

    def __init__(self, *arguments: str, command: str = "score") -> None:
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "blanktrap", command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def actors(self) -> list[psutil.Process]:
        """The inference actors of the run."""
        found = []
        for process in self.descendants():
            try:
                if "ScoreActor" in " ".join(process.cmdline()):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def wait_for_parts(self, out: Path, num_parts: int) -> None:
        """Wait until so many parts are written; fail if the run ends before."""
        while len(list(out.glob("part-*.parquet"))) < num_parts:
            try:
                self.process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"the run ended early:\n{self.process.communicate()[0]}")

    def wait_for_epoch(self, location: Path, epoch: int) -> None:
        """Wait until the state of an epoch stands; fail if the run ends before."""
        latest = location / "latest.json"
        while not latest.exists() or json.loads(latest.read_text())["epoch"] < epoch:
            try:
                self.process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"the run ended early:\n{self.process.communicate()[0]}")

    def kill(self) -> None:
        """kill -9 the driver, and see that its Ray goes too."""
        family = self.descendants()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        # Ray's two agents leave too, but only after a minute of telling a server that is gone.
        agents = [one for one in family if is_alive(one) and one.name().endswith("Agent")]
        for agent in agents:
            agent.kill()
        deadline = time.monotonic() + 60
        while left := [one for one in family if is_alive(one)]:
            assert time.monotonic() < deadline, f"still running: {left}"
            psutil.wait_procs(left, timeout=0.1)

    def finish(self) -> str:
        """Wait for the end and return what was printed."""
        return self.process.communicate()[0]


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def save_random_model(folder: Path, *, seed: int = 0, preprocessing: Preprocessing | None = None) -> str:
    """Write a checkpoint with random weights, and return its location."""
    import torch

    from blanktrap.core.evaluation.model_facts import ModelFacts
    from blanktrap.core.model_card import ValidationFigures
    from blanktrap.vision.checkpoints import save_checkpoint
    from blanktrap.vision.network import build_network

    torch.manual_seed(seed)
    preprocessing = preprocessing or Preprocessing()
    network = build_network("none", preprocessing.num_channels)
    # Away from 0.5, so that rounding shows and wrong pixels would.
    head = network.fc.frame if preprocessing.num_channels > 3 else network.fc
    torch.nn.init.normal_(head.weight, std=0.5)
    save_checkpoint(
        STORAGE,
        str(folder),
        network,
        config=TrainConfig(weights="none", preprocessing=preprocessing),
        manifest_digest="sha256:none",
        training_locations=(),
        label_counts={},
        facts=ModelFacts(
            metrics=ValidationFigures(
                num_media=1,
                num_nonblank=1,
                num_locations=0,
                average_precision=None,
                area_under_roc=None,
                nonblank_recall=1.0,
                blank_recall=None,
                nonblank_precision=None,
            ),
            recommended_cutoff=0.5,
        ),
    )
    return str(folder)


def read_scores(out: str) -> pa.Table:
    """All rows of a finished scores dataset."""
    return pa.concat_tables(open_scores(STORAGE, out).iter_tables(STORAGE))


def assert_every_media_once(out: str, manifest: str) -> pa.Table:
    """The promise: the manifest's rows, in its order, each exactly once."""
    table = read_scores(out)
    wanted = pa.concat_tables(open_manifest(STORAGE, manifest).iter_tables(STORAGE))
    assert table.column("media_id").to_pylist() == wanted.column("media_id").to_pylist()
    return table
