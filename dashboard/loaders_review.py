"""Review queues and what was decided of them, looked up.

Owns: the caches of both. Refuses: any location that its caller did not take from the command line or from
what was named there.
"""

import pyarrow as pa
import streamlit as st

from blanktrap.core.audits.review import UNSURE, Answer, SettledAnswers
from blanktrap.core.errors import BlanktrapError
from blanktrap.files.decision_logs import Decisions, iter_decisions, list_decisions
from blanktrap.files.outputs import OutputKind
from blanktrap.files.reports import ERROR_SAMPLE
from blanktrap.files.review_queues import RECORD, ReviewQueue, read_review_queue
from blanktrap.files.storage import Storage, join
from dashboard.inputs import Opened

_FRESH_S, _KEPT_S = 5, 600

ANSWERS = pa.schema(
    [
        ("media_id", pa.string()),
        ("label", pa.string()),
        ("species", pa.list_(pa.string())),
        ("position", pa.string()),
        ("circumstances", pa.list_(pa.string())),
        ("labelled_by", pa.string()),
        ("labelled_at", pa.timestamp("ms")),
        ("people_differ", pa.bool_()),
    ]
)


def queues_of(opened: Opened) -> tuple[str, ...]:
    """The queues named at the start, and the samples of errors inside the reports that were."""
    found = list(opened.inputs.of(OutputKind.QUEUE))
    for report in opened.inputs.of(OutputKind.REPORT):
        sample = join(report, ERROR_SAMPLE)
        if _is_there(opened.storage, sample, opened.storage.no_sign_request):
            found.append(sample)
    return tuple(dict.fromkeys(found))


@st.cache_data(ttl=_KEPT_S, max_entries=64, show_spinner=False)
def _is_there(_storage: Storage, location: str, no_sign_request: bool) -> bool:
    try:
        return _storage.exists(join(location, RECORD))
    except BlanktrapError:
        return False


def load_queue(storage: Storage, location: str) -> ReviewQueue:
    """Read a queue.

    Raises:
        ReviewError, SourceError: it cannot be read.
    """
    return _load_queue(storage, location, storage.no_sign_request)


@st.cache_resource(ttl=_KEPT_S, max_entries=8, show_spinner="Reading the queue …")
def _load_queue(_storage: Storage, location: str, no_sign_request: bool) -> ReviewQueue:
    return read_review_queue(_storage, location)


def load_decisions(storage: Storage, location: str) -> Decisions:
    """What everybody decided of a queue, some seconds old at most; what has not grown is not read again.

    Raises:
        ReviewError, SourceError: a file cannot be read.
    """
    return _load_decisions(storage, location, storage.no_sign_request)


@st.cache_resource(ttl=_FRESH_S, max_entries=16, show_spinner=False)
def _load_decisions(_storage: Storage, location: str, no_sign_request: bool) -> Decisions:
    answers: list[Answer] = []
    num_cut_off = 0
    files = list_decisions(_storage, location)
    for entry in files:
        said = _load_file(_storage, entry.uri, entry.size_bytes, no_sign_request)
        answers += (one for one in said if one is not None)
        num_cut_off += sum(one is None for one in said)
    return Decisions(answers=tuple(answers), num_files=len(files), num_cut_off=num_cut_off)


@st.cache_resource(ttl=_KEPT_S, max_entries=2_000, show_spinner=False)
def _load_file(
    _storage: Storage, uri: str, size_bytes: int, no_sign_request: bool
) -> tuple[Answer | None, ...]:
    return tuple(iter_decisions(_storage.read_bytes(uri), uri))


def answers_table(settled: SettledAnswers) -> pa.Table:
    """Settled answers as a table that `--answers`, `--annotations` and `--tags` read."""
    differing = set(settled.differing)
    rows = [
        {
            "media_id": one.media_id,
            "label": one.label.value if one.label is not None else UNSURE,
            "species": list(one.species),
            "position": one.position,
            "circumstances": list(one.circumstances),
            "labelled_by": one.labelled_by,
            "labelled_at": one.labelled_at,
            "people_differ": one.media_id in differing,
        }
        for one in settled.answers.values()
    ]
    return pa.Table.from_pylist(rows, schema=ANSWERS)
