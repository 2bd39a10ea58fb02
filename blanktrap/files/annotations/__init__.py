"""Annotation files: one module a format, told apart by content.

Owns: the list of formats and the choice among them. Refuses: everything about a single format.
"""

from pathlib import Path

from blanktrap.core.errors import AnnotationError
from blanktrap.files.annotations.coco import CocoCameraTraps
from blanktrap.files.annotations.staging import AnnotationFormat, AnnotationStage, StagedAnnotations
from blanktrap.files.annotations.table import LabelTable
from blanktrap.files.s3 import is_s3
from blanktrap.files.storage import Storage, local_path

# In the order in which they are asked. A new format is a module here and one more entry.
FORMATS: tuple[AnnotationFormat, ...] = (CocoCameraTraps(), LabelTable())

_HEAD_BYTES = 64 * 1024


def stage_annotations(storage: Storage, location: str, folder: Path, number: int) -> StagedAnnotations:
    """Read an annotation file of any known format into staged tables.

    Args:
        storage: the door to the bytes.
        location: the file, local or on S3.
        folder: a local folder for the staged tables.
        number: which annotation file it is; names the tables.

    Raises:
        AnnotationError: no format knows it, or it cannot be understood.
        SourceError: it cannot be read.
    """
    head = storage.read_range(location, 0, _HEAD_BYTES)
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise AnnotationError(f"{location} is packed (zip or gzip): unpack it first")
    if not head.strip():
        raise AnnotationError(f"{location} is empty")
    chosen = next((one for one in FORMATS if one.recognises(head)), None)
    if chosen is None:
        names = ", ".join(one.name for one in FORMATS)
        first = head[:60].decode("utf-8", errors="replace").split("\n")[0].strip()
        raise AnnotationError(
            f"{location} is of no known annotation format ({names}; a CSV needs the columns path and label); "
            f"it begins with {first!r}"
        )
    if is_s3(location):
        path = folder / f"annotations-{number}.download"
        storage.download(location, path)
    else:
        path = local_path(location)
    stage = AnnotationStage(folder / f"media-{number}.parquet", folder / f"observations-{number}.parquet")
    try:
        chosen.read(path, location, stage)
    finally:
        stage.close()
    return StagedAnnotations(where=location, format_name=chosen.name, stage=stage)
