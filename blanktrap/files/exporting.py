"""From a scores dataset to the file or folder that another tool reads.

Owns: the order of the steps, and what an output may be written over. Refuses: formats; each is a module of
`exports`.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from blanktrap.core.config import ExportConfig
from blanktrap.core.decisions import DecisionCounts, DecisionRule, choose_rule
from blanktrap.core.errors import UsageError
from blanktrap.core.paths import file_name_of
from blanktrap.core.time_zones import parse_time_zone
from blanktrap.core.wording import percent
from blanktrap.files.decided_scores import decide_scores
from blanktrap.files.exports import FORMATS
from blanktrap.files.exports.coordinates import Coordinates, read_coordinates
from blanktrap.files.exports.formats import Export, ExportFormat, Notes
from blanktrap.files.pending import PendingFiles
from blanktrap.files.s3 import is_s3
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage, join, local_path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written."""

    location: str
    format_name: str
    rule: DecisionRule
    counts: DecisionCounts
    num_expected: int
    """Media of the manifest; more than were exported where the scores are unfinished."""
    notes: Notes

    def lines(self) -> list[str]:
        """The counts with their denominators, what did not fit, and where it went."""
        missing = self.num_expected - self.counts.num_media
        unfinished = (
            [f"{'unfinished':<12}{missing:,} of {self.num_expected:,} media are not scored yet: left out"]
            if missing
            else []
        )
        return [
            *self.counts.lines(self.rule),
            *unfinished,
            *self.notes.lines(),
            f"{self.format_name} in {self.location}",
        ]


def export_scores(
    scores_location: str,
    out: str,
    *,
    config: ExportConfig,
    storage: Storage,
    coordinates: str | None = None,
    overwrite: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Decide on every media, and write it all in another tool's format.

    Args:
        scores_location: the scores dataset, local or S3.
        out: the file or folder, local or S3.
        config: cutoffs, and the form.
        storage: the door to the bytes.
        coordinates: a table of where the cameras stood.
        overwrite: replace an earlier export at `out`.
        on_progress: told how far it is; some formats read the scores more than once.

    Raises:
        UsageError: `out` must not be written to, or an option does not fit the format.
        ScoresError: the scores are missing, incomplete or damaged, or cannot be said in the format.
        CutoffError: no cutoff is known.
        SourceError: something cannot be read or written.
    """
    form = FORMATS[config.format]
    if config.timezone is not None:
        parse_time_zone(config.timezone)
    if coordinates is not None and config.format not in ("camtrap-dp", "wildlife-insights"):
        raise UsageError(
            f"--coordinates is for --format camtrap-dp and wildlife-insights: --format {config.format} has "
            f"no use for it"
        )
    _refuse_inside_scores(out, scores_location)
    earlier = _check_output(storage, out, form, config, overwrite=overwrite)
    scores = open_scores(storage, scores_location, allow_incomplete=config.allow_incomplete)
    rule = choose_rule(config, scores.run)
    storage.remove_staged(out if form.own_files(config) else out.rpartition("/")[0] or ".")
    points = Coordinates() if coordinates is None else read_coordinates(storage, coordinates)
    notes = Notes()
    with (
        decide_scores(scores, storage, rule, keep_sequences=config.keep_sequences) as decided,
        PendingFiles() as files,
    ):
        decided.on_rows = lambda num: on_progress(_progress_text(num, scores.num_media))
        form.write(
            Export(
                decided=decided,
                config=config,
                out=out.rstrip("/"),
                files=files,
                coordinates=points,
                notes=notes,
            )
        )
    # What an earlier export had more of would pass for a part of this one.
    for name in earlier - {file_name_of(uri) for uri in files.uris}:
        storage.delete(join(out, name))
    logger.info("exported %s media to %s", f"{decided.counts.num_media:,}", out)
    return Exported(
        location=out,
        format_name=form.name,
        rule=rule,
        counts=decided.counts,
        num_expected=scores.num_media,
        notes=notes,
    )


def _progress_text(num: int, total: int) -> str:
    return f"read {num:,}/{total:,} media ({percent(num / total)})"


def _refuse_inside_scores(out: str, scores_location: str) -> None:
    """A table among the parts of the scores would be read as one of them, or replace one."""
    if is_s3(out) and is_s3(scores_location):
        is_inside = f"{out.rstrip('/')}/".startswith(f"{scores_location.rstrip('/')}/")
    elif is_s3(out) or is_s3(scores_location):
        is_inside = False
    else:
        is_inside = local_path(out).resolve().is_relative_to(local_path(scores_location).resolve())
    if is_inside:
        raise UsageError(
            f"{out} is in the scores dataset {scores_location}, whose files would be taken for its own: give "
            f"--out another place; nothing was overwritten"
        )


def _check_output(
    storage: Storage, out: str, form: ExportFormat, config: ExportConfig, *, overwrite: bool
) -> set[str]:
    """Refuse what must not be written over; return the names of an earlier export's files. Writes nothing."""
    own_files = form.own_files(config)
    is_file = storage.exists(out.rstrip("/"))
    names = [] if is_file else [entry.relative for entry in storage.list_folder(out)]
    if own_files is None:
        if out.endswith("/") or names or (not is_s3(out) and local_path(out).is_dir()):
            raise UsageError(f"{out} is a folder: give --out a file; nothing was overwritten")
        if is_file and not overwrite:
            raise UsageError(
                f"{out} is there already: pass --overwrite or give --out another file; nothing was "
                f"overwritten"
            )
        return set()
    if is_file:
        raise UsageError(f"{out} is a file: give --out a folder; nothing was overwritten")
    foreign = sorted(name for name in names if not re.fullmatch(own_files, name, re.DOTALL))
    if foreign:
        raise UsageError(
            f"{out} holds something else (it has {foreign[0]}): give --out a new or empty folder; nothing "
            f"was overwritten"
        )
    if names and not overwrite:
        raise UsageError(
            f"{out} already holds an export: pass --overwrite or give --out another folder; nothing "
            f"was overwritten"
        )
    return set(names)
