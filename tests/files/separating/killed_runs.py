"""Runs `separate` and `--undo` in processes that kill themselves at a given step, and says how each ended.

`python -m tests.files.separating.killed_runs` reads one JSON list a line, `[scores, to, config, undo,
kill_at]`, and answers with a line: `done`, `killed`, or what went wrong. Every run is a process of its own,
forked from this one, which has the imports behind it. `kill_at` counts the steps that the interpreter is
about to take on the disk (opening, linking, renaming, removing, making folders, and flushing); at that one
the process sends itself SIGKILL.
"""

import json
import os
import signal
import sys

import pandas  # noqa: F401, which Arrow would import in every process anew

from blanktrap.core.config import SeparateConfig
from blanktrap.files.separating import run, undo
from blanktrap.files.storage import Storage

EVENTS = frozenset(
    {
        "open",
        "os.link",
        "os.symlink",
        "os.rename",
        "os.remove",
        "os.mkdir",
        "os.rmdir",
        "os.truncate",
        "os.utime",
    }
)
BATCH_SIZE = 4


def kill_at(step):
    """Arrange for a SIGKILL before the step of this number."""
    left = [step]

    def count(*_):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, arguments):
        # Not what the interpreter opens to import a module late.
        if event in EVENTS and "-packages" not in str(arguments[0]):
            count()

    sys.addaudithook(hook)
    plain_write = os.write

    def fsync(_):
        """What a process wrote outlives it without this; only a power cut is another matter."""
        count()

    def write(file, data):
        """A record may be torn anywhere."""
        left[0] -= 1
        if left[0] < 0:
            plain_write(file, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return plain_write(file, data)

    os.fsync, os.write = fsync, write


def act(scores, to, config, is_undo):
    if is_undo:
        undo.undo_separation(to, storage=Storage())
    else:
        settings = SeparateConfig(**config)
        run.separate_media(scores, to, config=settings, storage=Storage(), batch_size=BATCH_SIZE)


def run_once(scores, to, config, is_undo, step):
    child = os.fork()
    if child == 0:
        try:
            if step is not None:
                kill_at(step)
            act(scores, to, config, is_undo)
        except BaseException as problem:  # noqa: BLE001
            sys.stderr.write(f"{problem!r}\n")
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"signal {os.WTERMSIG(status)}"
    return "done" if os.WEXITSTATUS(status) == 0 else "failed"


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(run_once(*json.loads(line)) + "\n")
        sys.stdout.flush()
