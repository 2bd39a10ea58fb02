import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.statistics.fingerprints import fingerprint_texts

texts = st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=30)


def test_fingerprints_stay_the_same_for_ever():
    # Samples drawn last year must be drawn again: these numbers must never change.
    found = fingerprint_texts(pa.array(["S1/K9/IMG_0001.JPG", "", None, "é"]), seed=7)
    assert found.tolist() == [
        16_874_227_598_000_571_159,
        13_309_476_754_707_697_221,
        0,
        612_806_959_301_082_866,
    ]


@given(texts, st.data())
def test_a_fingerprint_depends_on_its_text_alone(some, data):
    whole = fingerprint_texts(pa.array(some, pa.string()))
    cut = data.draw(st.integers(0, len(some)))
    pieces = pa.chunked_array([pa.array(some, pa.string())[:cut], pa.array(some[cut:], pa.string())])
    assert fingerprint_texts(pieces).tolist() == whole.tolist()
    alone = [int(fingerprint_texts(pa.array([one], pa.string()))[0]) for one in some]
    assert alone == whole.tolist()


@given(texts)
def test_equal_texts_and_no_others_have_equal_fingerprints(some):
    found = fingerprint_texts(pa.array(some, pa.string())).tolist()
    assert len(set(found)) == len(set(some))
    assert [one == 0 for one in found] == [one is None for one in some]


def test_texts_that_share_words_and_ends_differ():
    some = [*("a" * num for num in range(40)), *("a" * num + "b" for num in range(40)), "\0", "\0\0", "a\0"]
    assert len(set(fingerprint_texts(pa.array(some)).tolist())) == len(set(some))


def test_every_bit_is_set_in_half_of_a_hundred_thousand_names():
    names = pa.array([f"S1/IMG_{number:06d}.JPG" for number in range(100_000)])
    bits = np.unpackbits(fingerprint_texts(names).view(np.uint8)).reshape(-1, 64)
    # Five standard deviations of a fair coin thrown 100,000 times: 5 * 0.5 / sqrt(100,000) = 0.0079.
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.0079


def test_another_seed_gives_unrelated_lots():
    names = pa.array([f"{number}.jpg" for number in range(20_000)])
    one, other = (fingerprint_texts(names, seed=seed) / 2.0**64 for seed in (0, 1))
    assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(20_000)
