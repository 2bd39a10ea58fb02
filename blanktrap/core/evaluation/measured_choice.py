"""Which labelled media are measured, and which a promised cutoff is chosen on.

Owns: the choice of the split. Refuses: figures without labels of both kinds.
"""

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.evaluation.tally import Tally
from blanktrap.core.vocabulary import Split


def choose_measured(tally: Tally, config: EvaluateConfig, where: str) -> tuple[str | None, Measured]:
    """Choose the labelled media to measure on: the split asked for, else `test`, else all labelled.

    Returns:
        The split, None for all, and what was counted of it.

    Raises:
        EvaluationError: there is no labelled media, none was scored, or all have the same label.
    """
    found = tally.labelled_by_split
    if not found:
        raise EvaluationError(
            f"none of the {tally.num_media:,} media in {where} has a label: pass --labels MANIFEST, "
            f"or index with --annotations"
        )
    split = config.split or (Split.TEST.value if Split.TEST.value in found else None)
    measured = _measured_part(tally, split, where)
    num_nonblank, num_blank = measured.ranked.nonblank.size, measured.ranked.blank.size
    part = f"of split {split} " if split else ""
    if not num_nonblank and not num_blank:
        raise EvaluationError(f"none of the labelled media {part}in {where} could be scored: see run.json")
    if not num_nonblank or not num_blank:
        only, other = ("nonblank", "blank") if num_nonblank else ("blank", "nonblank")
        raise EvaluationError(
            f"all {num_nonblank + num_blank:,} labelled media {part}in {where} are {only}: "
            f"label some {other} media too, or measure another --split"
        )
    return split, measured


def choose_promising(
    tally: Tally, config: EvaluateConfig, split: str | None, measured: Measured, where: str
) -> Measured:
    """The media that a promised cutoff is chosen on: those that are measured, or another split's.

    Raises:
        EvaluationError: the other split has no labels.
    """
    if config.choose_on is None or config.choose_on == split:
        return measured
    return _measured_part(tally, config.choose_on, where)


def _measured_part(tally: Tally, split: str | None, where: str) -> Measured:
    found = tally.labelled_by_split
    if split is not None and split not in found:
        there = ", ".join(f"{num:,} of {name or 'no split'}" for name, num in found.items())
        raise EvaluationError(f"{where} has no labelled media of split {split}; it has {there}")
    return tally.measured(split)
