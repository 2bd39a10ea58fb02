"""What others say of the same media: another scores dataset, a report's scores, MegaDetector results.

Owns: telling which of them a location holds, the cutoff each works with, and its scores by `media_id`.
Refuses: comparing; that is `core.statistics.comparison`.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import duckdb
import ijson
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.errors import AnnotationError, EvaluationError, UsageError
from blanktrap.core.evaluation.basis import Basis
from blanktrap.core.evaluation.pairing import PairFacts
from blanktrap.core.model_card import recommended_cutoff
from blanktrap.core.paths import plain_path
from blanktrap.core.reporting.report_comparisons import ComparedWith, build_comparison
from blanktrap.core.statistics.metrics import check_cutoff
from blanktrap.core.vocabulary import Status
from blanktrap.files.annotations.formats import BadRowError
from blanktrap.files.annotations.matching import match_names
from blanktrap.files.annotations.megadetector import MegaDetectorResults, iter_detections
from blanktrap.files.annotations.opening import OpenedAnnotations
from blanktrap.files.databases import temporary_database
from blanktrap.files.label_join import MEMORY_LIMIT, load_table
from blanktrap.files.reports import REPORT_FILE, read_report
from blanktrap.files.scores_reader import Scores, open_scores
from blanktrap.files.storage import Storage

_TYPICAL_CUTOFF = 0.2
"""Of MegaDetector 5, where its file names none: what its authors recommend for most projects."""
_DEFAULT_CUTOFF = 0.5
_DETECTIONS = "MegaDetector results"

_SCHEMA = pa.schema([("media_id", pa.string()), ("p_nonblank", pa.float32())])
_MEDIA = pa.schema([("media_id", pa.string()), ("uri", pa.string())])
_NAMED = pa.schema([("path", pa.string()), ("plain", pa.string()), ("p_nonblank", pa.float32())])
_ROWS_AT_ONCE = 65_536

_SAID = "CREATE TABLE said AS SELECT DISTINCT path, plain, NULL::VARCHAR AS other FROM detected"
# Of a media that is named twice the higher confidence: what is nonblank for one name must not become blank.
_OPINIONS = """
CREATE TABLE opinions AS SELECT l.media_id, max(d.p_nonblank) AS p_nonblank
FROM links l JOIN detected d USING (path) GROUP BY l.media_id
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class SecondOpinion:
    """Somebody else's scores, readable while `open_second_opinion` is open."""

    where: str
    what: str
    """In words: `scores dataset`, `scores of a report` or `MegaDetector results`."""
    cutoff: float
    cutoff_from: str
    tables: Iterable[pa.Table]
    """Columns `media_id` and `p_nonblank`, null where it has none; to be read once."""
    training_locations: tuple[str, ...] = ()
    """Where its model was trained or validated, as far as that is known."""
    notes: tuple[str, ...] = ()
    """What of it could not be used."""


def check_second_opinions(storage: Storage, locations: Sequence[str], *, cutoff: float | None) -> None:
    """Refuse what cannot be compared with before the long pass.

    Raises:
        EvaluationError: a location holds none of the three, or is named twice; or there is a cutoff and
            nothing to use it on.
        ScoresError, ReportError: it is damaged or incomplete.
        SourceError: it cannot be read.
    """
    if cutoff is not None and not locations:
        raise UsageError("--second-cutoff is the cutoff of what is compared: pass --compare too")
    for location in locations:
        if locations.count(location) > 1:
            raise UsageError(f"--compare {location} is given twice")
        with open_second_opinion(storage, location, None, cutoff=cutoff):
            pass


def compare_scores(
    storage: Storage, scores: Scores, locations: Sequence[str], pairs: PairFacts | None, basis: Basis
) -> tuple[ComparedWith, ...]:
    """Compare the measured media's scores with what others say of them; nothing where nothing was asked for.

    Errors as `open_second_opinion`.
    """
    found: list[ComparedWith] = []
    for location in locations if pairs is not None else ():
        assert pairs is not None
        media = scores.iter_columns(storage, ["media_id", "uri"])
        with open_second_opinion(storage, location, media, cutoff=basis.config.second_cutoff) as other:
            found.append(
                build_comparison(
                    pairs.pair(other.tables, None if basis.split is None else [basis.split]),
                    other=location,
                    what=other.what,
                    cutoff=basis.cutoff,
                    other_cutoff=other.cutoff,
                    other_cutoff_from=other.cutoff_from,
                    other_training=other.training_locations,
                    notes=other.notes,
                    seed=basis.config.seed,
                )
            )
    return tuple(found)


@contextmanager
def open_second_opinion(
    storage: Storage, location: str, media: Iterable[pa.Table] | None, *, cutoff: float | None
) -> Iterator[SecondOpinion]:
    """Open what somebody else says of the same media.

    Args:
        storage: the door to the bytes.
        location: a scores dataset, a report, or a MegaDetector results file, local or on S3.
        media: `media_id` and `uri` of every media here; read only where names must be matched. None opens
            without matching, to see that it can be opened.
        cutoff: for the other's scores; None takes its own.

    Raises:
        EvaluationError: it is none of the three, or none of its names is found here.
        ScoresError, ReportError, AnnotationError: it is damaged or incomplete.
        SourceError: it cannot be read.
    """
    if cutoff is not None:
        check_cutoff(cutoff)
    is_file = storage.exists(location)
    names = set() if is_file else {entry.relative for entry in storage.list_folder(location)}
    if REPORT_FILE in names:
        report = read_report(storage, location)
        yield _scores(
            storage,
            report.scores,
            where=location,
            what=f"scores of a report ({report.scores})",
            cutoff=report.cutoff if cutoff is None else cutoff,
            cutoff_from="that report's" if cutoff is None else "set by --second-cutoff",
        )
    elif "run.json" in names:
        run = open_scores(storage, location).run
        recommended = recommended_cutoff(run)
        own = (_DEFAULT_CUTOFF, "the default: its model card recommends none")
        if recommended is not None:
            own = (recommended, "recommended by its model card")
        chosen, chosen_by = own if cutoff is None else (cutoff, "set by --second-cutoff")
        yield _scores(
            storage, location, where=location, what="scores dataset", cutoff=chosen, cutoff_from=chosen_by
        )
    elif is_file:
        with tempfile.TemporaryDirectory(prefix="blanktrap-opinion-") as folder:
            given = OpenedAnnotations(storage, [location], Path(folder)).given
            if len(given) != 1 or not MegaDetectorResults().recognises(given[0]):
                raise EvaluationError(f"--compare {location}: the file holds no MegaDetector results")
            if media is None:
                yield SecondOpinion(where=location, what=_DETECTIONS, cutoff=0.0, cutoff_from="", tables=())
            else:
                yield _detections(given[0].path, location, media, cutoff, Path(folder))
    else:
        found = f"it has {sorted(names)[0]}" if names else "nothing is there"
        raise EvaluationError(
            f"--compare {location}: {found}; give a scores dataset, a report, or a MegaDetector results file"
        )


def _scores(
    storage: Storage, location: str, *, where: str, what: str, cutoff: float, cutoff_from: str
) -> SecondOpinion:
    scores = open_scores(storage, location)

    def tables() -> Iterator[pa.Table]:
        for table in scores.iter_columns(storage, ["media_id", "status", "p_nonblank"]):
            yield table.filter(pc.equal(table.column("status"), Status.OK.value)).select(_SCHEMA.names)

    model = scores.run.get("model") or {}
    return SecondOpinion(
        where=where,
        what=what,
        cutoff=cutoff,
        cutoff_from=cutoff_from,
        tables=tables(),
        training_locations=(
            *(model.get("training_locations") or ()),
            *(model.get("validation_locations") or ()),
        ),
    )


def _detections(
    path: Path, where: str, media: Iterable[pa.Table], cutoff: float | None, folder: Path
) -> SecondOpinion:
    """MegaDetector's highest confidence for each media whose name is found, by the rules for annotations."""
    with temporary_database(
        f"{where} could not be matched", memory=MEMORY_LIMIT, within=folder
    ) as connection:
        load_table(connection, "media", media, _MEDIA)
        load_table(connection, "detected", _named(path, where), _NAMED)
        connection.execute(_SAID)
        match_names(connection)
        connection.execute(_OPINIONS)
        num_named, num_failed, num_found, num_ambiguous = _counts(connection)
        if not num_found:
            raise EvaluationError(
                f"--compare {where} names {num_named:,} files and none of them is in the scores: give "
                f"results for the same archive"
            )
        found = connection.sql("SELECT media_id, p_nonblank FROM opinions").to_arrow_table()
    notes = (
        (num_named - num_found, f"of the {num_named:,} files that it names are not in the scores"),
        (num_ambiguous, "of its names could mean several media, and were given to none"),
        (num_failed, "of its images failed, and have no score"),
    )
    typical, typical_from = _typical_cutoff(path)
    return SecondOpinion(
        where=where,
        what=_DETECTIONS,
        cutoff=typical if cutoff is None else cutoff,
        cutoff_from=typical_from if cutoff is None else "set by --second-cutoff",
        tables=[found.cast(_SCHEMA)],
        notes=tuple(f"{num:,} {words}" for num, words in notes if num),
    )


def _named(path: Path, where: str) -> Iterator[pa.Table]:
    """What was detected, by the names that the detector gave to its files."""
    rows: list[tuple[str, str, float | None]] = []
    for one in iter_detections(path, where, _refuse):
        rows.append((one.file, plain_path(one.file)[0], one.confidence))
        if len(rows) == _ROWS_AT_ONCE:
            yield _table(rows)
            rows = []
    yield _table(rows)


def _table(rows: list[tuple[str, str, float | None]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, _NAMED, strict=True)], _NAMED
    )


def _typical_cutoff(path: Path) -> tuple[float, str]:
    """What the results themselves call their typical cutoff, else MegaDetector 5's."""
    with path.open("rb") as file:
        for value in ijson.items(file, "info.detector_metadata.typical_detection_threshold", use_float=True):
            if isinstance(value, int | float) and 0.0 <= value <= 1.0:
                return float(value), "typical, as its file says"
    return _TYPICAL_CUTOFF, "typical of MegaDetector 5: its file says none"


def _refuse(where: str, place: str, problem: BadRowError) -> NoReturn:
    raise AnnotationError(f"{where}: {place} {problem}") from problem


def _counts(connection: duckdb.DuckDBPyConnection) -> tuple[int, int, int, int]:
    (row,) = connection.execute(
        "SELECT (SELECT count(DISTINCT path) FROM detected), "
        "(SELECT count(*) - count(p_nonblank) FROM detected), "
        "(SELECT count(*) FROM opinions), (SELECT count(*) FROM ambiguous)"
    ).fetchall()
    named, failed, found, ambiguous = (int(value) for value in row)
    return named, failed, found, ambiguous
