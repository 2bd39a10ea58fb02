from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from blanktrap.core.evaluation.error_facts import ErrorFacts
from blanktrap.core.evaluation.static_scenes import find_static_scenes, typical_rate
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.statistics.intervals import clopper_pearson_interval

START = datetime(2024, 5, 31)


def blanks(location, kept, *, dated=True):
    """Blanks of one location, an hour apart: `#` is kept at 0.5, `.` is not."""
    return [
        {
            "media_id": f"{location}/{number:03d}",
            "uri": "/x",
            "location_id": location,
            "status": "ok",
            "p_nonblank": 0.9 - number / 1000 if one == "#" else 0.1,
            "model_id": "m",
            "label": "blank",
            "split": None,
            "timestamp": START + timedelta(hours=number) if dated else None,
        }
        for number, one in enumerate(kept)
    ]


def listed(rows, cutoff=0.5):
    gathered = ErrorFacts()
    gathered.add(pa.Table.from_pylist(rows, schema=SCORES_SCHEMA))
    return find_static_scenes(gathered.facts(None), cutoff=cutoff).to_pylist()


TRUNK = "." * 10 + "#" * 4 + "." + "#" * 12 + "..#." + "#" * 9  # 26 of 40
QUIET = "." * 19 + "#"


def archive(order=1):
    rows = blanks("trunk", TRUNK)
    for number in range(5):
        rows += blanks(f"quiet{number}", QUIET)
    return rows[::order]


def test_a_location_that_fires_all_the_time_is_listed():
    [row] = listed(archive())
    # 26 of 40 at the trunk; 1 of 20 at each of five others, so 31 in all and a typical rate of 0.05.
    assert (row["location_id"], row["num_kept_blank"], row["num_blank"]) == ("trunk", 26, 40)
    assert row["false_positive_rate"] == 0.65
    assert row["typical_rate"] == 0.05
    assert row["share_of_all"] == 26 / 31
    bound = clopper_pearson_interval(26, 40)
    assert (row["interval_low"], row["interval_high"]) == (bound.low, bound.high)
    # Runs of 4, 12 and 9; the single one is none. The longest runs from hour 15 to hour 26.
    assert (row["num_in_runs"], row["longest_run"]) == (25, 12)
    assert row["longest_run_from"] == START + timedelta(hours=15)
    assert row["longest_run_to"] == START + timedelta(hours=26)
    # The earlier, the higher they score here.
    assert row["example_media_ids"] == [f"trunk/{number:03d}" for number in range(10, 14)] + ["trunk/015"]


def test_the_order_of_rows_never_matters():
    assert listed(archive()) == listed(archive(-1))


def test_locations_that_are_all_alike_are_not_listed():
    generator = np.random.default_rng(0)
    num_listed = 0
    for _ in range(60):
        rows = []
        for number in range(8):
            kept = "".join("#" if hit else "." for hit in generator.random(40) < 0.2)
            rows += blanks(f"L{number}", kept)
        num_listed += bool(listed(rows))
    assert num_listed == 0


def test_few_false_positives_are_not_enough():
    rows = blanks("new", "####") + blanks("old", "." * 200)
    assert listed(rows) == []


def test_one_location_cannot_be_compared_with_others():
    assert listed(blanks("only", TRUNK)) == []
    nowhere = [{**row, "location_id": None} for row in blanks("x", TRUNK)]
    assert listed([*nowhere, *blanks("only", QUIET)]) == []


def test_blanks_without_a_time_are_in_no_run():
    rows = blanks("trunk", TRUNK, dated=False) + [row for n in range(5) for row in blanks(f"q{n}", QUIET)]
    [row] = listed(rows)
    assert (row["num_in_runs"], row["longest_run"], row["longest_run_from"]) == (0, 0, None)


def test_animals_are_no_false_positives():
    rows = [{**row, "label": "nonblank"} for row in blanks("busy", "#" * 40)]
    assert listed(rows + [row for n in range(5) for row in blanks(f"q{n}", QUIET)]) == []


def test_the_typical_rate_is_the_median_over_blanks():
    # 10 blanks with rate 0.5, 30 with 0.1, 20 with 0.2: the first 30 of 60 blanks, by rate, have 0.1.
    assert typical_rate(np.array([0.5, 0.1, 0.2]), np.array([10, 30, 20])) == 0.1
    # With 20 and 30 instead, the lowest rate holds less than half.
    assert typical_rate(np.array([0.5, 0.1, 0.2]), np.array([10, 20, 30])) == 0.2
