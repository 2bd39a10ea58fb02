"""The bootstrap behind the number of wrong labels counts what it says it counts."""

import numpy as np
import pytest

from blanktrap.core.audits import label_intervals
from blanktrap.core.audits.label_intervals import _count_beyond, share_of, wrong_intervals
from blanktrap.core.statistics.intervals import location_bootstrap


def test_scores_at_the_limit_count_and_each_resample_has_its_own_limit() -> None:
    scores = np.array([0.2, 0.5, 0.5, 0.8, 0.5, 0.9])
    mine = np.array([1, 1, 1, 1, 1, 0], bool)
    places = np.array([0, 0, 1, 1, 2, 2])
    limits = np.tile([0.5, 0.8, 0.85, np.nan], 50)
    counts = _count_beyond(scores, mine, places, limits, seed=3)
    for limit in (0.5, 0.8, 0.85):
        per_place = [[float(((scores >= limit) & mine & (places == place)).sum())] for place in range(3)]
        direct = location_bootstrap(per_place, num_resamples=limits.size, seed=3)[:, 0]
        assert counts[limits == limit].tolist() == direct[limits == limit].tolist()
    assert np.isnan(counts[3::4]).all()


def test_resamples_give_what_an_audit_of_the_drawn_media_would_give(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = np.random.default_rng(0)
    num, num_places = 2000, 12
    places = chance.integers(0, num_places, num)
    truth = chance.random(num) < 0.5
    p = 1.0 / (1.0 + np.exp(-(np.where(truth, 1.5, -2.5) + chance.normal(0.0, 1.0, num))))
    said = truth ^ (chance.random(num) < 0.1)
    direct = []
    for weights in location_bootstrap(np.eye(num_places), seed=0):
        weight = weights[places]
        lower, upper = (np.average(p[kind], weights=weight[kind]) for kind in (~said, said))
        wrong, right = weight[~said & (p >= upper)].sum(), weight[~said & (p <= lower)].sum()
        over, under = weight[said & (p <= lower)].sum(), weight[said & (p >= upper)].sum()
        direct.append((wrong / (wrong + right), over / (over + under)))
    passed: list[np.ndarray] = []
    monkeypatch.setattr(
        label_intervals, "share_interval", lambda estimate, values, *, sizes: passed.append(values)
    )
    wrong_intervals(p, said, places, np.array([50.0, 50.0]), seed=0)
    # Limits are counted at the nearest of 200 edges, so a few scores may fall on the other side.
    assert passed[0] == pytest.approx(np.array(direct)[:, 0], abs=0.006)
    assert passed[1] == pytest.approx(np.array(direct)[:, 1], abs=0.006)


def test_share_of_nothing_is_no_number() -> None:
    assert share_of(np.array([1.0, 0.0]), np.array([3.0, 0.0])) == pytest.approx([0.25, np.nan], nan_ok=True)
