import pytest

from blanktrap.core.errors import EvaluationError
from blanktrap.core.metrics import ConfusionCounts
from blanktrap.core.savings import HandWork, savings_of


def test_the_reference_study_saves_five_weeks():
    work = HandWork(images_per_hour=500, hours_per_week=40)
    assert work.hours(101_892) == pytest.approx(203.784)  # 101,892 / 500
    assert work.weeks(101_892) == pytest.approx(5.0946)  # 203.784 / 40


def test_blanks_removed_and_nonblank_lost_are_named_apart():
    counts = ConfusionCounts(kept_nonblank=900, missed_nonblank=100, kept_blank=400, removed_blank=1600)
    savings = savings_of(counts, HandWork(images_per_hour=500, hours_per_week=40))
    assert savings.num_blanks_removed == 1600
    assert savings.num_nonblank_lost == 100
    assert savings.num_not_looked_at == 1700
    assert savings.hours_on_blanks == pytest.approx(3.2)  # 1600 / 500
    assert savings.hours_not_looking == pytest.approx(3.4)  # 1700 / 500
    assert savings.weeks_on_blanks == pytest.approx(0.08)
    assert savings.weeks_not_looking == pytest.approx(0.085)


@pytest.mark.parametrize("bad", [{"images_per_hour": 0}, {"hours_per_week": -1}])
def test_speeds_of_nothing_are_refused(bad):
    with pytest.raises(EvaluationError, match="above 0"):
        HandWork(**bad)
