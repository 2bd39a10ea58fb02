"""A model card in plain words, for people.

Owns: its lines. Refuses: reading the card, and letting a card that came from elsewhere fill the screen: names
and texts in it are cut, and whoever prints the lines takes the control characters out.
"""

from collections.abc import Iterator
from typing import Any

from blanktrap.core.config import Background, Preprocessing, TrainConfig
from blanktrap.core.evaluation.calibrating import Calibration
from blanktrap.core.evaluation.epoch_figures import ClassFigures, EpochFigures
from blanktrap.core.model_card import Bounds, ModelCard, TrainingFacts
from blanktrap.core.statistics.calibration import TemperatureMap
from blanktrap.core.vocabulary import Label, Split
from blanktrap.core.wording import cutoff_text, duration, number, percent, short_name, span

_MAX_TEXT = 600
_MAX_NAMED = 8
"""Locations, warnings and the like that are told one by one."""
_COMPARED: dict[Background, str] = {
    "none": "each media by itself",
    "sequence": "compared with the other frames of its sequence",
    "location": "compared with others of its location",
}


def describe_card(card: ModelCard) -> list[str]:
    """The card, a line for each thing it says."""
    return [
        f"model {card.model_id}, trained until {card.created:%Y-%m-%d %H:%M} UTC by blanktrap "
        f"{short_name(card.blanktrap_version)}",
        f"input: {input_line(card.preprocessing)}",
        f"recipe: {_recipe(card.config)}",
        f"learned from {_counts(card, Split.TRAIN)} of {_places(card.training_locations)}",
        f"validated on {_counts(card, Split.VAL)} of {_places(card.validation_locations)}{_shared(card)}",
        f"manifest: {short_name(card.manifest_digest)}",
        *([f"training: {_training(card.training, card.config)}"] if card.training else []),
        *_metrics(card),
        *(_parts(card.figures) if card.figures else []),
        *(_calibration(card.calibration) if card.calibration else ["calibration: none"]),
        *([f"on new locations: {_text(card.promise.said)}{_promised(card)}"] if card.promise else []),
        *(f"warning: {_text(said)}" for said in card.warnings[:_MAX_NAMED]),
        f"intended use: {_text(card.intended_use)}",
        f"limits: {_text(card.limits)}",
    ]


def calibration_line(calibration: Calibration) -> str:
    """What the calibration is worth, in one line."""
    before, elsewhere = calibration.before, calibration.elsewhere
    where = (
        f"{elsewhere.ece:.3f} after it at locations it was not fitted on"
        if elsewhere is not None
        else f"{calibration.after.ece:.3f} after it on the media it was fitted on, which flatters"
    )
    return (
        f"p_nonblank is calibrated ({calibration.map.kind}) for media of which "
        f"{percent(calibration.blank_rate)} are blank: expected calibration error {before.ece:.3f} before, "
        f"{where}"
    )


def input_line(preprocessing: Preprocessing) -> str:
    """What the network sees of a media, in one line."""
    top, bottom = preprocessing.banner_top, preprocessing.banner_bottom
    banner = (
        f"{percent(top)} cropped at the top and {percent(bottom)} at the bottom" if top or bottom else None
    )
    return (
        f"{preprocessing.width_px}x{preprocessing.height_px} pixels, {preprocessing.fit}; "
        f"banner {banner or 'not cropped'}{'; automatic gamma' if preprocessing.auto_gamma else ''}; "
        f"{_COMPARED[preprocessing.background]}"
    )


def _recipe(config: TrainConfig) -> str:
    """What differs from the defaults of this program."""
    changed = _changes(
        config.model_dump(exclude={"preprocessing"}), TrainConfig().model_dump(exclude={"preprocessing"})
    )
    said = ", ".join(f"{name} {short_name(str(value))}" for name, value in changed)
    return f"the defaults but for {said}" if said else "the defaults"


def _changes(given: dict[str, Any], usual: dict[str, Any], *above: str) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _changes(value, usual[name], *above, name)
        elif value != usual[name]:
            yield ".".join([*above, name]), value


def _counts(card: ModelCard, split: Split) -> str:
    blank, nonblank = (
        card.label_counts.get(f"{split}/{label}", 0) for label in (Label.BLANK, Label.NONBLANK)
    )
    return f"{number(blank + nonblank, 'media')} ({blank:,} blank, {nonblank:,} nonblank)"


def _places(names: tuple[str, ...]) -> str:
    if not names:
        return "no known location"
    told = ", ".join(short_name(name) for name in names[:_MAX_NAMED])
    return f"{number(len(names), 'location')} ({told}{', …' if len(names) > _MAX_NAMED else ''})"


def _shared(card: ModelCard) -> str:
    shared = set(card.training_locations) & set(card.validation_locations)
    return f"; {len(shared):,} of them trained on, so not new ones" if shared else ""


def _training(facts: TrainingFacts, config: TrainConfig) -> str:
    left_out = ", ".join(f"{num:,} {short_name(status)}" for status, num in facts.left_out.items())
    return (
        f"{facts.num_epochs} of {config.num_epochs} epochs, the best one {facts.best_epoch}; "
        f"{number(facts.num_workers, 'worker')}, {duration(facts.training_s)}, {facts.images_per_s:.1f} "
        f"images/s, waited {percent(facts.waited_share)} of the time"
        f"{f'; left out: {left_out} of the labelled images' if left_out else ''}"
    )


def _metrics(card: ModelCard) -> list[str]:
    found, bounds = card.metrics, card.intervals
    by = f", 95 % intervals from {number(bounds.num_locations, 'location')}" if bounds else ""
    return [
        f"figures on {number(found.num_media, 'validation media')} ({found.num_nonblank:,} nonblank){by}:",
        f"  average precision {_area(card, 'average_precision')}, area under ROC "
        f"{_area(card, 'area_under_roc')}",
        f"  at the recommended cutoff {cutoff_text(card.recommended_cutoff)}, chosen on the same media: "
        f"nonblank recall {_share(card, 'nonblank_recall')}, blank recall {_share(card, 'blank_recall')}, "
        f"nonblank precision {_share(card, 'nonblank_precision')}",
    ]


def _area(card: ModelCard, name: str) -> str:
    value: float | None = getattr(card.metrics, name)
    bounds: Bounds | None = getattr(card.intervals, name, None)
    return f"{_three(value)}{f' ({bounds[0]:.3f} to {bounds[1]:.3f})' if bounds else ''}"


def _share(card: ModelCard, name: str) -> str:
    value: float | None = getattr(card.metrics, name)
    bounds: Bounds | None = getattr(card.intervals, name, None)
    return f"{percent(value)}{f' ({span(bounds)})' if bounds else ''}"


def _parts(figures: EpochFigures) -> list[str]:
    head = f"  {'':<10}{'media':>9}{'nonblank':>10}{'av. prec.':>11}{'AUROC':>8}"
    parts = ((name, getattr(figures, name)) for name in EpochFigures.model_fields)
    return [
        "by light and by sequence (its highest frame), with the blanks removed at a nonblank recall of:",
        f"{head}{'95 %':>9}{'96 %':>9}{'97 %':>9}",
        *(_part(name, found) for name, found in parts),
    ]


def _part(name: str, found: ClassFigures) -> str:
    removed = (found.blank_recall_at_95, found.blank_recall_at_96, found.blank_recall_at_97)
    return (
        f"  {name:<10}{found.num_media:>9,}{found.num_nonblank:>10,}{_three(found.average_precision):>11}"
        f"{_three(found.area_under_roc):>8}{''.join(f'{percent(share):>9}' for share in removed)}"
    )


def _calibration(calibration: Calibration) -> list[str]:
    kind = calibration.map
    how = (
        f"temperature {1.0 / kind.slope:.3g}, shift {kind.shift:+.3g} in the log odds"
        if isinstance(kind, TemperatureMap)
        else f"isotonic, {number(len(kind.scores), 'step')}"
    )
    rows = [
        ("as the network scores", calibration.before),
        ("where it was fitted", calibration.after),
        ("at other locations", calibration.elsewhere),
    ]
    return [
        f"calibration: {how}; fitted on {number(calibration.num_media, 'media')} of "
        f"{number(calibration.num_locations, 'location')}, {percent(calibration.blank_rate)} of them blank: "
        f"p_nonblank is a probability where as many are",
        f"  {'':<24}{'media':>7}{'ECE':>8}{'Brier':>8}{'log loss':>10}",
        *(
            f"  {name:<24}{found.num_media:>7,}{found.ece:>8.3f}{found.brier:>8.3f}{found.log_loss:>10.3f}"
            for name, found in rows
            if found is not None
        ),
    ]


def _promised(card: ModelCard) -> str:
    if card.promise is None or card.promise.cutoff is None:
        return ""
    return (
        f": at the cutoff {cutoff_text(card.promise.cutoff)}; the epoch was chosen on the same media, so "
        f"evaluate on others"
    )


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _text(said: str) -> str:
    """A text on one line, cut where it would fill the screen."""
    line = " ".join(said.split())
    return line if len(line) <= _MAX_TEXT else f"{line[: _MAX_TEXT - 1]}…"
