"""The two lists that a cutoff makes of an archive: to look at, and to set aside.

Owns: the lists as CSV files, made by the export's own code when they are asked for. Refuses: archives whose
lists a browser would choke on; the command line has them.
"""

import csv
import io
import tempfile
from pathlib import Path

import streamlit as st

from blanktrap.core.config import ExportConfig
from blanktrap.core.vocabulary import Decision
from blanktrap.files.exporting import export_scores
from blanktrap.files.storage import Storage

MOST_MEDIA = 200_000

LOOK_AT = (Decision.KEEP.value, Decision.REVIEW.value, Decision.UNREADABLE.value)
SET_ASIDE = (Decision.SET_ASIDE.value,)


def offer_lists(storage: Storage, scores: str, cutoff: float) -> None:
    """Two buttons; nothing is read before one is pressed."""
    with st.container(horizontal=True):
        for label, decisions in (("to-look-at", LOOK_AT), ("to-set-aside", SET_ASIDE)):
            st.download_button(
                f"List {label.replace('-', ' ')}",
                lambda decisions=decisions: list_of(storage, scores, cutoff, decisions),
                file_name=f"{label}.csv",
                mime="text/csv",
                key=f"list {label}",
                icon=":material/download:",
                on_click="ignore",
            )


def list_of(storage: Storage, scores: str, cutoff: float, decisions: tuple[str, ...]) -> bytes:
    """The media of some decisions as CSV, with the columns of `blanktrap export --format csv`.

    Raises:
        BlanktrapError: the scores cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="blanktrap-list-") as scratch:
        path = Path(scratch) / "decisions.csv"
        config = ExportConfig(format="csv", cutoff=cutoff)
        export_scores(scores, str(path), config=config, storage=storage)
        sink = io.StringIO(newline="")
        writer = csv.writer(sink, lineterminator="\r\n")
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader)
            place = header.index("decision")
            writer.writerow(header)
            writer.writerows(row for row in reader if row[place] in decisions)
    return b"\xef\xbb\xbf" + sink.getvalue().encode()
