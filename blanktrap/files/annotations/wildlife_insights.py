"""A Wildlife Insights export: images, perhaps one table a project, with deployments, projects and sequences.

Owns: what its columns say. Only `is_blank` makes an image blank; an image that has no name yet is open.
In sequence projects people judge sequences, and the label is one of the sequence.
Refuses: settling dates such as 5/6/19, unless other dates of the export show which number is the month.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from blanktrap.core.errors import AnnotationError
from blanktrap.core.times import DateOrder, DateOrderEvidence
from blanktrap.core.vocabulary import Label, LabelLevel, label_of_name, species_of_name
from blanktrap.files.annotations.cells import has_columns, require_columns
from blanktrap.files.annotations.formats import BadRowError, ReadOptions
from blanktrap.files.annotations.joining import join_database
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.rows import table_rows
from blanktrap.files.annotations.staging import AnnotationStage

_IMAGE_COLUMNS = ("image_id", "deployment_id", "filename", "timestamp")
_SEQUENCE_COLUMNS = ("sequence_id", "deployment_id", "is_blank")
_DEPLOYMENT_COLUMNS = ("deployment_id", "placename")
_PROJECT_COLUMNS = ("project_id", "project_type")

_IS_BLANK = {"1": True, "true": True, "0": False, "false": False, "": False}

# From the species' own name to the widest group that somebody could tell.
_NAMES = ("common_name", "genus", "family", "order", "class")

_IMAGES = {
    "row": pa.int64(),
    "image_id": pa.string(),
    "project_id": pa.string(),
    "deployment_id": pa.string(),
    "address": pa.string(),
    "filename": pa.string(),
    "taken": pa.string(),
    "sequence_id": pa.string(),
}

# Several identifications of an image are several rows.
_UNIQUE = """
CREATE TABLE known AS
SELECT image_id, min(row) AS row, any_value(project_id) AS project_id,
    any_value(deployment_id) AS deployment_id,
    any_value(address) AS address, any_value(filename) AS filename, any_value(taken) AS taken,
    any_value(sequence_id) AS sequence_id
FROM images GROUP BY image_id
HAVING count(DISTINCT concat_ws('|', project_id, deployment_id, address, filename)) = 1
"""

_SHARED_IDS = """
SELECT image_id FROM images GROUP BY image_id
HAVING count(DISTINCT concat_ws('|', project_id, deployment_id, address, filename)) > 1
"""

_DEPLOYMENTS = "SELECT DISTINCT project_id, deployment_id FROM known WHERE deployment_id <> '' ORDER BY ALL"

_NAMED = """
SELECT row, image_id, project_id, deployment_id, address, filename, taken, sequence_id,
    count(*) OVER (PARTITION BY project_id, deployment_id, filename) = 1 AS is_own_name
FROM known
"""


class WildlifeInsights:
    """`images.csv` or `images_….csv`, with the other tables of the export where they are."""

    name = "Wildlife Insights"
    key = "wildlife-insights"

    def recognises(self, file: AnnotationFile) -> bool:
        return _is_images(file) or _is_sequences(file) or _is_whole_deployments(file)

    def companions(self, file: AnnotationFile, others: Sequence[AnnotationFile]) -> list[AnnotationFile]:
        beside = [one for one in others if one.is_given or one.folder == file.folder]
        # A neighbouring table of images that was not named may be of a project that is not wanted.
        images = [one for one in beside if _is_images(one) and one.is_given and one.folder == file.folder]
        if not _is_images(file) and not images:
            images = [one for one in beside if _is_images(one)][:1]
            if not images:
                raise AnnotationError(
                    f"{file.where} is part of a Wildlife Insights export: put its images.csv "
                    f"({', '.join(_IMAGE_COLUMNS)}) beside it, or give it with --annotations too"
                )
        sequences = [one for one in beside if _is_sequences(one)]
        is_labelled = any(has_columns(one, ("is_blank",)) for one in (file, *images, *sequences))
        if not is_labelled:
            raise AnnotationError(
                f"{file.where} has no column is_blank, as in a sequence project: put its sequences.csv "
                f"({', '.join(_SEQUENCE_COLUMNS)}) beside it, or give it with --annotations too"
            )
        rest = [one for one in beside if _is_deployments(one) or _is_projects(one)]
        return [*images, *sequences, *rest]

    def read(self, files: Sequence[AnnotationFile], stage: AnnotationStage, options: ReadOptions) -> None:
        images = [one for one in files if _is_images(one)]
        sequences = [one for one in files if _is_sequences(one)]
        for one in images:
            require_columns(one, _IMAGE_COLUMNS, "a Wildlife Insights table of images")
        places = _read_places([one for one in files if _is_deployments(one)], stage)
        projects = _read_projects([one for one in files if _is_projects(one)], stage)
        reader = _ImageReader(stage, projects, by_sequence=bool(sequences))
        with join_database(stage.media_path.parent, files[0].where) as database:
            database.load("images", _IMAGES, reader.rows(images))
            database.execute(_UNIQUE)
            for (image_id,) in database.rows(_SHARED_IDS):
                stage.problems.add("image_id of several files, used for none", image_id)
            for project_id, deployment_id in database.rows(_DEPLOYMENTS):
                if (project_id, deployment_id) not in places.by_deployment:
                    stage.problems.add("deployments that no table places, taken as places", deployment_id)
            for found in database.rows(_NAMED):
                _stage_image(found, reader, places, stage, images[0].where)
        for one in sequences:
            _stage_sequences(one, stage)


def _is_images(file: AnnotationFile) -> bool:
    return has_columns(file, ("image_id", "deployment_id", "filename")) and (
        has_columns(file, ("is_blank",)) or has_columns(file, ("sequence_id",))
    )


def _is_sequences(file: AnnotationFile) -> bool:
    return has_columns(file, _SEQUENCE_COLUMNS) and not has_columns(file, ("image_id",))


def _is_deployments(file: AnnotationFile) -> bool:
    return has_columns(file, _DEPLOYMENT_COLUMNS) and not has_columns(file, ("image_id",))


def _is_whole_deployments(file: AnnotationFile) -> bool:
    """Whether a file that the user named is surely this export's table of deployments, and no one's own."""
    return not file.is_member and has_columns(file, ("project_id", "start_date", *_DEPLOYMENT_COLUMNS))


def _is_projects(file: AnnotationFile) -> bool:
    return has_columns(file, _PROJECT_COLUMNS) and not has_columns(file, ("deployment_id",))


@dataclass(frozen=True, kw_only=True)
class _Places:
    """The place of each deployment, and which names several projects use."""

    by_deployment: Mapping[tuple[str, str], str | None]
    shared: frozenset[str]
    """Names of places and deployments that several projects use for what is not the same."""

    def qualify(self, project_id: str, name: str) -> str:
        """The name, behind its project's id where another project uses it too."""
        return f"{project_id}/{name}" if name in self.shared and project_id else name


def _read_places(files: Sequence[AnnotationFile], stage: AnnotationStage) -> _Places:
    found: dict[tuple[str, str], str | None] = {}
    for file in files:
        for row, cells in table_rows(file, stage.bad_row):
            project_id, deployment_id = cells.get("project_id", "").strip(), cells["deployment_id"].strip()
            place = cells["placename"].strip()
            if not deployment_id:
                stage.bad_row(file.where, f"row {row}", BadRowError("has no deployment_id"))
            elif place and found.setdefault((project_id, deployment_id), place) != place:
                stage.problems.add("deployments that are there twice, at several places", deployment_id)
                found[project_id, deployment_id] = None
    users = {
        (project_id, name)
        for (project_id, deployment_id), place in found.items()
        for name in (place, deployment_id)
        if name is not None
    }
    counts = Counter(name for _, name in users)
    return _Places(by_deployment=found, shared=frozenset(name for name, count in counts.items() if count > 1))


def _read_projects(files: Sequence[AnnotationFile], stage: AnnotationStage) -> dict[str, bool]:
    """Which projects are judged by sequence."""
    return {
        cells["project_id"].strip(): cells["project_type"].strip().lower() == "sequence"
        for file in files
        for _, cells in table_rows(file, stage.bad_row)
        if cells["project_type"].strip()
    }


class _ImageReader:
    """Stages what was seen on images, and learns from their dates which number is the month."""

    def __init__(self, stage: AnnotationStage, projects: Mapping[str, bool], *, by_sequence: bool) -> None:
        self._stage, self._projects, self._by_sequence = stage, projects, by_sequence
        self._evidence = DateOrderEvidence()

    @property
    def order(self) -> DateOrder | None:
        """What the dates of all rows show, once they were read."""
        return self._evidence.order

    def key_of(self, image_id: str, sequence_id: str | None) -> str:
        """Under what an image is staged: with its sequence where the labels are those of sequences."""
        return _sequence_key(sequence_id) if self._by_sequence and sequence_id else image_id

    def rows(self, files: Sequence[AnnotationFile]) -> Iterator[tuple[Any, ...]]:
        """The rows of all tables of images."""
        for file in files:
            for row, cells in table_rows(file, self._stage.bad_row):
                image_id, deployment_id = cells["image_id"].strip(), cells["deployment_id"].strip()
                address, filename = cells.get("location", "").strip(), cells["filename"].strip()
                project_id, taken = cells.get("project_id", "").strip(), cells["timestamp"].strip()
                sequence_id = cells.get("sequence_id", "").strip() or None
                try:
                    if not image_id:
                        raise BadRowError("has no image_id")
                    if not filename and not address:
                        raise BadRowError("has neither filename nor location")
                    is_sequence = self._projects.get(project_id, sequence_id is not None)
                    level = LabelLevel.SEQUENCE if is_sequence else LabelLevel.MEDIA
                    if "is_blank" in cells:
                        key = self.key_of(image_id, sequence_id)
                        _stage_label(key, cells, level, f"row {row}", self._stage)
                except BadRowError as problem:
                    self._stage.bad_row(file.where, f"row {row}", problem)
                    continue
                self._evidence.see(taken)
                yield row, image_id, project_id, deployment_id, address, filename, taken, sequence_id


def _stage_label(
    key: str, cells: Mapping[str, str], level: LabelLevel, place: str, stage: AnnotationStage
) -> None:
    """Stage one identification.

    Raises:
        BadRowError: is_blank is neither yes nor no.
    """
    said = cells["is_blank"].strip().lower().removesuffix(".0")
    if said not in _IS_BLANK:
        raise BadRowError(f"has is_blank {said[:60]!r}, allowed are 1, 0, true and false")
    is_blank = _IS_BLANK[said]
    names = [cells.get(name, "").strip() for name in _NAMES]
    named = [name for name in names if label_of_name(name) is Label.NONBLANK]
    if cells.get("identified_by", "").strip().lower() == "computer vision":
        stage.problems.add("identified by Computer Vision, taken like a person's", place)
    if is_blank:
        stage.add_labelled(key, Label.BLANK, level, None)
    if named:
        # Beside is_blank this contradicts, and the label stays open.
        stage.add_labelled(key, Label.NONBLANK, level, _species_of(cells, named))
    elif not is_blank:
        stage.add_labelled(key, None, level, None)
        if any(label_of_name(name) is Label.BLANK for name in names):
            stage.problems.add("called blank where is_blank does not say so, left open", place)


def _species_of(cells: Mapping[str, str], named: Sequence[str]) -> str | None:
    """The scientific name where it is whole, else the narrowest name that was given."""
    genus, species = cells.get("genus", "").strip(), cells.get("species", "").strip()
    if label_of_name(genus) is Label.NONBLANK and label_of_name(species) is Label.NONBLANK:
        return f"{genus} {species}"
    return species_of_name(named[0])


def _stage_image(
    found: tuple[Any, ...], reader: _ImageReader, places: _Places, stage: AnnotationStage, where: str
) -> None:
    row, image_id, project_id, deployment_id, address, filename, taken, sequence_id, is_own_name = found
    place = places.by_deployment.get((project_id, deployment_id), deployment_id or None)
    # On the memory card a name tells files of one deployment apart, unless the camera began anew.
    names = [f"{deployment_id}/{filename}"] if is_own_name and filename else []
    names += [address] if address else []
    if not names:
        stage.problems.add("images that share their only name, used for none", f"{deployment_id}/{filename}")
        return
    try:
        stage.add_media(
            reader.key_of(image_id, sequence_id),
            names[0],
            other_path=names[-1],
            location_id=places.qualify(project_id, place) if place else None,
            deployment_id=places.qualify(project_id, deployment_id) or None,
            sequence_id=sequence_id,
            timestamp=stage.read_time(taken, f"image {image_id}", reader.order),
        )
    except BadRowError as problem:
        stage.bad_row(where, f"row {row}", problem)


def _stage_sequences(file: AnnotationFile, stage: AnnotationStage) -> None:
    for row, cells in table_rows(file, stage.bad_row):
        try:
            sequence_id = cells["sequence_id"].strip()
            if not sequence_id:
                raise BadRowError("has no sequence_id")
            _stage_label(_sequence_key(sequence_id), cells, LabelLevel.SEQUENCE, f"row {row}", stage)
        except BadRowError as problem:
            stage.bad_row(file.where, f"row {row}", problem)


def _sequence_key(sequence_id: str) -> str:
    return f"sequence {sequence_id}"
