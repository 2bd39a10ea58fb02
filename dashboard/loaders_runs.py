"""Reading scoring runs, models and trainings, once.

Owns: their cache, and which of them the inputs lead to. Refuses: any location that was not named at the start
and that nothing named there names.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import streamlit as st

from blanktrap.core.errors import BlanktrapError
from blanktrap.core.model_card import CARD_NAME, ModelCard
from blanktrap.files.model_cards import read_card
from blanktrap.files.outputs import OutputKind, recognise_output
from blanktrap.files.run_progress import RunProgress, read_progress
from blanktrap.files.storage import Storage, join
from blanktrap.files.training_logs import read_training_log
from dashboard.inputs import Opened
from dashboard.loaders import LoadedReport, load_report

_FRESH_S = 60
_MOST_FOLDS = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A checkpoint, or a training that has not written one yet."""

    location: str
    card: ModelCard | None
    """None while it trains."""
    log: pa.Table | None
    """One row an epoch; None where none is written down."""


def scores_locations(opened: Opened) -> tuple[str, ...]:
    """The scores that were named, and those that the named reports were made of."""
    found = list(opened.inputs.of(OutputKind.SCORES))
    for location in opened.inputs.of(OutputKind.REPORT):
        try:
            found.append(load_report(opened.storage, location).report.scores)
        except BlanktrapError:
            continue
    return tuple(dict.fromkeys(found))


def are_scores_there(opened: Opened, loaded: LoadedReport) -> bool:
    """Whether the scores that a report was made of can be read from here."""
    return _is_of_kind(
        opened.storage, loaded.report.scores, OutputKind.SCORES, opened.storage.no_sign_request
    )


@st.cache_data(ttl=_FRESH_S, max_entries=64, show_spinner=False)
def _is_of_kind(_storage: Storage, location: str, kind: OutputKind, no_sign_request: bool) -> bool:
    try:
        return recognise_output(_storage, location) is kind
    except BlanktrapError:
        return False


def model_locations(opened: Opened) -> tuple[str, ...]:
    """The models that were named, and those of the folds that were named."""
    found = list(opened.inputs.of(OutputKind.CHECKPOINT))
    for folds in opened.inputs.of(OutputKind.FOLDS):
        found += _fold_locations(opened.storage, folds, opened.storage.no_sign_request)
    return tuple(dict.fromkeys(found))


@st.cache_data(ttl=_FRESH_S, max_entries=32, show_spinner=False)
def _fold_locations(_storage: Storage, folds: str, no_sign_request: bool) -> list[str]:
    found = []
    for fold in range(_MOST_FOLDS):
        location = join(folds, f"fold-{fold}")
        if not _storage.exists(join(location, CARD_NAME)):
            break
        found.append(location)
    return found


@st.cache_resource(ttl=_FRESH_S, max_entries=64, show_spinner="Reading the model card …")
def _load_model(_storage: Storage, location: str, no_sign_request: bool) -> LoadedModel:
    log = read_training_log(_storage, location)
    card = read_card(_storage, location) if _storage.exists(join(location, CARD_NAME)) else None
    return LoadedModel(location=location, card=card, log=log)


def load_model(storage: Storage, location: str) -> LoadedModel:
    """A model's card and the log of its training. Raises BlanktrapError."""
    return _load_model(storage, location, storage.no_sign_request)


@st.cache_resource(ttl=_FRESH_S, max_entries=32, show_spinner="Reading the run …")
def _load_progress(_storage: Storage, location: str, look: int, no_sign_request: bool) -> RunProgress:
    return read_progress(_storage, location)


def load_progress(storage: Storage, location: str, *, look: int = 0) -> RunProgress:
    """How far a scoring run is, from run.json and some of its parts.

    Args:
        storage: the door to the bytes.
        location: the scores dataset.
        look: another number looks again at a run that goes on.

    Raises:
        BlanktrapError: there is no run, it is damaged, or cannot be reached.
    """
    return _load_progress(storage, location, look, storage.no_sign_request)


def described(record: dict[str, Any], *names: str) -> Any:
    """A value deep in a run.json; None where it is not there."""
    found: Any = record
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found
