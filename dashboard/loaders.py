"""Which reports may be shown, and reading them once.

Owns: the command line of the dashboard, the cache, and the figures of a report at any cutoff of its grid.
Refuses: any path that was not given on the command line, whatever the link says.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import streamlit as st

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.reporting.report import Report
from blanktrap.core.statistics.metrics import ConfusionCounts
from blanktrap.files.reports import read_report, read_report_table
from blanktrap.files.storage import Storage

_NO_SIGN_REQUEST = "--no-sign-request"
_FRESH_S = 60


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line allows to be shown."""

    reports: tuple[str, ...]
    storage: Storage


@dataclass(frozen=True, kw_only=True)
class LoadedReport:
    """A report with the tables that the first page draws."""

    report: Report
    curve: pa.Table
    """1,001 rows, one for each cutoff 0, 0.001, …, 1."""
    histogram: pa.Table

    def counts_at(self, step: int) -> ConfusionCounts:
        """Confusion counts of the measured media at cutoff `step` / 1000."""
        kept_nonblank = self.curve.column("num_kept_nonblank")[step].as_py()
        kept_blank = self.curve.column("num_kept_blank")[step].as_py()
        return ConfusionCounts(
            kept_nonblank=kept_nonblank,
            missed_nonblank=self.report.measured_on.num_nonblank - kept_nonblank,
            kept_blank=kept_blank,
            removed_blank=self.report.measured_on.num_blank - kept_blank,
        )

    def set_aside_at(self, step: int) -> int:
        """Scored media of the archive, labelled or not, below cutoff `step` / 1000."""
        kept = self.curve.column("num_archive_kept")
        return int(kept[0].as_py() - kept[step].as_py())

    @property
    def num_archive_media(self) -> int:
        """Media of the archive that the report extrapolates to."""
        return self.config.num_archive_media

    @property
    def first_blank_rate(self) -> float:
        """The first blank rate that the report extrapolates to; 0.75 where it has none."""
        return next((there.blank_rate for there in self.report.extrapolations), 0.75)

    @property
    def config(self) -> EvaluateConfig:
        """What the evaluation was asked for."""
        return EvaluateConfig.model_validate(self.report.config)

    @property
    def first_step(self) -> int:
        """The report's own cutoff on the grid, rounded down: the lower cutoff loses no animal more."""
        cutoffs = self.curve.column("cutoff").to_numpy()
        return int(np.searchsorted(cutoffs, self.report.cutoff, side="right")) - 1


def parse_arguments(arguments: list[str]) -> Request:
    """Read what follows `--` on the command line: report locations and `--no-sign-request`."""
    reports = tuple(one for one in arguments if one != _NO_SIGN_REQUEST)
    return Request(reports=reports, storage=Storage(no_sign_request=_NO_SIGN_REQUEST in arguments))


def choose_report(request: Request, wanted: str | None) -> str | None:
    """The report a link asks for if the command line names it; the first without a wish; else None."""
    if wanted is None:
        return request.reports[0] if request.reports else None
    return wanted if wanted in request.reports else None


@st.cache_data(ttl=_FRESH_S, max_entries=8, show_spinner="Reading the report …")
def load_report(_storage: Storage, location: str, no_sign_request: bool) -> LoadedReport:
    """Read a report. It is read again after a minute, so that a new one shows.

    Args:
        _storage: the door to the bytes; not part of the cache's key.
        location: the report folder.
        no_sign_request: part of the key in its stead.

    Raises:
        BlanktrapError: it is missing, damaged, of another schema version, or cannot be reached.
    """
    return LoadedReport(
        report=read_report(_storage, location),
        curve=read_report_table(_storage, location, "curve"),
        histogram=read_report_table(_storage, location, "histogram"),
    )
