"""The worked examples of docs/evaluation.md that no other test holds."""

import numpy as np
import pytest

from blanktrap.core.audits.discard_audit import StratumSample, bound_discarded, num_more_for
from blanktrap.core.statistics.extrapolation import extrapolate_kept_share
from blanktrap.core.statistics.intervals import (
    effective_locations,
    location_bootstrap,
    percentile_interval,
    share_interval,
    wilson_interval,
)
from blanktrap.core.statistics.metrics import area_under_roc, average_precision, confusion_counts
from blanktrap.core.statistics.promises import promise_cutoff


def test_seven_media():
    scores, labels = [0.9, 0.7, 0.7, 0.4, 0.4, 0.2, 0.1], [True, True, False, True, False, False, False]
    assert average_precision(scores, labels) == pytest.approx(0.756, abs=5e-4)
    assert area_under_roc(scores, labels) == pytest.approx(0.833, abs=5e-4)
    assert confusion_counts(scores, labels, 0.5).f_beta(2) == pytest.approx(2 / 3)


def test_recall_of_five_locations():
    kept, sizes = np.array([30, 45, 12, 80, 18]), np.array([30, 50, 20, 82, 30])
    sums = location_bootstrap(np.column_stack([kept, sizes]))
    values = sums[:, 0] / sums[:, 1]
    assert kept.sum() / sizes.sum() == pytest.approx(0.873, abs=5e-4)
    assert effective_locations(sizes) == pytest.approx(3.93, abs=5e-3)
    percentile, wilson = percentile_interval(values), wilson_interval(185, 212)
    chosen = share_interval(185 / 212, values, sizes=sizes)
    assert (percentile.low, percentile.high) == pytest.approx((0.69, 0.97), abs=0.01)
    assert (chosen.low, chosen.high) == pytest.approx((0.42, 0.98), abs=0.01)
    assert (wilson.low, wilson.high) == pytest.approx((0.82, 0.91), abs=0.005)


def test_a_promise_of_sixty_like_locations_and_of_one_that_loses_all():
    codes = np.repeat(np.arange(60), 100)
    alike = promise_cutoff(np.tile(np.repeat([0.1, 0.9], [2, 98]), 60), codes, min_recall=0.9)
    assert (alike.cutoff, alike.recall) == (0.9, pytest.approx(0.98))
    assert alike.recall_bound == pytest.approx(0.975, abs=1e-3)
    # The same 120 media, 100 of them at one location: at 0.9 nothing near 95 % is promised any more.
    scores = np.full(6000, 0.9)
    scores[:100] = scores[100:120] = 0.1
    assert promise_cutoff(scores, codes, min_recall=0.95).cutoff == 0.1


def test_the_pile_of_a_hundred_thousand():
    parts = [
        StratumSample(name="day", num_pile=60_000, num_looked_at=600, num_nonblank=2),
        StratumSample(name="night", num_pile=40_000, num_looked_at=400, num_nonblank=1),
    ]
    bound = bound_discarded(parts)
    assert (bound.num_expected, bound.num_at_most) == (pytest.approx(300), 773)
    assert num_more_for(0.005, parts) == pytest.approx(3365, abs=40)


def test_the_reference_study_at_three_quarters_blank():
    assert extrapolate_kept_share(0.91, 0.796, blank_rate=0.75) == pytest.approx(0.3805)
