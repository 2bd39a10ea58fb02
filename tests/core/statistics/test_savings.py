import pytest

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.metrics import ConfusionCounts
from blanktrap.core.statistics.savings import HandWork, MachineWork, NetSavings, Savings, savings_of


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


# 7,650 blanks removed and 350 nonblank lost at 500 an hour: 16 hours not looked, at 25 an hour 400.
WORK = HandWork(images_per_hour=500, hours_per_week=40, cost_per_hour=25)
SAVINGS = Savings(num_blanks_removed=7650, num_nonblank_lost=350, work=WORK)


def test_net_of_audit_and_machines_of_a_hand_worked_ledger():
    # Auditing 300: 0.6 hours, 15. Two machines for 90 minutes at 1.20: 3 machine hours, 3.60.
    net = NetSavings(
        savings=SAVINGS, num_audited=300, machine=MachineWork(wall_s=5400, price_per_hour=1.2, num_machines=2)
    )
    assert net.hours_auditing == pytest.approx(0.6)
    assert net.hours_net == pytest.approx(16 - 0.6)
    assert net.weeks_net == pytest.approx(15.4 / 40)
    assert net.money_gross == pytest.approx(400)
    assert net.money_auditing == pytest.approx(15)
    assert net.machine.hours == pytest.approx(3)
    assert net.money_machine == pytest.approx(3.6)
    assert net.money_net == pytest.approx(400 - 15 - 3.6)


def test_a_filter_that_costs_more_than_it_saves_is_said_to():
    net = NetSavings(savings=SAVINGS, machine=MachineWork(wall_s=3600, price_per_hour=1000))
    assert net.money_net == pytest.approx(-600)


def test_without_prices_there_is_no_money():
    savings = Savings(num_blanks_removed=500, num_nonblank_lost=0, work=HandWork())
    net = NetSavings(savings=savings, num_audited=100)
    assert (net.money_gross, net.money_auditing, net.money_machine, net.money_net) == (None,) * 4
    assert net.hours_net == pytest.approx(0.8)
    assert NetSavings(savings=SAVINGS).money_net == pytest.approx(400)


def test_machine_hours_grow_with_the_archive():
    machine = MachineWork(wall_s=3600, price_per_hour=0.5, num_machines=4).for_times_as_many(25)
    assert machine.hours == pytest.approx(100)
    assert machine.money == pytest.approx(50)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_prices_below_nothing_are_refused(bad):
    with pytest.raises(EvaluationError, match="at least 0"):
        HandWork(cost_per_hour=bad)
    with pytest.raises(EvaluationError, match="at least 0"):
        MachineWork(wall_s=1, price_per_hour=bad)


def test_what_cannot_have_been_is_refused():
    with pytest.raises(EvaluationError, match="cannot be audited of a pile"):
        NetSavings(savings=SAVINGS, num_audited=8001)
    with pytest.raises(EvaluationError, match="machines"):
        MachineWork(wall_s=1, price_per_hour=1, num_machines=0)
