"""The command line's root: the application, the options that several commands share, what is printed.

Owns: exit codes (0 done, 1 failed, 2 bad usage) and the form of output and error lines. Refuses: doing any
of the work, and heavy imports: each command imports what it needs when it runs, so `--help` answers at once.
"""

import logging
import sys
from itertools import pairwise
from typing import Annotated

import typer

import blanktrap
from blanktrap.core.errors import BlanktrapError, UsageError

app = typer.Typer(
    name="blanktrap",
    help="Find the blank images in a camera-trap archive, and say how many animals a cutoff would lose.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

NoSignRequest = Annotated[
    bool, typer.Option("--no-sign-request", help="Read public S3 buckets without credentials.")
]
OverwriteManifest = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier manifest at --out.")]
# What every command that acts on scores is told; `DecisionConfig` holds it.
Cutoff = Annotated[
    float | None,
    typer.Option(help="Media at or above it are kept, the rest set aside (default: the model card's)."),
]
ReviewBelow = Annotated[
    float | None,
    typer.Option(
        help="Media from the cutoff up to here are for review, kept only from here on (default: none are)."
    ),
]
KeepSequences = Annotated[
    bool,
    typer.Option("--keep-sequences", help="A blank frame stays where another frame of its sequence is kept."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"blanktrap {blanktrap.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is being done.")] = False,
) -> None:
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("blanktrap").setLevel(level)


def print_lines(lines: list[str]) -> None:
    """Print what a command has to say, each line as one, whatever a name from an archive in it holds."""
    for line in lines:
        print(_plain(line))


def run(command: str | None = None) -> None:
    """Run the command line; `command` is put before the arguments by the entry points in `jobs/`."""
    arguments = sys.argv[1:] if command is None else [command, *sys.argv[1:]]
    try:
        _refuse_standard_output(arguments)
        code = app(args=arguments or ["--help"], prog_name="blanktrap", standalone_mode=False)
    except BlanktrapError as problem:
        _print_error(str(problem))
        sys.exit(problem.exit_code)
    except typer.TyperException as problem:
        _print_error(_reworded(problem))
        sys.exit(problem.exit_code)
    sys.exit(code or 0)


def _refuse_standard_output(arguments: list[str]) -> None:
    """Raise UsageError for `--out -`: a file of that name would be written, which nobody means."""
    for flag, value in [*pairwise(arguments), *(one.split("=", 1) for one in arguments if "=" in one)]:
        if flag in ("--out", "--to") and value == "-":
            raise UsageError(
                f"nothing is written to standard output ({flag} -): give a file or folder, or ./- for one "
                "that is called so"
            )


def _reworded(problem: typer.TyperException) -> str:
    """What typer found wrong, in the form of our own messages."""
    message = (
        problem.format_message().replace("Value error, ", "").replace(": Input should", ": input should")
    )
    message = f"{message[:1].lower()}{message[1:].rstrip('.')}"
    context = getattr(problem, "ctx", None)
    if context is None or message.endswith("?"):
        return message
    return f"{message}; see {context.command_path} --help"


def _print_error(message: str) -> None:
    """Print one line, whatever a file name in it holds."""
    print(f"blanktrap: {_plain(' '.join(message.split()))}", file=sys.stderr)


def _plain(line: str) -> str:
    """Control characters as text: a name must not move the cursor or start a line of its own."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
