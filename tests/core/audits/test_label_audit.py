"""Confident learning on two labels: the arithmetic by hand, its symmetries, and known flips found again."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from blanktrap.core.audits.label_audit import GivenLabels, LabelAudit, audit_labels, gather_labels
from blanktrap.core.errors import EvaluationError

#   label     blank                    nonblank
#   score     0.1  0.1  0.2  0.4  0.9  0.9  0.8  0.7  0.6  0.1
#   place     0    1    2    0    1    2    0    1    2    0
SCORES = np.array([0.1, 0.1, 0.2, 0.4, 0.9, 0.9, 0.8, 0.7, 0.6, 0.1])
NONBLANK = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], bool)
PLACES = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])


def labels(scores, nonblank, places=None) -> GivenLabels:
    p = np.asarray(scores, dtype=np.float64)
    where = np.zeros(p.size, dtype=np.int64) if places is None else np.asarray(places, dtype=np.int64)
    return GivenLabels(p_nonblank=p, is_nonblank=np.asarray(nonblank, dtype=bool), locations=where)


def test_confident_joint_of_a_hand_worked_table() -> None:
    audit = audit_labels(labels(SCORES, NONBLANK, PLACES))
    # Means: blank (0.1 + 0.1 + 0.2 + 0.4 + 0.9) / 5, nonblank (0.9 + 0.8 + 0.7 + 0.6 + 0.1) / 5.
    assert (audit.lower, audit.upper) == (pytest.approx(0.34), pytest.approx(0.62))
    # Blank: 0.1, 0.1, 0.2 are at or below 0.34, 0.9 at or above 0.62, 0.4 says nothing.
    # Nonblank: 0.1 is at or below 0.34, 0.9, 0.8, 0.7 at or above 0.62, 0.6 says nothing.
    assert audit.joint.tolist() == [[3, 1], [1, 3]]
    # Of the confident labels of each kind a quarter is on the other side: 5 labels * 1/4.
    assert (audit.blank.estimate, audit.nonblank.estimate) == (pytest.approx(1.25), pytest.approx(1.25))
    assert audit.both.estimate == pytest.approx(2.5)
    assert audit.calibrated_joint() == pytest.approx(np.array([[3.75, 1.25], [1.25, 3.75]]))
    # Beyond the middle, 0.48: 0.9 by 0.42 for a blank, 0.1 by 0.38 for a nonblank; 0.6 and 0.4 agree.
    assert audit.margins[[4, 9, 8, 3]] == pytest.approx([0.42, 0.38, -0.12, -0.08])
    assert audit.most_suspicious().tolist() == [4, 9]
    assert audit.most_suspicious(1).tolist() == [4]
    assert audit.num_locations == 3
    # 25 pairs of a nonblank and a blank label: 0.9 wins 4.5, 0.8, 0.7 and 0.6 win 4 each, 0.1 ties two = 1.
    assert audit.area_under_roc == pytest.approx(17.5 / 25)


def test_default_list_takes_of_each_kind_as_many_as_are_estimated() -> None:
    # Blank: three of 20 at 0.9, confident 17 + 3: estimate 3. Nonblank: none is below the mean of the blanks.
    scores = [0.1] * 17 + [0.9, 0.95, 0.97] + [0.9] * 10
    audit = audit_labels(labels(scores, [0] * 20 + [1] * 10))
    assert audit.blank.estimate == pytest.approx(3.0)
    assert audit.nonblank.estimate == 0.0
    assert audit.most_suspicious().tolist() == [19, 18, 17]
    # More are asked for than contradict their label: only those come.
    assert audit.most_suspicious(30).tolist() == [19, 18, 17]


@pytest.mark.parametrize(
    ("scores", "nonblank", "said"),
    [
        ([], [], "there is no scored label"),
        ([0.1, 0.2], [0, 0], "all 2 scored labels are blank: without some nonblank ones"),
        ([0.1], [1], "all 1 scored labels are nonblank"),
        ([0.5] * 6, [0, 1] * 3, "do not tell blank from nonblank"),
        ([0.1] * 7, [0] + [1] * 6, "do not tell blank from nonblank"),
        ([0.9, 0.1], [0, 1], r"on average 0.900 where the label is blank, 0.100 where it is nonblank"),
        ([0.1, float("nan")], [0, 1], "not a number"),
        ([0.1, 1.5], [0, 1], "outside"),
    ],
)
def test_scores_that_cannot_tell_anything_are_refused(scores, nonblank, said: str) -> None:
    with pytest.raises(EvaluationError, match=said):
        audit_labels(labels(scores, nonblank))


def test_two_labels_are_enough_for_a_figure_and_one_location_for_no_interval() -> None:
    audit = audit_labels(labels([0.2, 0.7], [0, 1]))
    assert audit.joint.tolist() == [[1, 0], [0, 1]]
    assert (audit.both.estimate, audit.both.interval, audit.both.bounds) == (0.0, None, None)
    assert audit.most_suspicious().size == 0


def test_kind_that_only_one_location_has_gets_no_interval() -> None:
    audit = audit_labels(labels(SCORES, NONBLANK, np.where(NONBLANK, PLACES, 7)))
    assert audit.blank.interval is None
    assert audit.nonblank.interval is not None
    assert audit.both.interval is not None


# Properties

rows = st.lists(
    st.tuples(st.integers(0, 16).map(lambda step: step / 16), st.booleans(), st.integers(-1, 3)),
    min_size=2,
    max_size=60,
)


def audit_of(media) -> LabelAudit:
    scores, nonblank, places = zip(*media, strict=True)
    try:
        return audit_labels(labels(scores, nonblank, places))
    except EvaluationError:
        assume(False)
        raise


@settings(deadline=None)
@given(rows)
def test_two_means_say_what_the_general_definition_says(media) -> None:
    audit = audit_of(media)
    # Northcutt et al., eq. 1 and 2, for any number of labels: a media counts for the label it is likeliest of
    # among those whose mean self-confidence it reaches.
    p = np.array([[1.0 - score, score] for score, _, _ in media])
    said = np.array([int(nonblank) for _, nonblank, _ in media])
    means = [p[said == label, label].mean() for label in (0, 1)]
    joint = np.zeros((2, 2), dtype=int)
    for row, label in zip(p, said, strict=True):
        reached = [other for other in (0, 1) if row[other] >= means[other] - 1e-12]
        if reached:
            joint[label, max(reached, key=lambda other: row[other])] += 1
    assert audit.joint.tolist() == joint.tolist()


@settings(deadline=None, max_examples=60)
@given(rows, st.randoms(use_true_random=False))
def test_order_of_the_media_changes_nothing(media, chance) -> None:
    audit = audit_of(media)
    order = list(range(len(media)))
    chance.shuffle(order)
    other = audit_of([media[index] for index in order])
    assert other.joint.tolist() == audit.joint.tolist()
    assert other.both.estimate == pytest.approx(audit.both.estimate)
    assert other.margins == pytest.approx(audit.margins[order])
    mine, theirs = (sorted(one.margins[one.most_suspicious()].tolist()) for one in (audit, other))
    assert mine == pytest.approx(theirs)
    if audit.both.interval is not None and other.both.interval is not None:
        assert other.both.bounds == pytest.approx(audit.both.bounds, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(rows)
def test_flipping_labels_and_scores_mirrors_the_two_lists(media) -> None:
    audit = audit_of(media)
    mirrored = audit_of([(1.0 - p, not nonblank, place) for p, nonblank, place in media])
    assert mirrored.joint.tolist() == audit.joint[::-1, ::-1].tolist()
    assert mirrored.blank.estimate == pytest.approx(audit.nonblank.estimate)
    assert mirrored.nonblank.estimate == pytest.approx(audit.blank.estimate)
    assert mirrored.margins == pytest.approx(audit.margins, abs=1e-12)
    assert (mirrored.blank.interval is None) == (audit.nonblank.interval is None)
    if audit.nonblank.bounds is not None:
        # A limit is taken to the nearest of some edges; halfway between two, mirroring takes the other.
        assert mirrored.blank.bounds == pytest.approx(audit.nonblank.bounds, rel=0.02, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(rows, st.none() | st.integers(1, 80))
def test_never_more_candidates_than_media_and_each_contradicts_its_label(media, num) -> None:
    audit = audit_of(media)
    listed = audit.most_suspicious(num)
    assert len(set(listed.tolist())) == listed.size <= min(len(media), num or len(media))
    assert (audit.margins[listed] > 0.0).all()
    assert (np.diff(audit.margins[listed]) <= 0.0).all()
    for wrong, kind in ((audit.blank, False), (audit.nonblank, True)):
        assert 0.0 <= wrong.estimate <= wrong.num_labels
        if num is None:
            assert (audit.is_nonblank[listed] == kind).sum() <= np.ceil(wrong.estimate)
        if wrong.bounds is not None:
            assert 0.0 <= wrong.bounds[0] <= wrong.estimate + 1e-9
            assert wrong.estimate - 1e-9 <= wrong.bounds[1] <= wrong.num_labels


# Sequences


def test_frame_without_the_animal_in_a_nonblank_sequence_is_no_wrong_label() -> None:
    # A nonblank sequence of three frames, the animal in the second; a media judged itself; a blank sequence.
    p = np.array([0.05, 0.95, 0.02, 0.3, 0.1, 0.2])
    nonblank = np.array([1, 1, 1, 1, 0, 0], bool)
    places = np.array([4, 4, 4, 5, 6, 6])
    given_labels, label_of = gather_labels(p, nonblank, places, np.array([7, 7, 7, -1, 2, 2]))
    assert given_labels.p_nonblank.tolist() == [0.95, 0.3, 0.2]
    assert given_labels.is_nonblank.tolist() == [True, True, False]
    assert given_labels.locations.tolist() == [4, 5, 6]
    assert label_of.tolist() == [0, 0, 0, 1, 2, 2]
    assert audit_labels(given_labels).margins[0] < 0.0


def test_frames_of_one_sequence_with_different_labels_are_two_labels() -> None:
    given_labels, label_of = gather_labels(
        np.array([0.9, 0.1, 0.2]), np.array([True, False, False]), np.zeros(3, int), np.array([5, 5, 5])
    )
    assert given_labels.p_nonblank.tolist() == [0.9, 0.2]
    assert label_of.tolist() == [0, 1, 1]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(-1, 4)), max_size=40),
)
def test_each_media_has_one_label_and_each_label_its_highest_score(media) -> None:
    p = np.array([one[0] for one in media])
    nonblank = np.array([one[1] for one in media], bool)
    sequences = np.array([one[2] for one in media], np.int64)
    given_labels, label_of = gather_labels(p, nonblank, np.zeros(p.size, np.int64), sequences)
    alone = int((sequences < 0).sum())
    whole = {(sequence, label) for _, label, sequence in media if sequence >= 0}
    assert given_labels.p_nonblank.size == alone + len(whole)
    for position, highest in enumerate(given_labels.p_nonblank):
        assert p[label_of == position].max() == highest
        assert (nonblank[label_of == position] == given_labels.is_nonblank[position]).all()


# Known flips


def simulate(seed: int, *, num: int = 4000, num_locations: int = 30, flipped: float = 0.05):
    """Scores of a good model, locations that differ, and labels of which some are flipped."""
    chance = np.random.default_rng(seed)
    places = chance.integers(0, num_locations, num)
    truth = chance.random(num) < 0.4
    logits = np.where(truth, 3.0, -3.0) + chance.normal(0.0, 1.0, num)
    logits += chance.normal(0.0, 0.3, num_locations)[places]
    is_flipped = chance.random(num) < flipped
    return labels(1.0 / (1.0 + np.exp(-logits)), truth ^ is_flipped, places), is_flipped


def test_intervals_hold_the_number_of_flipped_labels() -> None:
    held, errors = [], []
    for seed in range(20):
        given_labels, is_flipped = simulate(seed)
        audit = audit_labels(given_labels)
        cases = [
            (audit.blank, is_flipped & ~given_labels.is_nonblank),
            (audit.nonblank, is_flipped & given_labels.is_nonblank),
            (audit.both, is_flipped),
        ]
        for wrong, truly in cases:
            assert wrong.bounds is not None
            held.append(wrong.bounds[0] <= truly.sum() <= wrong.bounds[1])
        errors.append(audit.both.estimate / is_flipped.sum() - 1.0)
    assert np.mean(held) >= 0.9
    assert abs(np.mean(errors)) < 0.05


def test_flipped_labels_are_at_the_head_of_the_list() -> None:
    given_labels, is_flipped = simulate(0)
    audit = audit_labels(given_labels)
    num = int(is_flipped.sum())
    assert is_flipped[audit.most_suspicious(num // 2)].mean() > 0.97
    assert is_flipped[audit.most_suspicious(num)].mean() > 0.9


def test_without_flips_few_look_wrong() -> None:
    given_labels, _ = simulate(1, flipped=0.0)
    assert audit_labels(given_labels).both.estimate < 10
