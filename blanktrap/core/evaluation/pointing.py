"""The pointing game: how often a heatmap's maximum lies in an animal's box.

Owns: the shares, their intervals by location, and what pointing without looking would reach. Refuses:
heatmaps and boxes; it is told which media were hit.

Source: Zhang et al. 2016, Top-down neural attention by excitation backprop, section 4.1. They count a maximum
within 15 pixels of the object as a hit, on images of about 500 pixels. Here the figure is the strict one,
inside the box; the tolerant one beside it has 3 % of the input's longer side (15 of 500 pixels) as its
margin. Their figure is a mean over classes; there is one class here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from blanktrap.core.statistics.intervals import (
    Interval,
    describe_trust,
    difference_interval,
    location_bootstrap,
    share_interval,
)
from blanktrap.core.statistics.locations import code_locations
from blanktrap.core.wording import number, percent, points, span

MARGIN = 0.03
"""Of the tolerant figure, as a share of the input's longer side."""


@dataclass(frozen=True, kw_only=True)
class PointingFigures:
    """What the pointing game came to. Shares are of `num_media`, flat heatmaps included as no hits."""

    num_media: int
    """Nonblank media with a box that the network sees."""
    num_hits: int
    """Maxima inside a box."""
    num_flat: int
    """Media whose heatmap has no maximum: no hits."""
    num_locations: int
    """Distinct locations; media without one count as one."""
    share: float
    interval: Interval | None
    """By location; None where there is one location."""
    random_share: float
    """What a point drawn evenly from the picture would hit: the mean share of the picture in boxes."""
    centre_share: float
    """What the picture's middle would hit."""
    gain: float
    """`share` less the larger of the two."""
    gain_interval: Interval | None
    tolerant_share: float
    """Maxima inside a box or within the margin of one."""
    tolerant_random_share: float
    tolerant_centre_share: float

    def lines(self) -> list[str]:
        """For people."""
        within = f", 95 % interval {span((self.interval.low, self.interval.high))}" if self.interval else ""
        flat = f", {self.num_flat:,} of them flat and so no hits" if self.num_flat else ""
        better = "image centre" if self.centre_share >= self.random_share else "random point"
        gain = f"{points(self.gain)} points against the {better}"
        if self.gain_interval is not None:
            low, high = (points(bound) for bound in (self.gain_interval.low, self.gain_interval.high))
            gain = f"{gain} ({low} to {high})"
        lines = [
            f"pointing game on {number(self.num_media, 'nonblank media')} with boxes, of "
            f"{number(self.num_locations, 'location')}{flat}: the peak is in a box in {self.num_hits:,}, "
            f"{percent(self.share)}{within}",
            f"without looking: a random point hits {percent(self.random_share)}, the image centre "
            f"{percent(self.centre_share)}; {gain}",
            f"with a margin of {percent(MARGIN)} of the longer side: {percent(self.tolerant_share)}, a "
            f"random point {percent(self.tolerant_random_share)}, the image centre "
            f"{percent(self.tolerant_centre_share)}",
        ]
        trust = describe_trust(self.num_locations)
        return [*lines, trust] if trust else lines


def measure_pointing(
    *,
    is_hit: ArrayLike,
    is_flat: ArrayLike,
    random_shares: ArrayLike,
    centre_hits: ArrayLike,
    is_near: ArrayLike,
    near_random_shares: ArrayLike,
    near_centre_hits: ArrayLike,
    locations: Sequence[str | None],
    seed: int = 0,
) -> PointingFigures | None:
    """Measure on nonblank media with boxes; None where there are none.

    Args, all of shape (num_media,):
        is_hit: whether the maximum lies in a box; False where the heatmap is flat.
        is_flat: whether the heatmap has no maximum.
        random_shares: share of the picture that its boxes cover, in [0, 1].
        centre_hits: whether the picture's middle lies in a box.
        is_near, near_random_shares, near_centre_hits: the same with boxes grown by the margin.
        locations: None where it is not known.
        seed: of the resampled locations.
    """
    columns = [
        np.asarray(one, dtype=np.float64)
        for one in (is_hit, random_shares, centre_hits, is_near, near_random_shares, near_centre_hits)
    ]
    num_media = columns[0].size
    if not num_media:
        return None
    codes, names = code_locations(list(locations))
    counts = np.stack(
        [np.bincount(codes, column, minlength=len(names)) for column in (np.ones(num_media), *columns)],
        axis=1,
    )
    total, hits, at_random, at_centre, near, near_random, near_centre = counts.sum(axis=0).tolist()
    rival = 3 if at_centre >= at_random else 2
    gain = (hits - max(at_random, at_centre)) / total
    interval = gain_interval = None
    if len(names) > 1:
        sums = location_bootstrap(counts, seed=seed)
        sizes = counts[:, 0]
        interval = share_interval(hits / total, sums[:, 1] / sums[:, 0], sizes=sizes)
        gain_interval = difference_interval(gain, (sums[:, 1] - sums[:, rival]) / sums[:, 0], sizes=sizes)
    return PointingFigures(
        num_media=num_media,
        num_hits=round(hits),
        num_flat=int(np.count_nonzero(np.asarray(is_flat))),
        num_locations=len(names),
        share=hits / total,
        interval=interval,
        random_share=at_random / total,
        centre_share=at_centre / total,
        gain=gain,
        gain_interval=gain_interval,
        tolerant_share=near / total,
        tolerant_random_share=near_random / total,
        tolerant_centre_share=near_centre / total,
    )
