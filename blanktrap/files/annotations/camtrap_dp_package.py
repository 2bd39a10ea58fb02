"""The descriptor of a Camtrap DP package: which version it is, and which files hold its three tables.

Owns: `datapackage.json`. Refuses: rows; those are `camtrap_dp`. A path in a descriptor is only ever compared
with the names of files that the user gave or that lie beside the descriptor; none is opened by it.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from blanktrap.core.errors import AnnotationError
from blanktrap.core.paths import file_name_of
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.staging import AnnotationStage
from blanktrap.files.s3 import one_line

TABLES = ("deployments", "media", "observations")

_MAX_BYTES = 256 * 1024 * 1024
_VERSION = re.compile(r"camtrap-dp/v?(\d+)\.(\d+)")
_DESCRIPTOR = "datapackage.json"


def is_descriptor(file: AnnotationFile) -> bool:
    """Whether a file is a package's descriptor, by its name or by the profile it names early on."""
    head = file.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith(b"{"):
        return False
    return file.name.lower() == _DESCRIPTOR or (b"camtrap-dp" in head and b'"resources"' in head)


def tables_of(file: AnnotationFile, others: Sequence[AnnotationFile]) -> dict[str, list[AnnotationFile]]:
    """The files of each of the three tables, chosen among `others`.

    Raises:
        AnnotationError: the descriptor cannot be understood, or a file of a table is not there.
    """
    resources = _resources_of(file)
    return {table: _files_of(table, resources.get(table), file, others) for table in TABLES}


def check_version(file: AnnotationFile, stage: AnnotationStage) -> None:
    """Refuse packages whose tables differ from those of 1.x, and count what is not quite known.

    Raises:
        AnnotationError: the package is of version 0.x, or of 2.0 and later.
    """
    profile = _descriptor_of(file).get("profile")
    found = _VERSION.search(profile) if isinstance(profile, str) else None
    if found is None:
        stage.problems.add("package that names no Camtrap DP version, read as 1.0", file.where)
        return
    major, minor = int(found[1]), int(found[2])
    if major != 1:
        raise AnnotationError(
            f"{file.where} is Camtrap DP {major}.{minor}, whose tables are not those of 1.x: export it again "
            f"as Camtrap DP 1.0"
        )
    if minor:
        stage.problems.add("package of a later version, read as 1.0", f"{file.where}: {major}.{minor}")


def _resources_of(file: AnnotationFile) -> dict[str, dict[str, Any]]:
    resources = _descriptor_of(file).get("resources")
    if not isinstance(resources, list):
        raise AnnotationError(f"{file.where} has no list of resources: it describes no Camtrap DP package")
    found: dict[str, dict[str, Any]] = {}
    for resource in resources:
        if isinstance(resource, dict) and isinstance(resource.get("name"), str):
            found.setdefault(resource["name"].strip().lower(), resource)
    return found


def _descriptor_of(file: AnnotationFile) -> dict[str, Any]:
    if file.path.stat().st_size > _MAX_BYTES:
        raise AnnotationError(
            f"{file.where} has over {_MAX_BYTES:,} bytes, as no descriptor of a package does"
        )
    try:
        descriptor = json.loads(file.path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise AnnotationError(f"{file.where} is broken JSON ({one_line(problem)[:200]})") from problem
    if not isinstance(descriptor, dict):
        raise AnnotationError(f"{file.where} holds no object: it describes no Camtrap DP package")
    return descriptor


def _files_of(
    table: str, resource: dict[str, Any] | None, file: AnnotationFile, others: Sequence[AnnotationFile]
) -> list[AnnotationFile]:
    if resource is None:
        raise AnnotationError(
            f"{file.where} has no resource {table}: it describes no complete Camtrap DP package"
        )
    paths = resource.get("path")
    paths = [paths] if isinstance(paths, str) else paths
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
        raise AnnotationError(f"{file.where}: resource {table} names no file (path), which is needed")
    return [_file_of(path, table, file, others) for path in paths]


def _file_of(path: str, table: str, file: AnnotationFile, others: Sequence[AnnotationFile]) -> AnnotationFile:
    """The file at a path, else the only one of its name: a package may have been flattened."""
    name = file_name_of(path).removesuffix(".gz")
    named = [one for one in others if one.name == name]
    found = [one for one in named if _without_gz(one.where) == _without_gz(f"{file.folder}/{path}")]
    if len(found or named) == 0 or (not found and len({one.where for one in named}) > 1):
        is_remote = "://" in path
        what = f"is at {path}: download it to" if is_remote else f"is {path}, which is not there: put it in"
        raise AnnotationError(
            f"{file.where}: the table of {table} {what} the folder of the descriptor, or give it with "
            f"--annotations too"
        )
    return (found or named)[0]


def _without_gz(where: str) -> str:
    return where.removesuffix(".gz")
