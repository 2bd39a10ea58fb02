"""The four CSVs of a Wildlife Insights batch upload.

Owns: what of them the scores can fill: images, and the skeletons of deployments, cameras and the project.
Refuses: species: a kept media is "Animal", one to review or unreadable "No CV Result".

Wildlife Insights fetches images from an address of its own or a cloud's (`--base-url`), and wants what
blanktrap does not know, such as a camera's height: those cells are empty, to be filled in before the upload.

Source: the batch upload templates v1.0 and the columns of Wildlife Insights' own downloads; the identifiers
of Blank, Animal and No CV Result are those of its taxonomy.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import blanktrap
from blanktrap.core.config import ExportConfig
from blanktrap.core.decisions import KEEP, REVIEW, SET_ASIDE, UNREADABLE
from blanktrap.files.decided_scores import DECISION
from blanktrap.files.exports.cells import CellGuard, address_of
from blanktrap.files.exports.deployments import COLUMNS, Deployment, Deployments
from blanktrap.files.exports.formats import Export
from blanktrap.files.exports.table_files import TableFile
from blanktrap.files.storage import join


def _columns(names: str) -> list[str]:
    return names.split()


_IMAGES = _columns(
    "project_id deployment_id image_id filename location is_blank identified_by wi_taxon_id class order "
    "family genus species common_name uncertainty timestamp number_of_objects age sex "
    "animal_recognizable individual_id individual_animal_notes highlighted markings"
)
_DEPLOYMENTS = _columns(
    "project_id deployment_id subproject_name subproject_design placename longitude latitude "
    "start_date end_date event_name event_description event_type bait_type bait_description "
    "feature_type feature_type_methodology camera_id quiet_period camera_functioning sensor_height "
    "height_other sensor_orientation orientation_other recorded_by"
)
_CAMERAS = _columns("project_id camera_id make model serial_number year_purchased")
_PROJECTS = _columns(
    "project_id project_name project_short_name project_objectives project_species "
    "project_species_individual project_sensor_layout project_sensor_layout_targeted_type "
    "project_bait_use project_bait_type project_stratification project_stratification_type "
    "project_sensor_method project_individual_animals project_blank_images project_sensor_cluster "
    "project_admin project_admin_email country_code embargo initiative_id metadata_license "
    "image_license"
)

_NO_CV_RESULT = ("0", "f2efdae9-efb8-48fb-8a91-eccf79ab4ffb", "No CV Result", "No CV Result", "1")
# is_blank, wi_taxon_id, each rank, common_name, number_of_objects.
_SAID = {
    SET_ASIDE: ("1", "f1856211-cfb7-4a5b-9158-c0f72fd09ee6", "", "Blank", "0"),
    KEEP: ("0", "1f689929-883d-4dae-958c-3d57ab5b6c16", "", "Animal", "1"),
    REVIEW: _NO_CV_RESULT,
    UNREADABLE: _NO_CV_RESULT,
}
_RANKS = ("class", "order", "family", "genus", "species")


class WildlifeInsights:
    """images.csv, deployments.csv, cameras.csv, projects.csv."""

    name = "Wildlife Insights batch upload"
    key = "wildlife-insights"

    def own_files(self, config: ExportConfig) -> str | None:
        return r"(images|deployments|cameras|projects)\.csv"

    def write(self, export: Export) -> None:
        guard = CellGuard(export.notes, exact=export.config.exact_names)
        numbered = Deployments()
        deployments = numbered.add_all(export.decided.iter_tables(COLUMNS))
        projects = _table_file(export, "projects", _PROJECTS)
        _write_images(export, numbered, [one.name for one in deployments], guard)
        rows = [_deployment_row(one, export) for one in deployments]
        _write_rows(_table_file(export, "deployments", _DEPLOYMENTS), _DEPLOYMENTS, rows, guard)
        cameras = [{"project_id": export.config.project_id, "camera_id": one.name} for one in deployments]
        _write_rows(_table_file(export, "cameras", _CAMERAS), _CAMERAS, cameras, guard)
        _write_rows(projects, _PROJECTS, [{"project_id": export.config.project_id}], guard)
        num_missing = sum(row["latitude"] is None for row in rows)
        if num_missing:
            export.notes.add(
                "deployments without coordinates, which Wildlife Insights wants (give --coordinates)",
                num_missing,
                total=len(rows),
            )


def _schema(columns: list[str]) -> pa.Schema:
    return pa.schema([pa.field(name, pa.string()) for name in columns])


def _table_file(export: Export, name: str, columns: list[str]) -> TableFile:
    return export.open_table(join(export.out, f"{name}.csv"), "csv", _schema(columns))


def _write_rows(file: TableFile, columns: list[str], rows: list[dict[str, Any]], guard: CellGuard) -> None:
    texts = [pa.array([row.get(name) for row in rows], pa.string()) for name in columns]
    numbers = ("latitude", "longitude")
    arrays = [
        text if name in numbers else guard.texts(text) for name, text in zip(columns, texts, strict=True)
    ]
    file.write(pa.table(arrays, schema=_schema(columns)))
    file.close()


def _deployment_row(one: Deployment, export: Export) -> dict[str, Any]:
    point = export.coordinates.of(one.deployment_id, one.location_id)
    return {
        "project_id": export.config.project_id,
        "deployment_id": one.name,
        "placename": one.location_id,
        "latitude": None if point is None else repr(point[0]),
        "longitude": None if point is None else repr(point[1]),
        "start_date": _moment(one.start_ms),
        "end_date": _moment(one.end_ms),
        # Which camera it was is not known; the upload wants one, described in cameras.csv.
        "camera_id": one.name,
    }


def _moment(time_ms: int | None) -> str | None:
    if time_ms is None:
        return None
    return str(np.datetime64(time_ms, "ms").astype("datetime64[s]")).replace("T", " ")


def _write_images(export: Export, numbered: Deployments, names: list[str], guard: CellGuard) -> None:
    file = _table_file(export, "images", _IMAGES)
    deployment_names = pa.array(names, pa.string())
    said_by = f"blanktrap {blanktrap.__version__}, {export.model_id}"
    for table in export.decided.iter_tables(["media_id", "uri", *COLUMNS]):
        times = pc.utf8_slice_codeunits(table.column("timestamp").cast(pa.string()), 0, 19)
        export.notes.add("media without a time, which Wildlife Insights wants", times.null_count)
        media_ids, base_url = table.column("media_id"), export.config.base_url
        columns: dict[str, Any] = {
            "project_id": _repeated(export.config.project_id, table.num_rows),
            "deployment_id": guard.texts(deployment_names.take(pa.array(numbered.numbers(table)))),
            "image_id": guard.texts(media_ids),
            "filename": guard.texts(pc.replace_substring_regex(media_ids, r"(?s)^.*/", ""), is_path=True),
            "location": table.column("uri")
            if base_url is None
            else pa.array([address_of(base_url, one) for one in media_ids.to_pylist()], pa.string()),
            "identified_by": _repeated(said_by, table.num_rows),
            "timestamp": times,
            "highlighted": _repeated("0", table.num_rows),
            **_said(table),
        }
        nothing = pa.nulls(table.num_rows, pa.string())
        file.write(pa.table([columns.get(name, nothing) for name in _IMAGES], schema=_schema(_IMAGES)))
    file.close()


def _said(table: pa.Table) -> dict[str, pa.Array]:
    decided = table.column(DECISION).combine_chunks().indices
    choices = [
        pa.array([_SAID[code][place] or None for code in range(len(_SAID))], pa.string())
        for place in range(5)
    ]
    is_blank, taxon, rank, name, num = (choice.take(decided) for choice in choices)
    return {
        "is_blank": is_blank,
        "wi_taxon_id": taxon,
        "common_name": name,
        "number_of_objects": num,
        **dict.fromkeys(_RANKS, rank),
    }


def _repeated(text: str | None, num_rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), num_rows)
