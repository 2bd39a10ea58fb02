"""What must be read before any figure of a report.

Owns: the plain words of warnings, of what the media cannot support, and of what the model has seen. Refuses:
hiding that a model is measured on what it was trained on.
"""

from blanktrap.core.evaluation.basis import Basis
from blanktrap.core.statistics.intervals import describe_trust
from blanktrap.core.vocabulary import Split
from blanktrap.core.wording import number


def describe_warnings(basis: Basis) -> list[str]:
    """What weakens the figures, the gravest first."""
    on = basis.on
    found = []
    if not basis.is_complete:
        missing = basis.num_expected - basis.tally.num_media
        found.append(
            f"the scores are incomplete: {basis.tally.num_media:,} of {basis.num_expected:,} media; "
            + (
                f"the {missing:,} that are missing may differ"
                if missing
                else "all are there, but not checked"
            )
        )
    found += _leak_warnings(basis)
    found += _choice_warnings(basis)
    if on.num_locations <= 1 and not on.num_without_location:
        found.append("all measured media come from one location: this says little about any other")
    elif on.num_without_location:
        found.append(
            f"{on.num_without_location:,} of the {on.num_media:,} measured media have no known location: "
            f"nobody can tell whether the model was trained there"
        )
    if on.num_sequence_labels:
        found.append(
            f"{on.num_sequence_labels:,} labels were given to whole sequences: a frame without the animal "
            f"counts as missed when it is called blank{_by_sequence(basis)}"
        )
    return found


def describe_refusals(basis: Basis) -> tuple[str, ...]:
    """What the measured media cannot support, and why."""
    found = []
    trust = describe_trust(int((basis.measured.sizes.sum(axis=1) > 0).sum()))
    if not basis.on.num_locations:
        found.append(
            "no interval: no measured media has a known location, so nobody can see how locations differ"
        )
    elif trust is not None:
        found.append(trust)
    if basis.config.price_per_hour is not None and basis.wall_s is None:
        found.append("no machine cost: run.json does not say how long scoring took")
    if basis.sequences is None:
        found.append("no figures by sequence: no measured media belongs to a known sequence")
    elif not basis.sequences.measured.p_nonblank.size:
        found.append("no figures by sequence: no sequence has both a label and a scored frame")
    elif not basis.sequences.measured.sizes.sum(axis=0).all():
        num_nonblank, num_blank = (int(num) for num in basis.sequences.measured.sizes.sum(axis=0))
        only, other = ("nonblank", "blank") if num_nonblank else ("blank", "nonblank")
        found.append(f"no {other} recall by sequence: all {num_nonblank + num_blank:,} sequences are {only}")
    return tuple(found)


def describe_seen(basis: Basis) -> str | None:
    """Say which of the measured media the model has seen; None where it has seen none that are known."""
    by_split = basis.tally.scored_by_split(basis.split)
    parts = [f"{by_split[name]:,} {name}" for name in (Split.TRAIN, Split.VAL) if by_split.get(name)]
    if parts:
        return f"the measured media include {' and '.join(parts)} media that the model has seen"
    sizes = basis.measured.sizes.sum(axis=1)
    seen = basis.seen_locations or ()
    shared = [
        int(size)
        for location, size in zip(basis.measured.locations, sizes, strict=True)
        if size and location in seen
    ]
    if not shared:
        return None
    return (
        f"{sum(shared):,} of the {int(sizes.sum()):,} measured media come from "
        f"{number(len(shared), 'location')} the model was trained or validated on"
    )


def _leak_warnings(basis: Basis) -> list[str]:
    """Say when the model is measured on media or places that it has seen."""
    seen = describe_seen(basis)
    if seen is not None:
        return [f"{seen}: the figures are too good for new locations"]
    if basis.seen_locations is None:
        return [
            "the model card names no training locations: nobody can tell whether the model has seen "
            "the measured ones"
        ]
    return []


def _choice_warnings(basis: Basis) -> list[str]:
    """Say when the cutoff was chosen on media that make the figures, or the promise, too good."""
    config, chosen = basis.config, basis.chosen
    if config.min_recall is None:
        return []
    if chosen.warning is not None:
        return [chosen.warning]
    if basis.is_chosen_on_measured:
        return [
            "the cutoff was chosen on the media that are measured: the promise reckons with that, but the "
            "figures at this cutoff are a little too good; --choose-on takes another split"
        ]
    if config.choose_on in (Split.TRAIN, Split.VAL):
        return [
            f"the cutoff was chosen on {config.choose_on} media, which the model has seen: the promise for "
            f"new locations is too good"
        ]
    return []


def _by_sequence(basis: Basis) -> str:
    return "; the figures by sequence do not suffer from that" if basis.sequences is not None else ""
