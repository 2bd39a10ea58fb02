import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.audits.discard_pile import DiscardPile, stratum_names
from blanktrap.core.errors import EvaluationError, ScoresError
from blanktrap.core.schemas import SCORES_SCHEMA


def row(number, p, *, is_night=None, label=None, status="ok"):
    return {
        "media_id": f"{number}.jpg",
        "uri": f"/{number}.jpg",
        "status": status,
        "p_nonblank": p,
        "model_id": "m",
        "is_night": is_night,
        "label": label,
    }


def pile_of(rows, *, cutoff=0.4, num_images=10, seed=0, cut=0):
    pile = DiscardPile(cutoff=cutoff, num_images=num_images, seed=seed)
    table = pa.Table.from_pylist(rows, schema=SCORES_SCHEMA)
    for piece in (table.slice(0, cut), table.slice(cut)):
        pile.add(piece)
    return pile


def test_media_fall_into_bands_of_the_cutoff_and_day_or_night():
    # Bands of 0.4: up to 0.05, 0.1, 0.2 and 0.4; a score on an edge belongs to the band above.
    scores = np.array([0.0, 0.05, 0.1, 0.2, 0.399], np.float32)
    light = pa.chunked_array([[True, False, None, True, False]])
    assert stratum_names(scores, light, cutoff=0.4).tolist() == [
        "0 to 0.05, night",
        "0.05 to 0.1, day",
        "0.1 to 0.2, light unknown",
        "0.2 to 0.4, night",
        "0.2 to 0.4, day",
    ]


def test_the_pile_is_what_lies_below_the_cutoff_and_was_scored():
    rows = [
        row(0, 0.39, label="blank"),
        row(1, 0.4),
        row(2, None, status="unreadable"),
        row(3, 0.0, status="missing"),
        row(4, 0.01),
    ]
    pile = pile_of(rows)
    drawn = pile.draw()
    assert sorted(drawn.rows["media_id"].to_pylist()) == ["0.jpg", "4.jpg"]
    assert (pile.num_media, pile.num_scored, pile.num_labelled, drawn.num_media) == (5, 3, 1, 2)


def test_a_cutoff_is_compared_in_the_scores_own_format():
    # float32 0.7 is a little below 0.7, and is kept by it all the same.
    assert pile_of([row(0, 0.7)], cutoff=0.7).draw() is None


def test_nothing_below_the_cutoff_is_no_pile():
    assert pile_of([row(0, 0.9)]).draw() is None
    assert pile_of([row(0, 0.0)], cutoff=0.0).draw() is None


def test_strata_are_drawn_in_proportion_whatever_the_scores():
    rows = [row(n, 0.0) for n in range(900)] + [row(n, 0.3) for n in range(900, 1200)]
    low, high = pile_of(rows, num_images=40).draw().strata
    assert (low.num_drawn, high.num_drawn) == (30, 10)
    assert (low.num_media, high.num_media, high.mean_p_nonblank) == (900, 300, 0.3)


def test_a_small_stratum_is_looked_at_too():
    rows = [row(n, 0.0) for n in range(999)] + [row(999, 0.3)]
    assert [stratum.num_drawn for stratum in pile_of(rows, num_images=10).draw().strata] == [9, 1]


def test_fewer_images_than_strata_are_refused():
    with pytest.raises(EvaluationError, match="1 images are fewer than the 2 strata"):
        pile_of([row(0, 0.0), row(1, 0.3)], num_images=1).draw()


def test_a_cutoff_outside_0_to_1_is_refused():
    with pytest.raises(EvaluationError, match="outside"):
        DiscardPile(cutoff=1.2, num_images=1, seed=0)


def test_an_ok_media_without_a_score_is_refused():
    with pytest.raises(ScoresError, match="1 media have status ok and no p_nonblank"):
        pile_of([row(0, None)])


archives = st.lists(
    st.tuples(st.floats(0, 1, width=32), st.sampled_from([True, False, None])), min_size=1, max_size=60
)


@given(archives, st.floats(0.01, 1), st.integers(1, 30), st.data())
def test_strata_sum_to_the_pile_nothing_repeats_and_order_never_matters(some, cutoff, num_images, data):
    rows = [row(number, p, is_night=light) for number, (p, light) in enumerate(some)]
    cut = data.draw(st.integers(0, len(rows)))
    num_images += 12  # as many as there can be strata
    drawn = pile_of(rows, cutoff=cutoff, num_images=num_images, cut=cut).draw()
    below = [one for one in rows if np.float32(one["p_nonblank"]) < np.float32(cutoff)]
    if not below:
        assert drawn is None
        return
    assert sum(stratum.num_media for stratum in drawn.strata) == len(below)
    assert sum(stratum.num_drawn for stratum in drawn.strata) == min(num_images, len(below))
    names = drawn.rows["media_id"].to_pylist()
    assert len(set(names)) == len(names)
    assert set(names) <= {one["media_id"] for one in below}
    for stratum in drawn.strata:
        assert (drawn.names == stratum.name).sum() == stratum.num_drawn
    shuffled = data.draw(st.permutations(rows))
    again = pile_of(shuffled, cutoff=cutoff, num_images=num_images).draw()
    assert again.rows.equals(drawn.rows)
