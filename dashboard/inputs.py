"""What the command line allows to be shown.

Owns: reading the dashboard's own command line, and naming what each location is. Refuses: any path that was
not given there, or that an output given there does not itself name, whatever a link says.
"""

from dataclasses import dataclass

import streamlit as st

from blanktrap.core.errors import BlanktrapError
from blanktrap.files.outputs import OutputKind, recognise_output
from blanktrap.files.storage import Storage

_NO_SIGN_REQUEST = "--no-sign-request"
_FRESH_S = 60


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What was named when the dashboard was started."""

    locations: tuple[str, ...]
    """In the order of the command line, each once."""
    storage: Storage
    kinds: dict[str, OutputKind]
    """By location; what cannot be told now is missing."""
    problems: dict[str, BlanktrapError]
    """Why it cannot be told, by location."""

    def of(self, kind: OutputKind) -> tuple[str, ...]:
        """The locations of one kind, in the order of the command line."""
        return tuple(one for one in self.locations if self.kinds.get(one) is kind)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a page is asked to show."""

    inputs: Inputs
    report: str | None
    """The report chosen in the sidebar; None where no report was named."""

    @property
    def storage(self) -> Storage:
        """The door to the bytes."""
        return self.inputs.storage


def read_inputs(arguments: list[str]) -> Inputs:
    """Read what follows `--` on the command line: locations and `--no-sign-request`."""
    locations = tuple(dict.fromkeys(one for one in arguments if one != _NO_SIGN_REQUEST))
    storage = Storage(no_sign_request=_NO_SIGN_REQUEST in arguments)
    kinds: dict[str, OutputKind] = {}
    problems: dict[str, BlanktrapError] = {}
    for location in locations:
        try:
            kinds[location] = _kind_of(storage, location, storage.no_sign_request)
        except BlanktrapError as problem:
            problems[location] = problem
    return Inputs(locations=locations, storage=storage, kinds=kinds, problems=problems)


@st.cache_data(ttl=_FRESH_S, max_entries=256, show_spinner=False)
def _kind_of(_storage: Storage, location: str, no_sign_request: bool) -> OutputKind:
    return recognise_output(_storage, location)
