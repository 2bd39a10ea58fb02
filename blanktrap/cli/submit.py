"""`blanktrap submit`."""

import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blanktrap.cli.root import app, print_lines
from blanktrap.core.config import Shipment, SubmitConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.core.wording import duration, moment
from blanktrap.files.shipping import PACKAGE, build_wheel, copy_checkout, is_checkout

if TYPE_CHECKING:
    from blanktrap.engines.submitting import Job, JobServer

JOB_COMMANDS = ("index", "select", "train", "score", "evaluate", "export")
# Arguments that name a place: in a job a relative one would be a folder that Ray removes.
_PLACES = frozenset(
    {
        "sources",
        "manifest",
        "model",
        "scores",
        "out",
        "annotations",
        "labels",
        "inventory",
        "storage",
        "boxes",
    }
)
_LAST_LINES = 5


def submit(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND",
            help="index, select, train, score, evaluate or export, with its own options.",
            show_default=False,
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Ray's dashboard (default RAY_API_SERVER_ADDRESS, or http://127.0.0.1:8265)."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the run; a run of that name that ended is gone on with.")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(help="GPUs for score (so many actors) or train (so many workers).")
    ] = None,
    ship: Annotated[
        Shipment | None,
        typer.Option(help="What goes along: checkout, wheel of what is installed, or nothing."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show what it prints until it ends (default).")
    ] = True,
    status: Annotated[str | None, typer.Option(metavar="NAME", help="Say how a run does.")] = None,
    stop: Annotated[
        str | None, typer.Option(metavar="NAME", help="Stop a run; what it finished stays.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the runs on the cluster.")] = False,
) -> None:
    """Run a command on a cluster, as a Ray job."""
    asked = [bool(command), status is not None, stop is not None, list_]
    if sum(asked) != 1:
        raise UsageError(
            "give one of COMMAND, --status NAME, --stop NAME, --list; blanktrap's options come before COMMAND"
        )
    settings = resolve(SubmitConfig, {"name": name, "gpus": gpus, "ship": ship})
    if command:
        _start(_checked(command, settings), settings, address=address, wait=wait)
        return
    from blanktrap.engines.submitting import JobServer

    server = JobServer(address)
    if list_:
        print_lines(_listed(server.jobs()))
    elif status is not None:
        job = _known(server, status)
        print_lines(
            [_state(job), *(["it ended with:"] if job.is_over else ["it says:"]), *_tail(server, job)]
        )
    elif stop is not None:
        job = _known(server, stop)
        if job.is_over:
            print_lines([f"nothing to stop: {_state(job)}"])
        else:
            print_lines([_state(server.stop(job)), _how_to_go_on(job)])


def _start(arguments: list[str], settings: SubmitConfig, *, address: str | None, wait: bool) -> None:
    """Start a run, or find it at work, and watch it."""
    from blanktrap.engines.submitting import JobServer, default_name

    server = JobServer(address)
    name = settings.name or default_name(arguments)
    job = server.latest(name)
    if job is not None and not job.is_over:
        if job.arguments != tuple(arguments):
            raise UsageError(
                f"--name {name}: a run of that name is at work with other arguments "
                f"({shlex.join(job.arguments)}): stop it with --stop {name}, or give another name"
            )
        print_lines([f"{name} is at work already"])
    else:
        with tempfile.TemporaryDirectory(prefix="blanktrap-submit-") as folder:
            entrypoint, runtime_env = _pack(arguments, settings.ship, Path(folder))
            job = server.start(name, arguments, entrypoint=entrypoint, runtime_env=runtime_env)
        again = f", start {job.attempt}: it goes on where it was" if job.attempt > 1 else ""
        print_lines([f"submitted {name} to {server.address}{again}"])
    if not wait:
        print_lines([f"look at it with: blanktrap submit --status {name}"])
        return
    _watch(server, job)


def _watch(server: "JobServer", job: "Job") -> None:
    """Show what a job prints; Ctrl-C asks what is to end, the job or the watching."""
    printed = _Lines()
    try:
        job = server.follow(job, printed.add)
    except KeyboardInterrupt:
        if _wants_stop(job):
            print_lines([_state(server.stop(job)), _how_to_go_on(job)])
        else:
            print_lines([f"{job.name} goes on; look at it with: blanktrap submit --status {job.name}"])
        raise typer.Exit(1) from None
    printed.end()
    print_lines([_state(job)])
    if job.state != "SUCCEEDED":
        print_lines([_how_to_go_on(job)])
        raise typer.Exit(job.exit_code or 1)


class _Lines:
    """Prints text that comes in pieces, a whole line at a time."""

    def __init__(self) -> None:
        self._rest = ""

    def add(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        print_lines(lines)
        sys.stdout.flush()

    def end(self) -> None:
        if self._rest:
            print_lines([self._rest])


def _wants_stop(job: "Job") -> bool:
    """Ask whether the job is to stop too; where nobody can answer, it goes on."""
    if not sys.stdin.isatty():
        return False
    try:
        answer = input(f"\nstop {job.name} on the cluster too? [y/N] ")
    except (EOFError, KeyboardInterrupt):
        return False
    return answer.strip().casefold() in ("y", "yes")


def _pack(arguments: list[str], ship: Shipment, folder: Path) -> tuple[str, dict[str, Any]]:
    """The shell command that runs on the cluster, and what goes along, in Ray's words."""
    if ship == "auto":
        ship = "checkout" if is_checkout(PACKAGE.parent) else "wheel"
    if ship == "checkout":
        copy_checkout(folder / "checkout")
        words = ["python", f"jobs/{arguments[0]}.py", *arguments[1:]]
        return shlex.join(words), {"working_dir": str(folder / "checkout")}
    words = ["python", "-m", "blanktrap", *arguments]
    return shlex.join(words), {"py_modules": [str(build_wheel(folder))]} if ship == "wheel" else {}


def _checked(command: list[str], settings: SubmitConfig) -> list[str]:
    """The command with its arguments, parsed here so that a slip costs no start of a job."""
    name, *arguments = command
    if name not in JOB_COMMANDS:
        raise UsageError(f"{name} cannot be submitted: {', '.join(JOB_COMMANDS)} can")
    if settings.gpus is not None:
        if name not in ("score", "train"):
            raise UsageError(f"--gpus: {name} uses none; score and train do")
        for_gpus = {
            "score": ["--num-gpus", "1", "--max-actors", str(settings.gpus)],
            "train": ["--use-gpu", "--num-workers", str(settings.gpus)],
        }
        arguments += for_gpus[name]
    parsed = typer.main.get_group(app).commands[name].make_context(f"blanktrap {name}", list(arguments))
    for parameter, value in parsed.params.items():
        if parameter not in _PLACES:
            continue
        places = value if isinstance(value, list | tuple) else [value]
        for place in (str(place) for place in places if place is not None):
            # A source may be written NAME=SOURCE.
            location = place.partition("=")[2] or place
            if "://" not in location and not location.startswith("/"):
                raise UsageError(
                    f"{location} is relative, and a job runs in a folder that Ray removes: give s3://, or a "
                    f"path from / that all nodes share"
                )
    return [name, *arguments]


def _known(server: "JobServer", name: str) -> "Job":
    job = server.latest(name)
    if job is None:
        raise UsageError(f"there is no run {name} on {server.address}: see blanktrap submit --list")
    return job


def _listed(jobs: "list[Job]") -> list[str]:
    """One line a run: its newest start."""
    newest = {job.name: job for job in jobs}
    return [_state(job) for job in newest.values()] or ["no run was submitted to this cluster"]


def _state(job: "Job") -> str:
    """`serengeti (score): running for 3 min 05 s, start 2`."""
    words = {"PENDING": "waits", "RUNNING": "runs", "STOPPED": "was stopped", "SUCCEEDED": "is done"}
    code = f" with exit code {job.exit_code}" if job.exit_code else ""
    told = words.get(job.state, f"failed{code}")
    if job.started_s is not None:
        took = (job.ended_s or time.time()) - job.started_s
        told += f" {'after' if job.is_over else 'for'} {duration(took)}"
        told += f", started {moment(int(job.started_s) * 1000)} UTC"
    again = f", start {job.attempt}" if job.attempt > 1 else ""
    return f"{job.name} ({job.arguments[0] if job.arguments else '?'}) {told}{again}"


def _how_to_go_on(job: "Job") -> str:
    return f"what it finished stays: the same submit goes on ({' '.join(job.arguments[:2])} …)"


def _tail(server: "JobServer", job: "Job") -> list[str]:
    lines = [line for line in server.log(job).splitlines() if line.strip()]
    return [f"  {line}" for line in lines[-_LAST_LINES:]] or ["  nothing yet"]
