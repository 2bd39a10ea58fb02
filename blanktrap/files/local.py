"""Local files: written whole or not at all, and what the operating system's answers mean.

Owns: the staged file that takes its target's place, and the translation of the system's errors into one
line. Refuses: names and URIs; those are `storage`.
"""

import errno
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from blanktrap.core.errors import BlanktrapError, SourceError
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError, one_line, shown

STAGING_PREFIX = ".blanktrap-"

# What is wrong with the one file that was asked for. Everything else (no more file handles, a full or
# failing disk, a network disk that went away) says nothing of it.
_FAULTS_OF_A_FILE = {errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL}

# A staged file younger than this may belong to a writer that is still at work.
_LEFT_BEHIND_S = 3600.0


@contextmanager
def staging(uri: str, target: Path) -> Iterator[Path]:
    """Yield a path that takes the target's place when the block ends well, and is removed when not.

    Args:
        uri: what errors call the target.
        target: the local path; its folder is made.

    Raises:
        SourceError: the target cannot be written.
    """
    try:
        staged = target.with_name(f"{STAGING_PREFIX}{uuid.uuid4().hex}")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield staged
            _to_disk(staged)
            staged.replace(target)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as problem:
        raise_local(uri, problem)


def _to_disk(path: Path) -> None:
    """Wait until the bytes are on the disk: after a power cut a renamed file must not be empty."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def remove_left_behind(folder: Path) -> None:
    """Remove the staged files of writers that were killed over an hour ago. Raises SourceError."""
    if not folder.is_dir():
        return
    for path in folder.glob(f"{STAGING_PREFIX}*"):
        try:
            if time.time() - path.stat().st_mtime > _LEFT_BEHIND_S:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer has just put it in its place
        except OSError as problem:
            raise_local(str(path), problem)


def raise_local(uri: str, problem: Exception) -> NoReturn:
    """Say in one line what the operating system answered."""
    if isinstance(problem, BlanktrapError):
        raise problem  # what went wrong in the block around a file says more
    name = shown(uri)
    if isinstance(problem, FileNotFoundError | NotADirectoryError):
        raise ObjectMissingError(f"there is no {name}") from problem
    if isinstance(problem, PermissionError):
        raise ObjectDeniedError(f"no permission for {name}") from problem
    reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else one_line(problem)
    if isinstance(problem, OSError) and problem.errno not in _FAULTS_OF_A_FILE:
        raise SourceError(f"{name}: {reason}") from problem
    raise ObjectDeniedError(f"{name}: {reason}") from problem
