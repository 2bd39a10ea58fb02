from datetime import datetime

import pytest

from blanktrap.core.audits.review import Answer
from blanktrap.core.audits.review_progress import measure_progress
from blanktrap.core.vocabulary import Label

MORNING, EVENING = datetime(2024, 5, 31, 8), datetime(2024, 5, 31, 20)
B, N = Label.BLANK, Label.NONBLANK


def said(media_id: str, label: Label | None, by: str | None = "Ana", at: datetime = MORNING) -> Answer:
    return Answer(media_id=media_id, label=label, labelled_by=by, labelled_at=at)


def test_each_media_counts_once_whoever_answered() -> None:
    answers = [
        said("a", B),
        said("a", B, "Ben"),
        said("b", N),
        said("b", B, "Ben"),
        said("c", None),
        said("d", B),
        said("d", N, at=EVENING),  # Ana thinks better of it
        said("foreign", N),
    ]
    progress = measure_progress(["a", "b", "c", "d", "e"], answers)
    assert (progress.num_media, progress.num_answered) == (5, 4)
    assert progress.by_label == {"blank": 1, "nonblank": 1, "unsure": 1, "differing": 1}
    assert sum(progress.by_label.values()) == progress.num_answered
    assert progress.by_person == {"Ana": 4, "Ben": 2}
    assert progress.differing == ("b",)


def test_agreement_is_of_media_that_both_are_sure_of() -> None:
    # Ana and Ben, both sure of 10: 4 twice blank, 3 twice nonblank, 2 blank/nonblank, 1 nonblank/blank.
    # p_o = 7/10; Ana says blank 6 times, Ben 5: p_e = (6·5 + 4·5) / 100 = 0.5; kappa = 0.2 / 0.5 = 0.4.
    both = [B] * 6 + [N] * 4, [B] * 4 + [N] * 2 + [N] * 3 + [B]
    answers = [
        said(f"m{at}", label, by)
        for by, labels in zip(("Ana", "Ben"), both, strict=True)
        for at, label in enumerate(labels)
    ]
    answers += [said("m10", None), said("m10", N, "Ben"), said("m0", B, None)]
    (pair,) = measure_progress([f"m{at}" for at in range(11)], answers).pairs
    assert (pair.people, pair.num_media, pair.num_agreed) == (("Ana", "Ben"), 10, 7)
    assert pair.kappa == pytest.approx(0.4)
    assert pair.share == pytest.approx(0.7)


def test_kappa_is_not_said_where_nothing_else_was_answered() -> None:
    (pair,) = measure_progress(["a"], [said("a", B), said("a", B, "Ben")]).pairs
    assert (pair.num_agreed, pair.kappa) == (1, None)


def test_a_review_that_nobody_began_has_no_figures() -> None:
    progress = measure_progress(["a"], [])
    assert (progress.num_answered, progress.pairs, progress.by_person) == (0, (), {})
