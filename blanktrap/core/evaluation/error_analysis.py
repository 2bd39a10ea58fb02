"""Where a cutoff goes wrong: missed shares by what is known of each media.

Owns: the properties by which nonblank media are told apart, and how their values are worded. Refuses: the
counting (`missed_shares`), tags given by people (`error_tags`), and false alarms (`static_scenes`).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from blanktrap.core.evaluation.error_facts import NUM_BRIGHTNESS_BANDS, QUALITY_COLUMNS, Facts, NonblankFacts
from blanktrap.core.evaluation.missed_shares import SCHEMA, Factor, Fates, missed_shares
from blanktrap.core.exposure import ExposureGrade

NO_LOCATION, NO_SPECIES, NOT_KNOWN = "no known location", "no species named", "not known"

_MAX_SEQUENCE_LENGTH = 10
_MAX_SIZES = 20
_NUM_QUALITY_BANDS = 4


def analyse_errors(facts: Facts, *, cutoff: float, seed: int) -> pa.Table:
    """Missed shares by every property that is known.

    Args:
        facts: of the measured media.
        cutoff: in [0, 1].
        seed: of the resampling of locations.

    Returns:
        The columns of `missed_shares.SCHEMA`, one block for each of species, location, hour, light,
        brightness, exposure and measures of image quality where the scores carry them, sequence length and
        image size.
    """
    fates = fates_at(facts, cutoff)
    tables = [missed_shares(factor, fates, seed=seed) for factor in factors_of(facts)]
    return pa.concat_tables([SCHEMA.empty_table(), *tables])


def fates_at(facts: Facts, cutoff: float) -> Fates:
    """What a cutoff makes of the nonblank media."""
    scores = facts.nonblank.p_nonblank
    is_scored = ~np.isnan(scores)
    # A comparison with nan is false: media without a score are not missed.
    return Fates(
        is_scored=is_scored,
        is_missed=scores < np.float32(cutoff),
        location=facts.nonblank.location,
        is_known=np.asarray([name is not None for name in facts.locations], dtype=bool),
    )


def factors_of(facts: Facts) -> Iterator[Factor]:
    """The properties, in the order in which they are shown."""
    nonblank = facts.nonblank
    yield Factor(
        name="species",
        values=_named(facts.species, NO_SPECIES),
        codes=nonblank.species,
        media=nonblank.species_of,
        by_share=True,
    )
    yield Factor(
        name="location",
        values=_named(facts.locations, NO_LOCATION),
        codes=nonblank.location,
        by_share=True,
        is_location=True,
    )
    yield Factor(
        name="hour",
        values=(*(f"{hour:02d}:00 to {hour:02d}:59" for hour in range(24)), NOT_KNOWN),
        codes=_last_where_negative(nonblank.hour, 24),
    )
    yield Factor(name="light", values=("day", "night", NOT_KNOWN), codes=nonblank.light)
    edges = [band / NUM_BRIGHTNESS_BANDS for band in range(NUM_BRIGHTNESS_BANDS + 1)]
    yield Factor(
        name="brightness",
        values=(*_bands(edges), NOT_KNOWN),
        codes=_last_where_negative(nonblank.brightness, NUM_BRIGHTNESS_BANDS),
    )
    if (nonblank.exposure >= 0).any():
        yield Factor(
            name="exposure",
            values=(*ExposureGrade, NOT_KNOWN),
            codes=_last_where_negative(nonblank.exposure, len(ExposureGrade)),
        )
    for name, values in nonblank.quality.items():
        yield _quality_factor(name, values)
    yield _sequence_factor(nonblank)
    yield _size_factor(facts)


def describe_left_out(facts: Facts) -> list[str]:
    """Say which properties could not be looked at."""
    left_out = []
    if facts.nonblank.exposure.size and not (facts.nonblank.exposure >= 0).any():
        left_out.append("exposure: the scores do not say it, those that `blanktrap score` writes now do")
    if not facts.nonblank.quality:
        left_out.append(f"blur, contrast: the scores have none of the columns {', '.join(QUALITY_COLUMNS)}")
    return left_out


def _sequence_factor(nonblank: NonblankFacts) -> Factor:
    lengths = np.minimum(nonblank.sequence_length, _MAX_SEQUENCE_LENGTH)
    values = (
        "1 image",
        *(f"{length} images" for length in range(2, _MAX_SEQUENCE_LENGTH)),
        f"{_MAX_SEQUENCE_LENGTH} or more",
        NOT_KNOWN,
    )
    return Factor(
        name="sequence length", values=values, codes=np.where(lengths > 0, lengths - 1, len(values) - 1)
    )


def _size_factor(facts: Facts) -> Factor:
    """The commonest sizes, the commonest first; the rest together."""
    counts = np.bincount(facts.nonblank.size, minlength=len(facts.sizes))
    known = [one for one in np.argsort(-counts, kind="stable").tolist() if facts.sizes[one] is not None]
    shown, rest = known[:_MAX_SIZES], known[_MAX_SIZES:]
    values = [_size_in_words(facts.sizes[one]) for one in shown]
    codes = np.full(max(len(facts.sizes), 1), len(shown) + 1)
    codes[shown] = np.arange(len(shown))
    codes[rest] = len(shown)
    return Factor(
        name="image size", values=(*values, "other sizes", NOT_KNOWN), codes=codes[facts.nonblank.size]
    )


def _size_in_words(size: tuple[int, int] | None) -> str:
    assert size is not None  # sizes that are not known are not among those shown
    return f"{size[0]} x {size[1]} px"


def _quality_factor(name: str, values: np.ndarray) -> Factor:
    """Quarters of the measured media, since nobody knows the scale of the measure."""
    known = values[~np.isnan(values)]
    quarters = np.linspace(0.0, 1.0, _NUM_QUALITY_BANDS + 1)
    edges = np.unique(np.quantile(known, quarters)) if known.size else np.zeros(0)
    if edges.size < 2:
        words = (f"{edges[0]:.3g} throughout",) if edges.size else ()
        return Factor(name=name, values=(*words, NOT_KNOWN), codes=np.where(np.isnan(values), len(words), 0))
    band = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, edges.size - 2)
    return Factor(
        name=name,
        values=(*_bands(edges.tolist()), NOT_KNOWN),
        codes=np.where(np.isnan(values), edges.size - 1, band),
    )


def _bands(edges: Sequence[float]) -> list[str]:
    return [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]


def _last_where_negative(codes: np.ndarray, last: int) -> np.ndarray:
    return np.where(codes < 0, last, codes)


def _named(names: Sequence[str | None], missing: str) -> tuple[str, ...]:
    return tuple(missing if name is None else name for name in names)
