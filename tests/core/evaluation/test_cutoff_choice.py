import numpy as np
import pytest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import PromiseError
from blanktrap.core.evaluation.cutoff_choice import choose_report_cutoff, promise_at
from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.statistics.promises import MIN_LOCATIONS

RUN = {"model": {"recommended_cutoff": 0.31}}


def labelled(num_locations, *, each=40, seed=0):
    """Nonblank media scoring high, alike at all locations, half of them at night; and some blanks."""
    generator = np.random.default_rng(seed)
    size = num_locations * each * 2
    is_nonblank = np.arange(size) % 2 == 0
    scores = np.where(is_nonblank, generator.beta(8, 2, size), generator.beta(2, 8, size))
    return Measured(
        p_nonblank=scores.astype(np.float32),
        is_nonblank=is_nonblank,
        location=np.repeat(np.arange(1, num_locations + 1), each * 2).astype(np.int32),
        is_night=np.arange(size) % 4 < 2,
        locations=(None, *(f"L{at}" for at in range(num_locations))),
        not_scored=np.zeros((num_locations + 1, 2), np.int64),
    )


def choose(media, **config):
    return choose_report_cutoff(EvaluateConfig(**config), RUN, media, measured_on="these media")


def recall_at(media, cutoff):
    counts = media.counts_at(cutoff).sum(axis=0)
    return counts[0] / (counts[0] + counts[1])


def test_a_promised_cutoff_keeps_more_than_it_promises():
    media = labelled(40)
    chosen = choose(media, min_recall=0.9)
    assert chosen.chosen_by == "chosen as the highest that promises the recall asked for"
    assert chosen.promise.promised_recall == 0.9
    assert chosen.promise.cutoff == chosen.value
    assert (chosen.promise.n, chosen.promise.num_locations) == (1600, 40)
    assert 0.9 < recall_at(media, chosen.value) < 1.0
    assert chosen.warning is None


def test_a_higher_recall_or_confidence_lowers_the_cutoff():
    media = labelled(60)
    values = [choose(media, min_recall=recall).value for recall in (0.8, 0.9, 0.95)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3
    sure = [choose(media, min_recall=0.9, confidence=confidence).value for confidence in (0.5, 0.9, 0.99)]
    assert sure == sorted(sure, reverse=True)


def test_too_few_locations_are_refused_and_told_how_many_are_missing():
    with pytest.raises(PromiseError, match=r"label about \d+ more locations") as caught:
        choose(labelled(3), min_recall=0.95)
    assert "\n" not in str(caught.value)


def test_the_model_cards_cutoff_is_no_way_out_of_an_unkept_promise():
    assert choose(labelled(3)).value == 0.31
    with pytest.raises(PromiseError):
        choose(labelled(3), min_recall=0.95)


def test_a_cutoff_beside_an_unkept_promise_is_used_and_said():
    chosen = choose(labelled(3), min_recall=0.95, cutoffs=[0.2, 0.3])
    assert chosen.value == 0.2
    assert chosen.chosen_by == "set by --cutoff, as no cutoff can promise the recall asked for"
    assert "no cutoff can be promised, so that --cutoff 0.2 is used" in chosen.warning
    assert chosen.promise.promised_recall is None


def test_a_cutoff_beside_a_kept_promise_is_only_shown():
    media = labelled(40)
    assert choose(media, min_recall=0.9, cutoffs=[0.2]).value == choose(media, min_recall=0.9).value


def test_a_given_cutoff_says_what_it_can_promise():
    media = labelled(40)
    chosen = choose(media, cutoffs=[0.5])
    assert (chosen.value, chosen.chosen_by) == (0.5, "set by --cutoff")
    assert 0.5 < chosen.promise.promised_recall < recall_at(media, 0.5)
    # Given, the cutoff that is promised for a recall promises about that recall: which location is the worst,
    # and so counted twice, is then seen at this cutoff and not at the highest that was tested.
    promised = choose(media, min_recall=0.9)
    config = EvaluateConfig(cutoffs=[promised.value])
    assert promise_at(media, promised.value, config, "x").promised_recall == pytest.approx(0.9, abs=0.01)


def test_fewer_locations_than_a_promise_takes_promise_nothing():
    media = labelled(MIN_LOCATIONS - 1)
    promise = choose(media, cutoffs=[0.5]).promise
    assert promise.promised_recall is None
    assert promise.refusal == "it takes nonblank media of at least 10 locations, there are 360 of 9 locations"


def test_night_and_day_have_cutoffs_of_their_own():
    chosen = choose(labelled(60), min_recall=0.9, strata="night")
    assert set(chosen.by_stratum) == {"day", "night"}
    for promise in chosen.by_stratum.values():
        assert promise.promised_recall == 0.9
        assert promise.confidence == pytest.approx(0.975)
        assert promise.n == 1200


def test_a_stratum_that_cannot_promise_is_named():
    media = labelled(60)
    only_day = Measured(**{**vars(media), "is_night": media.is_night & (media.location < 4)})
    with pytest.raises(PromiseError, match="stratum night"):
        choose(only_day, min_recall=0.9, strata="night")
