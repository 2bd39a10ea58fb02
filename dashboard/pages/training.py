"""The page "Training": how a model learned, what it is worth, what may be done with it.

Owns: what is seen. Refuses: weights; the card and the log of epochs say all that is shown.
"""

import json

import pyarrow as pa
import streamlit as st

from blanktrap.core.evaluation.calibrating import Calibration
from blanktrap.core.model_card import Bounds, ModelCard
from blanktrap.core.reporting.card_text import input_line
from blanktrap.core.wording import count, cutoff_text, duration, percent, span
from dashboard import drawing
from dashboard.charts_training import BY_LIGHT, FIGURES, LOSSES, epochs_drawing, reliability_drawing
from dashboard.downloads import offer
from dashboard.inputs import Opened
from dashboard.layout import Card, show_cards, show_rows, split
from dashboard.loaders_runs import LoadedModel, load_model, model_locations
from dashboard.wording import plain, sentence, show_nothing


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Training", anchor=False)
    locations = model_locations(opened)
    if not locations:
        show_nothing(
            "No model was named",
            "Name a model, a training that goes on, or a folder of folds beside the report:",
            "blanktrap dashboard REPORT MODEL",
        )
        return
    location = locations[0]
    if len(locations) > 1:
        location = st.selectbox("Model", locations, key="model", bind="query-params")
    model = load_model(opened.storage, location)
    if model.card is None:
        st.info("This training goes on, or was stopped before its end: there is no model yet.", icon="⏳")
    else:
        for warning in model.card.warnings:
            st.warning(sentence(warning), icon=":material/warning:")
        _show_figures(model.card)
    if model.log is not None and model.log.num_rows:
        _show_epochs(model.log)
    if model.card is not None:
        if model.card.calibration is not None:
            _show_reliability(model.card.calibration)
        _show_promise(model.card)
        _show_card(model.card)
    _show_comparison(opened, locations)


def _show_figures(card: ModelCard) -> None:
    figures, bounds = card.metrics, card.intervals
    st.markdown(
        f"Measured on **{count(figures.num_media)} validation images** ({count(figures.num_nonblank)} "
        f"nonblank) of {count(figures.num_locations)} locations, which also chose the epoch and the cutoff: "
        f"a report on test locations says more."
    )

    def shown(name: str, value: float | None, interval: Bounds | None, explained: str) -> Card:
        note = "no interval" if interval is None else f"95 %: {span(interval)}"
        return Card(name=name, value=percent(value), note=note, explained=explained)

    show_cards(
        "validation",
        [
            shown(
                "Average precision",
                figures.average_precision,
                bounds and bounds.average_precision,
                "How well nonblank images are ranked above blank ones, over all cutoffs.",
            ),
            shown(
                "Area under ROC",
                figures.area_under_roc,
                bounds and bounds.area_under_roc,
                "Chance that a nonblank image scores above a blank one.",
            ),
            shown(
                f"Recall at {cutoff_text(card.recommended_cutoff)}",
                figures.nonblank_recall,
                bounds and bounds.nonblank_recall,
                "Share of the nonblank images kept at the recommended cutoff.",
            ),
            shown(
                "Blank recall there",
                figures.blank_recall,
                bounds and bounds.blank_recall,
                "Share of the blanks removed at the recommended cutoff.",
            ),
        ],
    )


def _show_epochs(log: pa.Table) -> None:
    left, right = split("epochs")
    with left:
        st.subheader("Loss", anchor=False)
        chart = epochs_drawing(log, LOSSES, title="loss", is_share=False)
        drawing.show(chart, key="losses")
        st.caption("The upright line is the epoch whose weights were kept.")
        offer("loss-by-epoch", drawing=chart, table=log)
    with right:
        st.subheader("On validation images", anchor=False)
        chart = epochs_drawing(log, FIGURES, title="share", is_share=True)
        drawing.show(chart, key="figures")
        st.caption("By image, before calibration.")
        offer("figures-by-epoch", drawing=chart)
    with st.expander("By day, by night, by sequence"):
        drawing.show(epochs_drawing(log, BY_LIGHT, title="average precision", is_share=True), key="by light")


def _show_reliability(calibration: Calibration) -> None:
    st.subheader("Are scores probabilities?", anchor=False)
    measured = {"as the network gives them": calibration.before, "calibrated": calibration.after}
    if calibration.elsewhere is not None:
        measured["calibrated, at other locations"] = calibration.elsewhere
    left, right = split("reliability")
    with left:
        chart = reliability_drawing(measured)
        drawing.show(chart, key="reliability")
        offer("reliability", drawing=chart)
    with right:
        show_rows(
            [
                {
                    "Scores": name,
                    "Mean distance": percent(one.ece),
                    "Log loss": f"{one.log_loss:.3f}",
                    "Brier": f"{one.brier:.3f}",
                }
                for name, one in measured.items()
            ],
        )
        st.caption(
            f"On the dashed line, of the images scored 80 % four in five show something. It holds where as "
            f"many are blank as here: {percent(calibration.blank_rate)}."
        )


def _show_promise(card: ModelCard) -> None:
    if card.promise is not None:
        st.info(sentence(card.promise.said), icon=":material/verified:")


def _show_card(card: ModelCard) -> None:
    st.subheader("Model card", anchor=False)
    facts = {
        "model": card.model_id,
        "made": f"{card.created:%Y-%m-%d %H:%M} UTC, blanktrap {card.blanktrap_version}",
        "input": input_line(card.preprocessing),
        "learned at": f"{len(card.training_locations):,} locations",
        "validated at": f"{len(card.validation_locations):,} locations",
        "labels": ", ".join(f"{num:,} {name}" for name, num in sorted(card.label_counts.items())),
        "manifest": card.manifest_digest,
    }
    if card.training is not None:
        went = card.training
        facts["training"] = (
            f"{went.num_epochs} epochs, the best was {went.best_epoch}; {duration(went.training_s)}, "
            f"{went.images_per_s:.1f} images/s"
        )
    st.code("\n".join(f"{name:<13}{value}" for name, value in facts.items()), language=None, wrap_lines=True)
    left, right = split("use")
    left.markdown(f"**For:** {plain(card.intended_use)}")
    right.markdown(f"**Limits:** {plain(card.limits)}")
    with st.expander("The recipe"):
        st.code(json.dumps(card.config.model_dump(mode="json"), indent=1), language="json")


def _show_comparison(opened: Opened, locations: tuple[str, ...]) -> None:
    models = [load_model(opened.storage, one) for one in locations]
    rows = [_compared(model) for model in models if model.card is not None]
    if len(rows) < 2:
        return
    st.subheader("Models side by side", anchor=False)
    table = pa.Table.from_pylist(rows)
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(name.replace("_", " "), format="percent")
            for name in ("average_precision", "area_under_roc", "nonblank_recall", "blank_recall")
        },
    )
    st.caption(
        "Each is measured on its own validation images: where these differ, so do the figures. "
        "`blanktrap evaluate --compare` sets two side by side on the same images."
    )
    offer("models", table=table)


def _compared(model: LoadedModel) -> dict[str, object]:
    card = model.card
    assert card is not None
    return {
        "model": model.location,
        "average_precision": card.metrics.average_precision,
        "area_under_roc": card.metrics.area_under_roc,
        "nonblank_recall": card.metrics.nonblank_recall,
        "blank_recall": card.metrics.blank_recall,
        "cutoff": card.recommended_cutoff,
        "num_media": card.metrics.num_media,
        "num_locations": card.metrics.num_locations,
    }
