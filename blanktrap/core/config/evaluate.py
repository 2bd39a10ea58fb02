"""`blanktrap evaluate`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from blanktrap.core.config.base import Config, Share


def _read_blank_rate(value: object) -> object:
    """A share as the command line spells it becomes a number; `estimate` stays a word."""
    if not isinstance(value, str) or value == "estimate":
        return value
    try:
        return float(value)
    except ValueError as problem:
        raise ValueError("expected a share from 0 to 1, or estimate") from problem


BlankRate = Share | Literal["estimate"]


class EvaluateConfig(Config):
    """`blanktrap evaluate`: which cutoffs are measured, and what they are extrapolated to."""

    cutoffs: tuple[Share, ...] = ()
    """Media at or above it are kept. The first is the chosen one; none takes the model card's."""
    min_recall: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Nonblank recall on new locations that the chosen cutoff must promise; None asks for no promise."""
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.95
    """Chance that the promised recall holds."""
    choose_on: Literal["train", "val", "test"] | None = None
    """Split whose media the promised cutoff is chosen on; None takes those that are measured."""
    strata: Literal["night"] | None = None
    """Choose a promised cutoff for night and one for day as well."""
    beta: Annotated[float, Field(gt=0.0)] = 2.0
    """Weight of recall in F-beta: 2 counts recall four times as much as precision, by its square."""
    blank_rates: tuple[Annotated[BlankRate, BeforeValidator(_read_blank_rate)], ...] = (0.75,)
    """True shares of blanks in the archives that figures are extrapolated to."""
    num_archive_media: Annotated[int, Field(ge=1)] = 1_000_000
    """Media of the archive that figures are extrapolated to: a round number that scales by eye."""
    images_per_hour: Annotated[float, Field(gt=0.0)] = 500.0
    """Images one person excludes by hand in an hour."""
    hours_per_week: Annotated[float, Field(gt=0.0)] = 40.0
    """Working hours in a week."""
    cost_per_hour: Annotated[float, Field(ge=0.0)] | None = None
    """What an hour of hand work costs, in any currency; None counts no money."""
    price_per_hour: Annotated[float, Field(ge=0.0)] | None = None
    """What an hour of the scoring machine costs, in the same currency; None counts no machine."""
    num_audit_images: Annotated[int, Field(ge=0)] = 0
    """Images of the discard pile that people look at all the same, to check it."""
    second_cutoff: Share | None = None
    """Cutoff of what the scores are compared with; None takes its own."""
    sample_errors: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] | None = None
    """Missed and found nonblank media to draw for people to tag; None draws none."""
    split: Literal["train", "val", "test"] | None = None
    """Part of the scores to measure on; None takes `test` where there is one, else all labelled media."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the resampling behind intervals: the same seed gives the same interval."""
    allow_incomplete: bool = False
    """Measure a scores dataset without `_SUCCESS`."""
    allow_seen: bool = False
    """Measure media or locations that the model was trained or validated on; the report warns of it."""

    @model_validator(mode="after")
    def _promise_is_asked_for(self) -> "EvaluateConfig":
        for flag, value in (("--choose-on", self.choose_on), ("--strata", self.strata)):
            if value is not None and self.min_recall is None:
                raise ValueError(f"{flag} says how to choose a promised cutoff: it needs --min-recall")
        return self
