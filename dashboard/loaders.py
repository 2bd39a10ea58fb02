"""Reading reports, once.

Owns: the cache of reports, and the figures of a report at any cutoff of its grid, ready before anybody asks.
Refuses: any location that its caller did not take from the command line.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.reporting.report import Report
from blanktrap.core.statistics.metrics import ConfusionCounts
from blanktrap.files.reports import read_report, read_report_table
from blanktrap.files.storage import Storage

_FRESH_S = 60

Column = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedReport:
    """A report with the tables that move with the cutoff."""

    location: str
    report: Report
    curve: pa.Table
    """1,001 rows, one for each cutoff 0, 0.001, …, 1."""
    histogram: pa.Table

    @cached_property
    def _columns(self) -> dict[str, Column]:
        return {name: self.curve.column(name).to_numpy() for name in self.curve.column_names}

    def column(self, name: str) -> Column:
        """A column of the curve, shape (1001,); nan where it is null, and throughout where it is missing."""
        found = self._columns.get(name)
        return np.full(self.curve.num_rows, np.nan) if found is None else found.astype(np.float64)

    def counts_at(self, step: int) -> ConfusionCounts:
        """Confusion counts of the measured media at cutoff `step` / 1000."""
        kept_nonblank = int(self._columns["num_kept_nonblank"][step])
        kept_blank = int(self._columns["num_kept_blank"][step])
        return ConfusionCounts(
            kept_nonblank=kept_nonblank,
            missed_nonblank=self.report.measured_on.num_nonblank - kept_nonblank,
            kept_blank=kept_blank,
            removed_blank=self.report.measured_on.num_blank - kept_blank,
        )

    def interval_at(self, step: int, name: str) -> tuple[float, float] | None:
        """The 95 % interval of a figure at cutoff `step` / 1000; None where there is none."""
        low, high = self.column(f"{name}_low")[step], self.column(f"{name}_high")[step]
        return None if np.isnan(low) or np.isnan(high) else (float(low), float(high))

    def set_aside_at(self, step: int) -> int:
        """Scored media of the archive, labelled or not, below cutoff `step` / 1000."""
        kept = self._columns["num_archive_kept"]
        return int(kept[0] - kept[step])

    @property
    def first_blank_rate(self) -> float:
        """The first blank rate that the report extrapolates to; 0.75 where it has none."""
        return next((there.blank_rate for there in self.report.extrapolations), 0.75)

    @cached_property
    def config(self) -> EvaluateConfig:
        """What the evaluation was asked for."""
        return EvaluateConfig.model_validate(self.report.config)

    @property
    def first_step(self) -> int:
        """The report's own cutoff on the grid, rounded down: the lower cutoff loses no animal more."""
        cutoffs = self._columns["cutoff"]
        return int(np.searchsorted(cutoffs, self.report.cutoff, side="right")) - 1


@st.cache_resource(ttl=_FRESH_S, max_entries=16, show_spinner="Reading the report …")
def _load_report(_storage: Storage, location: str, no_sign_request: bool) -> LoadedReport:
    return LoadedReport(
        location=location,
        report=read_report(_storage, location),
        curve=read_report_table(_storage, location, "curve"),
        histogram=read_report_table(_storage, location, "histogram"),
    )


def load_report(storage: Storage, location: str) -> LoadedReport:
    """Read a report. It is read again after a minute, so that a new one shows.

    Raises:
        BlanktrapError: it is missing, damaged, of another schema version, or cannot be reached.
    """
    return _load_report(storage, location, storage.no_sign_request)


@st.cache_resource(ttl=_FRESH_S, max_entries=64, show_spinner="Reading the report …")
def _load_table(_storage: Storage, location: str, name: str, no_sign_request: bool) -> pa.Table:
    return read_report_table(_storage, location, name)


def load_table(storage: Storage, location: str, name: str) -> pa.Table:
    """One of the tables of a report. Errors as `load_report`."""
    return _load_table(storage, location, name, storage.no_sign_request)
