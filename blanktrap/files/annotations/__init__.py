"""Annotation files: one module a format, told apart by content.

Owns: the list of formats and the choice among them. Refuses: everything about a single format.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blanktrap.core.errors import AnnotationError, UsageError
from blanktrap.files.annotations.camtrap_dp import CamtrapDp
from blanktrap.files.annotations.coco import CocoCameraTraps
from blanktrap.files.annotations.corrections import Corrections
from blanktrap.files.annotations.formats import AnnotationFormat, ReadOptions
from blanktrap.files.annotations.megadetector import MegaDetectorResults
from blanktrap.files.annotations.opening import AnnotationFile, OpenedAnnotations
from blanktrap.files.annotations.serengeti import SnapshotSerengeti
from blanktrap.files.annotations.serengeti_dryad import SnapshotSerengetiDryad
from blanktrap.files.annotations.staging import AnnotationStage, StagedAnnotations
from blanktrap.files.annotations.table import LabelTable
from blanktrap.files.annotations.wildlife_insights import WildlifeInsights
from blanktrap.files.storage import Storage

# In the order in which they are asked: what recognises itself by more comes first. A new format is a module
# here and one more entry.
FORMATS: tuple[AnnotationFormat, ...] = (
    Corrections(),
    SnapshotSerengeti(),
    SnapshotSerengetiDryad(),
    CamtrapDp(),
    WildlifeInsights(),
    MegaDetectorResults(),
    CocoCameraTraps(),
    LabelTable(),
)

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class StagedSets:
    """All that `--annotations` names, staged."""

    sets: list[StagedAnnotations] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    """Files in a named folder or zip that belong to no format."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Set:
    leader: AnnotationFile
    format: AnnotationFormat
    companions: list[AnnotationFile]


def stage_annotations(
    storage: Storage, locations: Sequence[str], folder: Path, options: ReadOptions, *, format_key: str = AUTO
) -> StagedSets:
    """Read annotation files of any known format into staged tables.

    Args:
        storage: the door to the bytes.
        locations: files, folders and zips, local or on S3.
        folder: a local folder for the staged tables, and for what is fetched and unpacked.
        options: what the user asked of the formats.
        format_key: `auto`, or the key of the one format that is allowed.

    Raises:
        UsageError: `options.columns` names what no table has.
        AnnotationError: no format knows a file, a companion is missing, or a file cannot be understood.
        SourceError: one cannot be read.
    """
    opened = OpenedAnnotations(storage, locations, folder)
    sets, passed_over = _choose(opened, format_key, options)
    staged = []
    for number, one in enumerate(sets):
        stage = AnnotationStage(
            folder / f"media-{number}.parquet",
            folder / f"observations-{number}.parquet",
            skip_bad_rows=options.skip_bad_rows,
        )
        try:
            one.format.read([one.leader, *one.companions], stage, options)
        finally:
            stage.close()
        staged.append(
            StagedAnnotations(
                where=one.leader.where,
                format_name=one.format.name,
                stage=stage,
                companions=tuple(file.name for file in one.companions),
            )
        )
    return StagedSets(sets=staged, passed_over=[file.where for file in passed_over])


def holds_labels(storage: Storage, location: str) -> bool:
    """Whether a file that stands for something else is a table of labels. Raises SourceError."""
    with tempfile.TemporaryDirectory(prefix="blanktrap-labels-") as folder:
        files = OpenedAnnotations(storage, [location], Path(folder)).given
        return any({"path", "label"} <= set(LabelTable().places(file.columns)) for file in files)


def _choose(
    opened: OpenedAnnotations, format_key: str, options: ReadOptions
) -> tuple[list[_Set], list[AnnotationFile]]:
    """Which file leads a set of which format, and the files of named folders that belong to none."""
    formats = [one for one in FORMATS if format_key in (AUTO, one.key)]
    if options.columns:
        # Named columns make a table one, whatever else its header might be taken for.
        formats = [LabelTable(options.columns), *(one for one in formats if one.key != LabelTable.key)]
    sets: list[_Set] = []
    taken: set[AnnotationFile] = set()
    # Format by format, so that a general one does not take what belongs to a set of a particular one.
    for one in formats:
        for file in opened.given:
            if file not in taken and one.recognises(file):
                companions = one.companions(file, opened.others(file))
                sets.append(_Set(leader=file, format=one, companions=companions))
                taken.update([file, *companions])
    if options.columns and not any(one.format is formats[0] for one in sets):
        raise UsageError(_unnamed(options.columns, opened.given))
    left = [file for file in opened.given if file not in taken]
    for file in left:
        if not file.is_member:
            raise AnnotationError(_unknown(file, formats))
    if left and not sets:
        raise AnnotationError(_unknown(left[0], formats))
    places = {file: at for at, file in enumerate(opened.given)}
    return sorted(sets, key=lambda one: places[one.leader]), left


def _unnamed(columns: Mapping[str, str], given: list[AnnotationFile]) -> str:
    tables = [file for file in given if len(file.columns) > 1]
    if not tables:
        return "--columns is for a table of labels: give a CSV or Parquet file to --annotations"
    missing = sorted({name for name in columns.values() if name.lower() not in tables[0].columns})
    return (
        f"--columns names {', '.join(missing)}, which {tables[0].where} has not: it has "
        f"{', '.join(tables[0].columns)}"
    )


def _unknown(file: AnnotationFile, formats: list[AnnotationFormat]) -> str:
    is_table = len(file.columns) > 1
    what = f"has the columns {', '.join(file.columns)}" if is_table else _beginning(file.head)
    way_on = ""
    if is_table and any(isinstance(one, LabelTable) for one in formats):
        way_on = "; for a table of your own, --columns path=…,label=… says what its columns are called"
    if len(formats) == 1:
        wanted = "a table of labels" if isinstance(formats[0], LabelTable) else formats[0].name
        return f"{file.where} is not {wanted}, which --format asks for: it {what}{way_on}"
    names = ", ".join(one.name for one in formats)
    return f"{file.where} is of no known annotation format ({names}): it {what}{way_on}"


def _beginning(head: bytes) -> str:
    first = head[:60].decode("utf-8", errors="replace").strip().split("\n")[0].strip()
    if not first.isprintable() or "\N{REPLACEMENT CHARACTER}" in first:
        return "is no text"
    return f"begins with {first!r}" if first else "is empty"
