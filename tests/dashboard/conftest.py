"""A small archive that was scored and measured, and a way to open the dashboard on it."""

import sys

import numpy as np
import pyarrow as pa
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage
from tests.dashboard.seen import HOSTILE

NUM_MEDIA = 300
NUM_FAILED = 10


@pytest.fixture(scope="session")
def archive():
    """Scores and labels; the last ten media could not be read."""
    random = np.random.default_rng(7)
    is_nonblank = random.random(NUM_MEDIA) < 0.4
    scores = np.where(is_nonblank, random.beta(4, 2, NUM_MEDIA), random.beta(1, 5, NUM_MEDIA))
    return scores.astype(np.float32), is_nonblank


@pytest.fixture(scope="session")
def scores_dataset(archive, tmp_path_factory):
    """The scores, in a folder whose name tries to be HTML, of a model and species whose names do too."""
    scores, is_nonblank = archive
    location = str(tmp_path_factory.mktemp("dashboard") / "<b>scores")
    identity = RunIdentity(
        manifest_digest="sha256:d",
        num_media=NUM_MEDIA,
        model_id="m1",
        chunk_size=NUM_MEDIA,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )
    model = {"model_id": HOSTILE, "training_locations": ["L1"]}
    run = begin_run(Storage(), location, identity, {"model": model})
    failed = range(NUM_MEDIA - NUM_FAILED, NUM_MEDIA)
    rows = [
        {
            "media_id": f"{HOSTILE}{index}.jpg",
            "uri": f"/{index}",
            "location_id": f"L{index % 5}",
            "status": "unreadable" if index in failed else "ok",
            "error": "cannot be decoded: it ends early" if index in failed else None,
            "p_nonblank": None if index in failed else scores[index],
            "is_night": bool(index % 2),
            "brightness": 0.25 + index % 3 / 10,
            "model_id": "m1",
            "label": "nonblank" if is_nonblank[index] else "blank",
            "species": [f"{HOSTILE}deer" if index % 3 else "=fox"] if is_nonblank[index] else [],
        }
        for index in range(NUM_MEDIA)
    ]
    stats = ChunkStats(
        chunk=0,
        num_media=NUM_MEDIA,
        counts={"ok": NUM_MEDIA - NUM_FAILED, "unreadable": NUM_FAILED},
        bytes_read=0,
        fetch_s=0,
        decode_s=0,
        device_s=0,
        number_formats={},
        finished=0,
    )
    write_chunk(Storage(), location, pa.Table.from_pylist(rows, schema=SCORES_SCHEMA), stats)
    finish_run(Storage(), run, {0: stats})
    return location


@pytest.fixture(scope="session")
def reports(scores_dataset, tmp_path_factory):
    """Two reports of the same scores at different cutoffs, in folders whose names try to be HTML."""
    folder = tmp_path_factory.mktemp("reports")
    made = []
    for cutoff in (0.3, 0.6):
        out = str(folder / f"<i>report-{cutoff}")
        config = EvaluateConfig(cutoffs=[cutoff], allow_seen=True)
        evaluate_scores(scores_dataset, out, config=config, storage=Storage())
        made.append(out)
    return made


def _run_app(first):
    from dashboard.app import show_app

    show_app(first)


@pytest.fixture
def open_page(monkeypatch):
    """Open a page as `blanktrap dashboard ARGUMENTS…` shows it, with the parameters of a link."""

    def run(name, *arguments, **parameters):
        monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
        # A page runs as `__main__`; left there, later tests that spawn processes would start it in each.
        monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        st.cache_data.clear()
        st.cache_resource.clear()
        page = AppTest.from_function(_run_app, args=(name,), default_timeout=60)
        for key, value in parameters.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception
        return page

    return run
