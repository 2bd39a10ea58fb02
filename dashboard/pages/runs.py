"""The page "Runs": how scoring went, and how it goes where it goes on.

Owns: what is seen. Refuses: rows of scores; run.json and the footers of some parts say all that is shown.
"""

import time

import pyarrow as pa
import streamlit as st

from blanktrap.core.statistics.savings import MachineWork
from blanktrap.core.wording import count, duration, number, percent
from blanktrap.files.run_progress import RunProgress
from dashboard import drawing
from dashboard.charts_runs import speed_drawing
from dashboard.downloads import offer
from dashboard.inputs import Opened
from dashboard.layout import Card, show_cards, split
from dashboard.loaders_runs import described, load_progress, scores_locations
from dashboard.wording import money, show_nothing

_LOOK_EVERY_S = 5


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Runs", anchor=False)
    locations = scores_locations(opened)
    if not locations:
        show_nothing(
            "No scoring run was named",
            "Name scores, finished or not, or a report of some:",
            "blanktrap dashboard SCORES",
        )
        return
    location = locations[0]
    if len(locations) > 1:
        location = st.selectbox("Run", locations, key="run", bind="query-params")
    if load_progress(opened.storage, location).is_complete:
        _show_run(load_progress(opened.storage, location))
    else:
        _show_running(opened, location)


@st.fragment(run_every=_LOOK_EVERY_S)
def _show_running(opened: Opened, location: str) -> None:
    progress = load_progress(opened.storage, location, look=int(time.time()) // _LOOK_EVERY_S)
    if progress.is_complete:
        st.rerun()
    st.info("This run goes on, or was stopped: the page looks again every few seconds.", icon="⏳")
    st.progress(
        progress.num_scored / progress.num_media,
        text=f"{count(progress.num_scored)} of {count(progress.num_media)} images "
        f"({percent(progress.num_scored / progress.num_media)}){_time_left(progress)}",
    )
    _show_run(progress)


def _time_left(progress: RunProgress) -> str:
    """From the last intervals, which know the machines that run now."""
    recent = progress.speed.column("images_per_s").to_numpy()[-5:]
    pace = float(recent.mean()) if recent.size else 0.0
    left = progress.num_media - progress.num_scored
    return f", about {duration(left / pace)} left at {pace:,.1f} images a second" if pace and left else ""


def _show_run(progress: RunProgress) -> None:
    num_failed = sum(num for status, num in progress.counts.items() if status != "ok")
    pace = described(progress.record, "images_per_s")
    wall_s = _wall_s(progress)
    show_cards(
        "run",
        [
            Card(
                name="Scored",
                value=count(progress.num_scored),
                note=f"of {count(progress.num_media)} images",
                explained="Images with a row, whatever happened to them.",
            ),
            Card(
                name="Failed",
                value=count(num_failed),
                note=percent(num_failed / progress.num_scored if progress.num_scored else None) + " of them",
                explained="Images that are missing, unreadable, too large or unsupported. They stay with "
                "people.",
            ),
            Card(
                name="Speed",
                value="-" if not pace else f"{pace:,.1f}/s",
                note="images a second, with starting up",
                explained="Images of the run over the time of all its sessions.",
            ),
            Card(
                name="Took",
                value="-" if wall_s is None else duration(wall_s),
                note=number(len(progress.record["sessions"]), "session"),
                explained="From the start of each session to its last finished part; a run that was stopped "
                "has several.",
            ),
        ],
    )
    _show_speed(progress)
    left, right = split("run")
    with left:
        _show_failures(progress, num_failed)
    with right:
        _show_machines(progress, wall_s)
    _show_origin(progress)


def _wall_s(progress: RunProgress) -> float | None:
    wall_s = progress.record.get("wall_s")
    return float(wall_s) if isinstance(wall_s, int | float) else None


def _show_speed(progress: RunProgress) -> None:
    st.subheader("Speed over time", anchor=False)
    if progress.speed.num_rows < 2:
        st.caption("Too few parts are finished to say how fast it was at what time.")
        return
    chart = speed_drawing(progress.speed)
    drawing.show(chart, key="speed")
    st.caption(
        f"From the time at which each part was finished"
        f"{f', of an even selection of the {progress.num_parts:,} parts' if progress.is_sampled else ''}."
    )
    offer("speed", drawing=chart, table=progress.speed)


def _show_failures(progress: RunProgress, num_failed: int) -> None:
    st.subheader("What failed, and why", anchor=False)
    if not progress.reasons.num_rows:
        st.caption("No image failed.")
        return
    st.dataframe(
        progress.reasons,
        hide_index=True,
        column_config={
            "status": "Status",
            "reason": st.column_config.TextColumn("Reason", width="medium"),
            "num_media": st.column_config.NumberColumn("Images", format="localized"),
            "example_media_id": "For example",
        },
    )
    if sum(progress.reasons.column("num_media").to_pylist()) < num_failed:
        st.caption("Of some of the parts with failures, evenly chosen: shares say more than counts.")
    offer("failures", table=progress.reasons)


def _show_machines(progress: RunProgress, wall_s: float | None) -> None:
    st.subheader("Machines and cost", anchor=False)
    price, machines = st.columns(2)
    price_per_hour = price.number_input(
        "Machine an hour",
        min_value=0.0,
        value=0.0,
        step=0.1,
        key="machine_price",
        bind="query-params",
        help="What one machine costs an hour, in any currency.",
    )
    num_machines = machines.number_input(
        "Machines",
        min_value=1,
        value=1,
        key="machines",
        bind="query-params",
        help="Side by side, all the while.",
    )
    rows = {}
    if wall_s is not None:
        work = MachineWork(wall_s=wall_s, price_per_hour=price_per_hour, num_machines=num_machines)
        rows["machine hours"] = f"{work.hours:,.2f}"
        if price_per_hour:
            rows["cost"] = money(work.money)
            if progress.num_media:
                rows["cost of a million images"] = money(work.money / progress.num_media * 1e6)
    for name, label in (("fetch_s", "fetching"), ("decode_s", "decoding"), ("device_s", "network")):
        seconds = progress.record.get(name)
        if isinstance(seconds, int | float):
            rows[f"time spent {label}"] = f"{duration(seconds)}, all workers together"
    read = progress.record.get("bytes_read")
    if isinstance(read, int | float):
        rows["read"] = f"{read / 1e9:,.2f} GB"
    formats = progress.record.get("number_formats")
    if isinstance(formats, dict) and formats:
        rows["arithmetic"] = ", ".join(f"{name}: {num:,} images" for name, num in formats.items())
    st.code("\n".join(f"{name:<26}{value}" for name, value in rows.items()) or "not known yet", language=None)


def _show_origin(progress: RunProgress) -> None:
    record = progress.record
    with st.expander("Where this run comes from"):
        versions = described(record, "versions") or {}
        rows = {
            "scores": progress.location,
            "manifest": described(record, "manifest", "location") or "not named",
            "model": described(record, "model", "model_id") or "not named",
            "parts": f"{progress.num_parts:,} of {progress.num_chunks:,}",
            "versions": ", ".join(f"{name} {version}" for name, version in versions.items()) or "not named",
        }
        st.code(
            "\n".join(f"{name:<10}{value}" for name, value in rows.items()), language=None, wrap_lines=True
        )
        sessions = [
            {key: one[key] for key in ("started", "wall_s", "num_media") if key in one}
            for one in record["sessions"]
        ]
        if sessions and all("wall_s" in one for one in sessions):
            st.dataframe(
                pa.Table.from_pylist(sessions),
                hide_index=True,
                column_config={
                    "started": st.column_config.NumberColumn("started (Unix time)", format="%d"),
                    "wall_s": st.column_config.NumberColumn("seconds", format="%.1f"),
                    "num_media": st.column_config.NumberColumn("images", format="localized"),
                },
            )
