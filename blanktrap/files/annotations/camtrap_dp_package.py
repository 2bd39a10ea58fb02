"""The files of a Camtrap DP package: which version it is, and which files hold its three tables.

Owns: `datapackage.json`, and telling the tables by their columns where there is none. Refuses: rows; those
are `camtrap_dp`. A path in a descriptor is only ever compared with the names of files that the user gave or
that lie beside the descriptor; none is opened by it.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from blanktrap.core.errors import AnnotationError
from blanktrap.core.paths import file_name_of
from blanktrap.files.annotations.cells import has_columns
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.staging import AnnotationStage
from blanktrap.files.s3 import one_line

_TABLES = ("deployments", "media", "observations")

_MAX_BYTES = 256 * 1024 * 1024
_VERSION = re.compile(r"camtrap-dp/v?(\d+)\.(\d+)")
_DESCRIPTOR = "datapackage.json"


def is_descriptor(file: AnnotationFile) -> bool:
    """Whether a file is a package's descriptor, by its name or by the profile it names early on."""
    head = file.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith(b"{"):
        return False
    return file.name.lower() == _DESCRIPTOR or (b"camtrap-dp" in head and b'"resources"' in head)


def table_of(file: AnnotationFile) -> str | None:
    """Which of the three tables a file is, by columns that only it has."""
    own = {
        "observations": ("observationLevel", "observationType", "deploymentID"),
        "media": ("mediaID", "deploymentID", "filePath"),
        "deployments": ("deploymentID", "latitude", "longitude"),
    }
    return next((table for table, columns in own.items() if has_columns(file, columns)), None)


def tables_among(
    descriptor: AnnotationFile | None, files: Sequence[AnnotationFile]
) -> dict[str, list[AnnotationFile]]:
    """The files of each table: as the descriptor says, else one each by their columns.

    Raises:
        AnnotationError: one is not there, or the package is of version 0.x, or of 2.0 and later.
    """
    if descriptor is not None:
        return _described_tables(descriptor, [one for one in files if one is not descriptor])
    tables: dict[str, list[AnnotationFile]] = {}
    for table in _TABLES:
        found = next((one for one in files if table_of(one) == table), None)
        if found is None:
            raise AnnotationError(
                f"{files[0].where} is one of Camtrap DP's tables, and that of {table} is not there: put it "
                f"and datapackage.json beside it, or give them with --annotations too"
            )
        tables[table] = [found]
    return tables


def say_version(file: AnnotationFile, stage: AnnotationStage) -> None:
    """Count a version that is not quite known. Raises AnnotationError as `tables_among`."""
    version = _version_of(file)
    if version is None:
        stage.problems.add("package that names no Camtrap DP version, read as 1.0", file.where)
    elif version[1]:
        example = f"{file.where}: {version[0]}.{version[1]}"
        stage.problems.add("package of a later version, read as 1.0", example)


def _version_of(file: AnnotationFile) -> tuple[int, int] | None:
    """The version that the profile names.

    Raises:
        AnnotationError: it is 0.x, or 2.0 and later, whose tables may mean something else.
    """
    profile = _descriptor_of(file).get("profile")
    found = _VERSION.search(profile) if isinstance(profile, str) else None
    if found is None:
        return None
    major, minor = int(found[1]), int(found[2])
    if major != 1:
        raise AnnotationError(
            f"{file.where} is Camtrap DP {major}.{minor}, whose tables are not those of 1.x: export it again "
            f"as Camtrap DP 1.0"
        )
    return major, minor


def _described_tables(
    file: AnnotationFile, others: Sequence[AnnotationFile]
) -> dict[str, list[AnnotationFile]]:
    # A package of another version lacks tables because they are called otherwise.
    _version_of(file)
    resources = _resources_of(file)
    return {table: _files_of(table, resources.get(table), file, others) for table in _TABLES}


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
