"""The page "Savings": hours, weeks and money, gross and net, against animals lost.

Owns: what is seen. Refuses: arithmetic of its own, and one number for blanks removed and animals lost.
"""

import streamlit as st

from blanktrap.core.statistics.savings import HandWork, MachineWork, NetSavings, savings_of
from blanktrap.core.wording import count, percent
from dashboard import drawing
from dashboard.charts_savings import savings_drawing, savings_table
from dashboard.compared_cutoffs import expected_counts
from dashboard.controls import (
    IMAGES,
    NUMBER_PX,
    choose_blank_rate,
    choose_cutoff,
    choose_work,
    follow_report,
)
from dashboard.downloads import offer
from dashboard.inputs import Opened
from dashboard.layout import Card, show_cards, show_rows, split
from dashboard.loaders import LoadedReport, load_report
from dashboard.wording import hours, money, plain, show_no_report


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Savings", anchor=False)
    if opened.report is None:
        show_no_report()
        return
    loaded = load_report(opened.storage, opened.report)
    st.markdown(
        f"What a cutoff is worth in your archive: calculated from what was measured on "
        f"{plain(loaded.report.measured_on.description)}."
    )
    follow_report(loaded)
    _show_all(loaded)


@st.fragment
def _show_all(loaded: LoadedReport) -> None:
    left, right = split("controls")
    with left:
        step = choose_cutoff(loaded)
    with right:
        blank_rate = choose_blank_rate(loaded)
    with st.container(horizontal=True, key="numbers"):
        work = choose_work(loaded)
        num_media, num_audited, machine = _choose_archive(loaded)
    expected = expected_counts(loaded, step, blank_rate=blank_rate, num_media=num_media)
    if expected is None:
        st.info("It takes labelled images of both kinds to say what to expect of an archive.")
        return
    savings = savings_of(expected, work)
    net = NetSavings(
        savings=savings, num_audited=min(num_audited, savings.num_not_looked_at), machine=machine
    )
    _show_figures(net, expected.num_nonblank)
    _show_account(net)
    _show_curve(loaded, step, work, blank_rate=blank_rate, num_media=num_media)


def _choose_archive(loaded: LoadedReport) -> tuple[int, int, MachineWork | None]:
    """Images of the archive, images that people check all the same, and what scoring costs."""
    config = loaded.config
    num_media = st.number_input(
        "Images",
        min_value=1,
        value=loaded.report.archive.num_media,
        key=IMAGES,
        bind="query-params",
        width=NUMBER_PX,
        help="Images of your archive, labelled or not; the archive that was scored here to begin with.",
    )
    num_audited = st.number_input(
        "Checked by eye",
        min_value=0,
        value=config.num_audit_images,
        step=100,
        key="audited",
        bind="query-params",
        width=NUMBER_PX,
        help="Images called blank that people look at to check the discard pile.",
    )
    price_per_hour = st.number_input(
        "Machine an hour",
        min_value=0.0,
        value=float(config.price_per_hour or 0.0),
        step=0.1,
        key="machine_price",
        bind="query-params",
        width=NUMBER_PX,
        help="What an hour of the scoring machine costs, in the same currency; 0 leaves it out.",
    )
    images_per_s = st.number_input(
        "Images a second",
        min_value=0.1,
        value=10.0,
        step=1.0,
        key="pace",
        bind="query-params",
        width=NUMBER_PX,
        help="How many images that machine scores in a second: the page Runs has it, or the run's run.json.",
    )
    if not price_per_hour:
        return num_media, num_audited, None
    machine = MachineWork(wall_s=num_media / images_per_s, price_per_hour=price_per_hour)
    return num_media, num_audited, machine


def _show_figures(net: NetSavings, num_nonblank: float) -> None:
    savings = net.savings
    week = f"{savings.work.hours_per_week:g} hours"
    lost = savings.num_nonblank_lost / num_nonblank if num_nonblank else None
    cards = [
        Card(
            name="Hours saved",
            value=hours(savings.hours_not_looking),
            note=f"{count(savings.num_not_looked_at)} images not looked at",
            explained="What looking at all images called blank would take one person: blanks and lost "
            "animals alike.",
        ),
        Card(
            name="Weeks saved",
            value=f"{savings.weeks_not_looking:,.1f}",
            note=f"of {week}",
            explained="The same in working weeks of one person.",
        ),
        Card(
            name="Animals lost",
            value=count(savings.num_nonblank_lost),
            note=f"images, {percent(lost)} of the nonblank",
            explained="Images with an animal, a person or a vehicle that nobody will look at: the price.",
        ),
        Card(
            name="Money saved, net",
            value="-" if net.money_net is None else money(net.money_net),
            note="give a wage to see it" if net.money_net is None else "less checks and machines",
            explained="Wages not spent on looking, less what checking and scoring cost; the currency of the "
            "wage.",
        ),
    ]
    show_cards("savings", cards)


def _show_account(net: NetSavings) -> None:
    savings = net.savings
    rows: list[tuple[str, float | None, float | None]] = [
        ("Not looking at images called blank", savings.hours_not_looking, net.money_gross),
        ("of these, true blanks", savings.hours_on_blanks, savings.work.money(savings.num_blanks_removed)),
    ]
    if net.num_audited:
        rows.append(("less checking the discard pile", -net.hours_auditing, _less(net.money_auditing)))
    if net.machine is not None:
        rows.append(("less scoring on machines", None, _less(net.money_machine)))
    rows.append(("Net", net.hours_net, net.money_net))
    st.subheader("The account", anchor=False)
    show_rows(
        [
            {
                "": name,
                "Hours of people": "-" if num_hours is None else hours(num_hours),
                "Money": "-" if sum_of_money is None else money(sum_of_money),
            }
            for name, num_hours, sum_of_money in rows
        ],
    )
    if net.machine is not None:
        st.caption(f"Scoring takes {hours(net.machine.hours)} of one machine; they are nobody's hours.")


def _less(sum_of_money: float | None) -> float | None:
    return None if sum_of_money is None else -sum_of_money


def _show_curve(
    loaded: LoadedReport, step: int, work: HandWork, *, blank_rate: float, num_media: int
) -> None:
    table = savings_table(loaded, work, blank_rate=blank_rate, num_media=num_media)
    chart = savings_drawing(table, step)
    st.subheader("Hours saved against animals lost", anchor=False)
    drawing.show(chart, key="savings")
    st.caption(
        f"Each point of the line is a cutoff; the large one is chosen. For {count(num_media)} images, "
        f"{100 * blank_rate:.0f} % blank, {work.images_per_hour:g} images an hour."
    )
    offer("hours-by-animals-lost", drawing=chart, table=table)
