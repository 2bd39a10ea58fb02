"""What goes to a cluster with a job: the package's own files and nothing else.

Owns: the working directory made of a checkout, and the wheel made of an installed package. Refuses: all
that is not the package: data, results, environments, Git, and credentials stay where they are.

Nothing is left out by a list of names, it is the other way round: only the package's folders are copied.
"""

import base64
import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import blanktrap
from blanktrap.core.errors import SourceError, UsageError

PACKAGE = Path(blanktrap.__file__).resolve().parent
_SHIPPED_FOLDERS = ("blanktrap", "jobs")
_SHIPPED_FILES = ("pyproject.toml",)
MAX_BYTES = 50 * 1024 * 1024
# The earliest time that a zip can hold: the same files give the same wheel, which a cluster then has already.
_WHEEL_TIME = (1980, 1, 1, 0, 0, 0)


def is_checkout(root: Path) -> bool:
    """Whether a folder is a checkout, with the entry points of jobs beside the package."""
    return (root / "pyproject.toml").is_file() and (root / "jobs" / "score.py").is_file()


def copy_checkout(target: Path, *, root: Path = PACKAGE.parent) -> int:
    """Copy what a job needs of a checkout into an empty folder.

    Args:
        target: the folder to make.
        root: the checkout.

    Returns:
        Bytes copied.

    Raises:
        UsageError: the package is not run from a checkout.
        SourceError: more than `MAX_BYTES`: something is in the package's folders that does not belong.
    """
    if not is_checkout(root):
        raise UsageError(
            f"--ship checkout: {root} is no checkout (no pyproject.toml and jobs/): use --ship wheel"
        )
    files = [(path, path.relative_to(root)) for name in _SHIPPED_FOLDERS for path in _files(root / name)]
    files += [(root / name, Path(name)) for name in _SHIPPED_FILES]
    num_bytes = sum(path.stat().st_size for path, _ in files)
    _refuse_large(root, num_bytes)
    for path, relative in files:
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / relative)
    return num_bytes


def build_wheel(folder: Path, *, package: Path = PACKAGE) -> Path:
    """Make a wheel of the package as it is installed here.

    It names no dependencies: the nodes have them, in the versions of constraints.txt, and installing it
    downloads nothing.

    Args:
        folder: where the wheel is written.
        package: the package's folder.

    Returns:
        The wheel.

    Raises:
        SourceError: more than `MAX_BYTES`.
    """
    files = [(path, f"blanktrap/{path.relative_to(package).as_posix()}") for path in _files(package)]
    _refuse_large(package, sum(path.stat().st_size for path, _ in files))
    content = {name: path.read_bytes() for path, name in files}
    info = f"blanktrap-{blanktrap.__version__}.dist-info"
    content[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: blanktrap\nVersion: {blanktrap.__version__}\n".encode()
    )
    content[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: blanktrap submit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    wheel = folder / f"blanktrap-{blanktrap.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name, _WHEEL_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return wheel


def _files(folder: Path) -> Iterator[Path]:
    """The files below a folder in order, less what Python made and what is hidden; links are not followed."""
    for path in sorted(folder.iterdir()):
        if path.name == "__pycache__" or path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _refuse_large(where: Path, num_bytes: int) -> None:
    if num_bytes > MAX_BYTES:
        raise SourceError(
            f"{where} would ship {num_bytes / 1e6:.0f} MB, more than {MAX_BYTES / 1e6:.0f}: "
            f"are there data among the package's files? Move them out"
        )


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
