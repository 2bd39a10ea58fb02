"""Media, their pictures and their heatmaps, looked up once.

Owns: the caches of opened scores, searches, pictures and heatmaps; each is bounded. Refuses: any location
that its caller did not take from the command line or from what was named there. Pictures are of URIs that
stand in scores and queues; no link says which.
"""

import re
from dataclasses import dataclass

import streamlit as st

from blanktrap.core.errors import BlanktrapError, ExplanationError
from blanktrap.core.media_filters import MediaFilter, Order
from blanktrap.files.images.pictures import PictureCache
from blanktrap.files.media_search import MediaSearch, ScoredArchive
from blanktrap.files.outputs import OutputKind
from blanktrap.files.parquet import read_parquet
from blanktrap.files.reports import read_report
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage, join
from dashboard.inputs import Opened

_KEPT_S = 600
_HEATMAPS = "heatmaps.parquet"
# What `explain` calls its pictures; a table from elsewhere cannot name another file.
_OVERLAY = re.compile(r"overlays/[A-Za-z0-9_-]+\.jpg")


def scores_of(opened: Opened) -> tuple[str, ...]:
    """The scores that may be looked at: those named at the start, and those that a named report is of."""
    found = list(opened.inputs.of(OutputKind.SCORES))
    reports = [opened.report] if opened.report is not None else []
    for report in (*reports, *opened.inputs.of(OutputKind.REPORT)):
        named = _scores_of_report(opened.storage, report, opened.storage.no_sign_request)
        if named is not None:
            found.append(named)
    return tuple(dict.fromkeys(found))


@st.cache_data(ttl=_KEPT_S, max_entries=64, show_spinner=False)
def _scores_of_report(_storage: Storage, report: str, no_sign_request: bool) -> str | None:
    """The scores behind a report, where they still stand; they may have been moved."""
    try:
        location = read_report(_storage, report).scores
        return location if _storage.exists(join(location, "run.json")) else None
    except BlanktrapError:
        return None


def load_archive(storage: Storage, location: str) -> ScoredArchive:
    """Open a scores dataset, unfinished ones too.

    Raises:
        ScoresError, SourceError: it cannot be read.
    """
    return _load_archive(storage, location, storage.no_sign_request)


@st.cache_resource(ttl=_KEPT_S, max_entries=4, show_spinner="Opening the scores …")
def _load_archive(_storage: Storage, location: str, no_sign_request: bool) -> ScoredArchive:
    return ScoredArchive(_storage, open_scores(_storage, location, allow_incomplete=True))


def find_media(storage: Storage, location: str, wanted: MediaFilter, order: Order) -> MediaSearch:
    """The search for some media; everybody who asks the same goes on with the same one."""
    return _find_media(storage, location, wanted, order, storage.no_sign_request)


@st.cache_resource(ttl=_KEPT_S, max_entries=12, show_spinner=False)
def _find_media(
    _storage: Storage, location: str, wanted: MediaFilter, order: Order, no_sign_request: bool
) -> MediaSearch:
    return MediaSearch(archive=load_archive(_storage, location), wanted=wanted, order=order)


def pictures_of(storage: Storage) -> PictureCache:
    """The pictures that are kept in memory, for all visitors together."""
    return _pictures_of(storage, storage.no_sign_request)


@st.cache_resource(show_spinner=False)
def _pictures_of(_storage: Storage, no_sign_request: bool) -> PictureCache:
    return PictureCache(_storage)


@dataclass(frozen=True, kw_only=True)
class Heatmap:
    """What `explain` drew of a media."""

    uri: str
    """A picture: the media as the network sees it, and the same with its heat."""
    p_nonblank: float | None


def heatmap_of(opened: Opened, media_id: str) -> Heatmap | None:
    """The heatmap of a media in the folders named at the start; None where none has it."""
    for location in opened.inputs.of(OutputKind.HEATMAPS):
        found = _load_heatmaps(opened.storage, location, opened.storage.no_sign_request).get(media_id)
        if found is not None:
            return found
    return None


@st.cache_resource(ttl=_KEPT_S, max_entries=8, show_spinner="Reading the heatmaps …")
def _load_heatmaps(_storage: Storage, location: str, no_sign_request: bool) -> dict[str, Heatmap]:
    uri = join(location, _HEATMAPS)
    try:
        table = read_parquet(_storage.read_bytes(uri), ["media_id", "overlay", "p_nonblank"])
        rows = table.to_pylist()
        return {
            row["media_id"]: Heatmap(uri=join(location, row["overlay"]), p_nonblank=row["p_nonblank"])
            for row in rows
            if row["overlay"] and _OVERLAY.fullmatch(row["overlay"])
        }
    except (ValueError, KeyError, OSError) as problem:
        if isinstance(problem, BlanktrapError):
            raise
        raise ExplanationError(f"{uri} is damaged: run `blanktrap explain` again") from problem
