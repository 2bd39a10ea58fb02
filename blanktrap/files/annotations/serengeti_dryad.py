"""Snapshot Serengeti's first release, on Dryad: `all_images.csv` with `consensus_data.csv`, or with the
experts' `gold_standard_data.csv`.

Owns: these tables and what a missing row means. In the consensus data only captures with an animal have
rows: a capture without one is blank. The gold standard is a sample: a capture without a row is merely not in
it. Which of the two a table is shows in its columns: the consensus data say when and where.
Refuses: calling captures blank because the two tables do not belong together.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from blanktrap.core.captures import parse_image_path
from blanktrap.core.errors import AnnotationError
from blanktrap.core.vocabulary import Label, LabelLevel, label_of_name, species_of_name
from blanktrap.files.annotations.cells import has_columns, require_columns, share_of_cell
from blanktrap.files.annotations.formats import BadRowError, ReadOptions
from blanktrap.files.annotations.joining import JoinDatabase, join_database
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.rows import table_rows
from blanktrap.files.annotations.staging import AnnotationStage

_IMAGE_COLUMNS = ("CaptureEventID", "URL_Info")
_SAMPLE_COLUMNS = ("CaptureEventID", "NumSpecies", "Species")
_CONSENSUS_COLUMNS = (*_SAMPLE_COLUMNS, "DateTime", "SiteID")

_EVENNESS_COLUMNS = ("evenness", "pielouevenness", "pielou_evenness", "pielous_evenness_index")

_IMAGES = {"row": pa.int64(), "capture_id": pa.string(), "path": pa.string(), "season": pa.string()}
_SEEN = {"capture_id": pa.string(), "taken": pa.timestamp("ms"), "site": pa.string()}

_CAPTURES = """
CREATE TABLE captures AS
SELECT capture_id, CASE WHEN min(taken) = max(taken) THEN min(taken) END AS taken,
    CASE WHEN min(site) = max(site) THEN min(site) END AS site
FROM seen GROUP BY capture_id
"""

_NUM_SHARED = "SELECT count(*) FROM captures SEMI JOIN images USING (capture_id)"

# A season of which the consensus data have nothing is a season that the file does not cover, no empty one.
_ABSENT = """
SELECT i.capture_id, bool_or(coalesce(i.season, '') IN (
    SELECT coalesce(season, '') FROM images SEMI JOIN captures USING (capture_id))) AS is_covered
FROM images i ANTI JOIN captures USING (capture_id) GROUP BY i.capture_id
"""

# The table lists a capture's frames as they were taken.
_JOINED = """
SELECT i.row, i.path, i.capture_id, row_number() OVER (PARTITION BY i.capture_id ORDER BY i.row) - 1,
    c.taken, c.site
FROM images i LEFT JOIN captures c USING (capture_id)
"""


class SnapshotSerengetiDryad:
    """`all_images.csv` with `consensus_data.csv` or `gold_standard_data.csv`, whichever is given first."""

    name = "Snapshot Serengeti (Dryad)"
    key = "serengeti-dryad"

    def recognises(self, file: AnnotationFile) -> bool:
        return _is_images(file) or _is_labels(file)

    def companions(self, file: AnnotationFile, others: Sequence[AnnotationFile]) -> list[AnnotationFile]:
        if _is_images(file):
            wanted = "consensus_data.csv or gold_standard_data.csv"
            fitting = [one for one in others if _is_labels(one)]
            # What was named outweighs what merely lies there, and the consensus its sample.
            fitting.sort(key=lambda one: (not one.is_given, not _is_consensus(one)))
        else:
            wanted = f"all_images.csv ({', '.join(_IMAGE_COLUMNS)})"
            fitting = [one for one in others if _is_images(one)]
        if not fitting:
            raise AnnotationError(
                f"{file.where} is half of Snapshot Serengeti's pair: put {wanted} beside it, or give it with "
                f"--annotations too"
            )
        return fitting[:1]

    def read(self, files: Sequence[AnnotationFile], stage: AnnotationStage, options: ReadOptions) -> None:
        stage.frames_from_zero = True
        images, labels = sorted(files, key=_is_images, reverse=True)
        require_columns(images, _IMAGE_COLUMNS, "Snapshot Serengeti's table of images")
        require_columns(labels, _SAMPLE_COLUMNS, "Snapshot Serengeti's table of captures")
        with join_database(stage.media_path.parent, images.where) as database:
            database.load("seen", _SEEN, _label_rows(labels, stage))
            database.load("images", _IMAGES, _image_rows(images, stage))
            database.execute(_CAPTURES)
            if not database.number(_NUM_SHARED):
                raise AnnotationError(
                    f"{labels.where} shares no capture with {images.where}: give the two tables of one "
                    f"release, whose CaptureEventID are the same"
                )
            _stage_absent(database, stage, is_consensus=_is_consensus(labels), name=labels.name)
            for row, path, capture_id, frame_num, taken, site in database.rows(_JOINED):
                roll = parse_image_path(path)
                try:
                    stage.add_media(
                        capture_id,
                        path,
                        location_id=roll.location_id if roll else site,
                        deployment_id=roll.deployment_id if roll else None,
                        sequence_id=capture_id,
                        frame_num=frame_num,
                        timestamp=taken,
                    )
                except BadRowError as problem:
                    stage.bad_row(images.where, f"row {row}", problem)


def _is_images(file: AnnotationFile) -> bool:
    return has_columns(file, _IMAGE_COLUMNS)


def _is_labels(file: AnnotationFile) -> bool:
    # The raw data have a row for each volunteer, and no verdict.
    return has_columns(file, _SAMPLE_COLUMNS) and not has_columns(file, ("ClassificationID",))


def _is_consensus(file: AnnotationFile) -> bool:
    return has_columns(file, _CONSENSUS_COLUMNS)


def _stage_absent(database: JoinDatabase, stage: AnnotationStage, *, is_consensus: bool, name: str) -> None:
    for capture_id, is_covered in database.rows(_ABSENT):
        if is_consensus and is_covered:
            stage.add_labelled(capture_id, Label.BLANK, LabelLevel.SEQUENCE, None)
            stage.problems.add(f"captures that {name} does not list, called blank for that", capture_id)
        elif is_consensus:
            stage.problems.add(f"captures of seasons that {name} has nothing of, left open", capture_id)
        else:
            stage.problems.add(f"captures that the sample {name} does not list, left open", capture_id)


def _label_rows(file: AnnotationFile, stage: AnnotationStage) -> Iterator[tuple[Any, ...]]:
    """Stages what was seen, and gives when and where."""
    refuse = _refuse_nameless if _is_consensus(file) else stage.bad_row
    for row, cells in table_rows(file, refuse):
        capture_id = cells["captureeventid"].strip()
        if not capture_id:
            refuse(file.where, f"row {row}", BadRowError("has no CaptureEventID"))
            continue
        site, taken = cells.get("siteid", "").strip() or None, None
        name = cells["species"]
        try:
            taken = stage.read_time(cells.get("datetime"), f"row {row}")
            stage.add_labelled(
                capture_id,
                label_of_name(name),
                LabelLevel.SEQUENCE,
                species_of_name(name),
                vote_share=_vote_share_of(cells, row, stage),
                evenness=_evenness_of(cells, row, stage),
            )
        except BadRowError as problem:
            stage.bad_row(file.where, f"row {row}", problem)
        # A row that is left out is no capture without a row, which would be blank.
        yield capture_id, taken, site


def _refuse_nameless(where: str, place: str, problem: BadRowError) -> None:
    raise AnnotationError(
        f"{where}: {place} {problem}: mend the row; to leave it out would make its capture blank"
    ) from problem


def _image_rows(file: AnnotationFile, stage: AnnotationStage) -> Iterator[tuple[Any, ...]]:
    for row, cells in table_rows(file, stage.bad_row):
        capture_id, path = cells["captureeventid"].strip(), cells["url_info"].strip()
        if not capture_id or not path:
            missing = "URL_Info" if capture_id else "CaptureEventID"
            stage.bad_row(file.where, f"row {row}", BadRowError(f"has no {missing}"))
            continue
        roll = parse_image_path(path)
        yield row, capture_id, path, f"{roll.park} {roll.season}" if roll else None


def _vote_share_of(cells: dict[str, str], row: int, stage: AnnotationStage) -> float | None:
    """Votes for the species among all who looked."""
    votes, of = cells.get("numvotes", "").strip(), cells.get("numclassifications", "").strip()
    try:
        share = float(votes) / float(of)
    except (ValueError, ZeroDivisionError):
        return None  # one of the two was not counted
    return share_of_cell(str(share), "share of volunteers", row, stage)


def _evenness_of(cells: dict[str, str], row: int, stage: AnnotationStage) -> float | None:
    text = next((cells[name] for name in _EVENNESS_COLUMNS if name in cells), None)
    return share_of_cell(text, "evenness", row, stage)
