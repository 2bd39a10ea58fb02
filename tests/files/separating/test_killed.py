"""Killed at any step and started again, a separation ends complete and its undoing exact: kill -9, many "
"times."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.files.separating.archives import Archive, snapshot, tree

ROOT = Path(__file__).resolve().parents[3]
NUM_MEDIA = 14
NUM_ARCHIVES = int(os.environ.get("BLANKTRAP_KILLED_ARCHIVES", "4"))
CONFIGS = {
    "link": {"mode": "link"},
    "symbolic": {"mode": "link", "link": "symbolic"},
    "copy": {"mode": "copy"},
    "move": {"mode": "move"},
    "sidecars": {"mode": "link", "xmp": "digikam"},
}


class Runner:
    """A process that runs `separate` in processes that are killed."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.files.separating.killed_runs"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, archive, config, *, undo=False, kill_at=None):
        order = [str(archive.root / "scores"), str(archive.to), {"cutoff": 0.3, **config}, undo, kill_at]
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def runner():
    runner = Runner()
    yield runner
    runner.process.stdin.close()
    runner.process.wait()


def fresh(folder: Path) -> Archive:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    archive = Archive(folder)
    for number in range(NUM_MEDIA):
        archive.add(f"S{number % 3}/{number}.jpg", [0.9, 0.1, None][number % 3])
    archive.add("S1/gone.jpg", 0.9, content=False)
    return archive


def prepared(folder: Path) -> Archive:
    archive = fresh(folder)
    archive.plan()  # writes the scores
    return archive


def assert_complete(archive, originals, mode):
    """Every media is where it belongs, once, and nothing else is there."""
    folders = ["keep", "set_aside", "unreadable"]
    wanted = {
        f"{folders[number % 3]}/S{number % 3}/{number}.jpg": f"image S{number % 3}/{number}.jpg".encode()
        for number in range(NUM_MEDIA)
    }
    separated = archive.separated()
    sidecars = [name for name in separated if name.endswith(".xmp")]
    assert sorted(sidecars) == ([f"{name}.xmp" for name in sorted(wanted)] if mode == "sidecars" else [])
    assert {name: what for name, what in separated.items() if name not in sidecars} == wanted
    assert archive.originals() == ({} if mode == "move" else originals)
    assert [name for name in tree(archive.to) if ".blanktrap-" in name] == []


@pytest.mark.parametrize("mode", CONFIGS)
def test_killed_at_random_steps_a_separation_ends_complete(tmp_path, runner, mode):
    chance = random.Random(mode)
    config, num_killed = CONFIGS[mode], 0
    for _ in range(NUM_ARCHIVES):
        archive = prepared(tmp_path / "a")
        originals = archive.originals()
        while (ended := runner.run(archive, config, kill_at=chance.randrange(1, 120))) == "killed":
            num_killed += 1
            # Nothing is lost at any moment: every content is somewhere.
            everywhere = set(tree(archive.root / "archive").values()) | set(archive.separated().values())
            assert set(originals.values()) <= everywhere
        assert ended == "done"
        assert_complete(archive, originals, mode)
    assert num_killed >= NUM_ARCHIVES


@pytest.mark.parametrize("mode", CONFIGS)
def test_killed_at_random_steps_an_undoing_leaves_everything_as_it_was(tmp_path, runner, mode):
    chance = random.Random(mode)
    config, num_killed = CONFIGS[mode], 0
    for _ in range(NUM_ARCHIVES):
        archive = prepared(tmp_path / "a")
        before = snapshot(archive.root / "archive")
        # What is taken back may itself have been killed half way.
        runner.run(archive, config, kill_at=chance.randrange(30, 200))
        if not archive.to.exists():
            continue
        while runner.run(archive, config, undo=True, kill_at=chance.randrange(1, 90)) == "killed":
            num_killed += 1
            contents = {what[1] for what in snapshot(archive.root / "archive").values()}
            assert {what[1] for what in before.values()} <= contents | set(archive.separated().values())
        assert snapshot(archive.root / "archive") == before
        # Killed as the first record was made or after the last one went, an empty folder may remain.
        assert not archive.to.exists() or list(archive.to.iterdir()) == []
    assert num_killed >= NUM_ARCHIVES // 2


@pytest.mark.parametrize("mode", ["link", "move"])
def test_killed_at_every_step_in_turn_nothing_is_lost(tmp_path, runner, mode):
    step, ended = 0, "killed"
    while ended == "killed":
        archive = prepared(tmp_path / "a")
        originals = archive.originals()
        ended = runner.run(archive, CONFIGS[mode], kill_at=step)
        assert runner.run(archive, CONFIGS[mode]) == "done"
        assert_complete(archive, originals, mode)
        step += 17
    assert step > 100
