"""MegaDetector results JSON 1.6, which Timelapse and MegaDetector's own tools read.

Owns: how a decision is said in a format that knows boxes and no whole images. Refuses: inventing boxes: the
one box of a kept media is the whole frame.

A media that is kept or to review has one full-frame `animal` box (animal, person or vehicle: the model does
not tell them apart) whose `conf` is the score that was decided on; one that is set aside has `detections:
[]`, an unreadable one `failure` and `detections: null`. The typical threshold, as the format calls it, is the
cutoff from which media are kept, the conservative one that from which they are at least for review.

Timelapse throws away detections below 0.03 when it reads a file. A kept media below that would turn up as
empty there, so its conf is written as 0.03. A set-aside media above it stays empty wherever Timelapse's
slider stands, because no detection is written at all.

Source: https://lila.science/megadetector-output-format; Timelapse's floor is `MinimumDetectionValue` there.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import blanktrap
from blanktrap.core.config import ExportConfig
from blanktrap.core.decisions import SET_ASIDE, UNREADABLE
from blanktrap.core.errors import ScoresError
from blanktrap.files.decided_scores import DECIDED_SCORE, DECISION
from blanktrap.files.exports.cells import iter_runs, json_numbers, json_text
from blanktrap.files.exports.formats import Export
from blanktrap.files.storage import join

TIMELAPSE_FLOOR = 0.03

_COLUMNS = ["media_id", "location_id", "status", "error"]
_BOX = '"bbox":[0.0,0.0,1.0,1.0]'
# What some file system does not take in a name, and a dot that would hide it or lead out of the folder.
_UNSAFE = re.compile(r"[^\w ()&,;+=.-]|^\.")
_MAX_NAME_BYTES = 180
_NO_LOCATION = "no location"
# Files of a folder that is written over are told from others by it.
_SUFFIX = ".megadetector.json"


class MegaDetector:
    """One file for the archive, or one for each location."""

    name = "MegaDetector results JSON 1.6"
    key = "megadetector"

    def own_files(self, config: ExportConfig) -> str | None:
        return rf".+{re.escape(_SUFFIX)}" if config.by_location else None

    def write(self, export: Export) -> None:
        if export.config.by_location:
            _write_locations(export)
            return
        file = _ResultsFile(export.files.open(export.out), export)
        for table in export.decided.iter_tables(_COLUMNS):
            file.write(table, "")
        file.close()


class _ResultsFile:
    """A results file that grows."""

    def __init__(self, file: IO[bytes], export: Export, root: str | None = None) -> None:
        self._file, self._export = file, export
        self._is_first = True
        described = {"info": _info_of(export, root), "detection_categories": _CATEGORIES}
        # The list of images comes last, so that it can grow.
        head = json.dumps(described, indent=1)[:-2]
        self._file.write(f'{head},\n "images": ['.encode())

    def write(self, table: pa.Table, root: str) -> None:
        """Append media; `root` is taken off their names."""
        entries = ",\n".join(_entries(table, root, self._export))
        if entries:
            self._file.write(f"{'' if self._is_first else ','}\n{entries}".encode())
            self._is_first = False

    def close(self) -> None:
        """Finish the file."""
        self._file.write(b"\n ]\n}\n")
        self._file.close()


# Those of MegaDetector itself; the model behind the scores tells no person or vehicle from an animal.
_CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}


def _info_of(export: Export, root: str | None) -> dict[str, Any]:
    rule, updated = export.decided.rule, export.run.get("updated")
    kept_from = rule.cutoff if rule.review_below is None else rule.review_below
    # Rounded as the scores are: a media that scores the cutoff itself is not below it.
    typical, conservative = (
        float(text) for text in json_numbers(np.array([kept_from, rule.cutoff], np.float32))
    )
    info: dict[str, Any] = {
        "format_version": "1.6",
        "detector": export.model_id,
        "detector_metadata": {
            "typical_detection_threshold": typical,
            "conservative_detection_threshold": conservative,
            "blanktrap_version": blanktrap.__version__,
        },
    }
    if isinstance(updated, str):
        info["detection_completion_time"] = f"{datetime.fromisoformat(updated):%Y-%m-%d %H:%M:%S}"
    if root is not None:
        info["root_folder"] = root
    return info


def _entries(table: pa.Table, root: str, export: Export) -> Iterator[str]:
    decided = table.column(DECISION).combine_chunks().indices.to_numpy()
    scores = pc.fill_null(table.column(DECIDED_SCORE), 0.0).to_numpy()
    is_kept = (decided != SET_ASIDE) & (decided != UNREADABLE)
    is_low = is_kept & (scores < np.float32(TIMELAPSE_FLOOR))
    export.notes.add(
        f"kept media below {TIMELAPSE_FLOOR}, where Timelapse throws detections away, whose conf is written "
        f"as {TIMELAPSE_FLOOR}",
        int(is_low.sum()),
    )
    scores = np.where(is_low, np.float32(TIMELAPSE_FLOOR), scores)
    names = table.column("media_id").to_pylist()
    reasons = iter(_failures(table.filter(pa.array(decided == UNREADABLE))))
    for name, decision, score in zip(names, decided.tolist(), json_numbers(scores), strict=True):
        file = f'  {{"file":{json_text(name.removeprefix(root))}'
        if decision == SET_ASIDE:
            yield f'{file},"detections":[]}}'
        elif decision == UNREADABLE:
            yield f'{file},"failure":{json_text(next(reasons))},"detections":null}}'
        else:
            yield f'{file},"detections":[{{"category":"1","conf":{score},{_BOX}}}]}}'


def _failures(table: pa.Table) -> Iterator[str]:
    for status, error in zip(
        table.column("status").to_pylist(), table.column("error").to_pylist(), strict=True
    ):
        word = status if status and status != "ok" else "unreadable"
        yield f"{word}: {' '.join(error.split())}" if error else word


def _write_locations(export: Export) -> None:
    """One file for each location; the scores are sorted by it, so that one is open at a time."""
    roots = _roots_of(export)
    names = _file_names(list(roots))
    file, current = None, None
    done: set[str | None] = set()
    for table in export.decided.iter_tables(_COLUMNS):
        for start, stop, location in iter_runs(table.column("location_id")):
            if file is None or location != current:
                if file is not None:
                    file.close()
                    done.add(current)
                if location in done:
                    raise ScoresError(
                        f"{export.decided.scores.location} is not sorted by location ({location} comes "
                        f"twice): index the archive again, or leave --by-location out"
                    )
                target = export.files.open(join(export.out, names[location]))
                file, current = _ResultsFile(target, export, roots[location].rstrip("/")), location
            file.write(table.slice(start, stop - start), roots[location])
    if file is not None:
        file.close()


def _roots_of(export: Export) -> dict[str | None, str]:
    """The folder that holds all media of each location, with a slash at its end; empty for the archive's."""
    spans: dict[str | None, tuple[str, str]] = {}
    for table in export.decided.iter_tables(["location_id", "media_id"]):
        for start, stop, location in iter_runs(table.column("location_id")):
            found = pc.min_max(table.column("media_id").slice(start, stop - start)).as_py()
            first, last = spans.get(location, (found["min"], found["max"]))
            spans[location] = (min(first, found["min"]), max(last, found["max"]))
    # What the first and the last name share, in alphabetical order, all names between them share.
    return {location: _shared_folder(*span) for location, span in spans.items()}


def _shared_folder(first: str, last: str) -> str:
    length = next(
        (num for num, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first)
    )
    return first[: first.rfind("/", 0, length) + 1]


def _file_names(locations: list[str | None]) -> dict[str | None, str]:
    """A file name for each location, which cannot leave the folder and differs from the others."""
    names: dict[str | None, str] = {}
    taken: set[str] = set()
    for location in locations:
        plain = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", location or "") or _NO_LOCATION
        plain = plain.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
        name, num = plain, 1
        while name.casefold() in taken:
            num += 1
            name = f"{plain} ({num})"
        taken.add(name.casefold())
        names[location] = f"{name}{_SUFFIX}"
    return names
