"""A plan worked by hand."""

import pytest

from blanktrap.core.config import InstanceChoice, PlanConfig
from blanktrap.core.planning.plans import (
    STARTUP_HOURS,
    VOLUME_GIB,
    Taken,
    cost_usd,
    count_requests,
    plan_machines,
)
from blanktrap.core.planning.prices import INSTANCE_TYPES
from blanktrap.core.planning.speeds import Workload, machine_speed
from blanktrap.core.planning.wording import describe_machines, describe_taken, describe_workload

ARCHIVE = Workload(num_media=1_000_000, mean_bytes=1_000_000)
ONE = PlanConfig(num_machines=1)
G6 = InstanceChoice(name="g6.xlarge", market="on-demand")


def test_requests_are_one_a_media_and_one_a_chunk() -> None:
    found = count_requests(1_000_000, 1000)
    assert found.num_gets == 1_000_000 + 1000 + 2 + 8
    assert found.num_puts == 1000 + 4 + 3  # 1,002 files in two pages, and two looks at the start
    assert found.usd == pytest.approx(1_001_010 * 0.0004 / 1000 + 1007 * 0.005 / 1000)


def test_cost_is_hours_of_machines_head_and_volumes() -> None:
    volume = 150 * 0.08 / 730
    assert VOLUME_GIB == 150
    assert cost_usd(G6, 3, 2.0, ONE.head)[0] == pytest.approx(2.0 * (3 * (0.8048 + volume) + 0.1008 + volume))
    spot = InstanceChoice(name="g6.xlarge", market="spot")
    low, high = cost_usd(spot, 1, 1.0, ONE.head)
    assert (low, high) == (
        pytest.approx(0.3 * 0.8048 + 0.1008 + 2 * volume),
        pytest.approx(0.7 * 0.8048 + 0.1008 + 2 * volume),
    )


def test_machines_are_enough_for_the_hours_at_the_low_speed() -> None:
    requests = count_requests(ARCHIVE.num_media, 1024)
    for within_hours in (0.2, 1.0, 3.0, 100.0):
        plan = plan_machines(G6, ARCHIVE, requests, PlanConfig(within_hours=within_hours))
        assert plan.hours[1] <= within_hours or within_hours < 2 * STARTUP_HOURS[1]
        if plan.num_machines > 1:
            fewer = PlanConfig(num_machines=plan.num_machines - 1)
            assert plan_machines(G6, ARCHIVE, requests, fewer).hours[1] > within_hours


def test_more_machines_than_the_driver_can_feed_are_no_quicker_and_that_is_said() -> None:
    billion = Workload(num_media=1_000_000_000, mean_bytes=1_000_000)
    requests = count_requests(billion.num_media, 1024)
    many, more = (plan_machines(G6, billion, requests, PlanConfig(num_machines=n)) for n in (200, 400))
    assert many.images_per_s == more.images_per_s == (4400.0, 9000.0)
    assert (
        more.hours
        == many.hours
        == (
            pytest.approx(1e9 / 9000 / 3600 + STARTUP_HOURS[0]),
            pytest.approx(1e9 / 4400 / 3600 + STARTUP_HOURS[1]),
        )
    )
    assert more.usd[0] > many.usd[0]
    assert many.bottleneck == "driver"
    # A day is out of reach of one run: no more machines are planned than it can feed.
    planned = plan_machines(G6, billion, requests, PlanConfig(within_hours=10.0))
    low, _ = machine_speed(INSTANCE_TYPES["g6.xlarge"], billion).images_per_s
    assert 9000.0 <= planned.num_machines * low < 9000.0 + low
    assert "4,400 to 9,000 images/s" in describe_machines([planned])[-1]
    few = plan_machines(G6, billion, requests, ONE)
    assert len(describe_machines([few])) == 2


def test_hours_follow_from_speed_and_starting_up() -> None:
    plan = plan_machines(G6, ARCHIVE, count_requests(1, 1), PlanConfig(num_machines=4))
    low, high = machine_speed(INSTANCE_TYPES["g6.xlarge"], ARCHIVE).images_per_s
    assert plan.images_per_s == (pytest.approx(4 * low), pytest.approx(4 * high))
    assert plan.hours == (
        pytest.approx(1e6 / (4 * high) / 3600 + STARTUP_HOURS[0]),
        pytest.approx(1e6 / (4 * low) / 3600 + STARTUP_HOURS[1]),
    )
    assert plan.usd[0] < plan.usd[1]


def test_a_run_that_ended_stands_below_its_plan() -> None:
    plan = plan_machines(G6, ARCHIVE, count_requests(1, 1), PlanConfig(num_machines=2))
    taken = Taken(num_media=1_000_000, images_per_s=210.4, hours=1.5, usd=(2.5, 2.75), num_starts=3)
    header, planned, took = describe_taken(plan, taken)
    assert header.split() == ["machines", "images/s", "time", "cost", "bound", "by"]
    assert planned.startswith("planned  2 x g6.xlarge:on-demand  130 to 613")
    assert took.startswith("took     2 x g6.xlarge:on-demand  210")
    assert took.endswith("in 3 starts")
    assert "$2.50 to $2.75" in took
    assert [line.index("$") for line in (planned, took)] == [header.index("cost")] * 2


def test_what_is_printed_says_how_much_there_is() -> None:
    requests = count_requests(ARCHIVE.num_media, 1024)
    [total, s3] = describe_workload(ARCHIVE, requests, is_sampled=True)
    assert total == "to score: 1,000,000 media, about 1.00 TB, 1.00 MB each"
    assert s3 == "S3: 1,000,987 GET, 983 PUT and LIST, $0.41"
    header, row = describe_machines([plan_machines(G6, ARCHIVE, requests, ONE)])
    assert "bound by" in header
    assert row.endswith("decoding")
