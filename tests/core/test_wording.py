import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.wording import cutoff_text, number, short_name, span


@pytest.mark.parametrize(
    ("cutoff", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.31, "0.31"),
        (0.37849, "0.3784"),
        (0.99999, "0.9999"),
        (0.000123456, "0.0001234"),
        (float(np.float32(0.4)), "0.4"),
    ],
)
def test_cutoffs_have_four_digits_and_are_never_rounded_up(cutoff, text):
    assert cutoff_text(cutoff) == text


@given(st.floats(0.0, 1.0))
def test_a_cutoff_typed_in_again_keeps_no_media_less(cutoff):
    again = float(cutoff_text(cutoff))
    assert cutoff * 0.998 <= again <= cutoff


def test_counts_have_their_noun_and_shares_their_span():
    assert (number(1, "location"), number(1024, "location")) == ("1 location", "1,024 locations")
    assert (number(2, "media"), number(3, "species")) == ("2 media", "3 species")
    assert span((0.9123, 0.9641)) == "91.2 to 96.4 %"


def test_a_name_that_would_fill_the_line_is_cut():
    assert short_name("x" * 48) == "x" * 48
    assert short_name("x" * 300) == "x" * 47 + "…"
