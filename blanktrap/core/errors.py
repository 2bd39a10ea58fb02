"""Every error that blanktrap raises on purpose.

Owns: the short tree of errors. A message says what, where, what was found, what is allowed and what to
do next, in one line; the command line prints it and exits with `exit_code`. Refuses: tracebacks for
what a user can mend.
"""


class BlanktrapError(Exception):
    """The parent of all. One line a biologist can act on."""

    exit_code = 1


class UsageError(BlanktrapError, ValueError):
    """The request itself is wrong: a flag, a value, an empty source."""

    exit_code = 2


class SourceError(BlanktrapError, OSError):
    """A file, folder or bucket cannot be read or written: missing, refused, unreachable."""


class AnnotationError(BlanktrapError, ValueError):
    """An annotation file cannot be understood; the message names file and row."""


class ManifestError(BlanktrapError, ValueError):
    """A manifest is empty, incomplete or of another schema version."""


class ScoresError(BlanktrapError, ValueError):
    """A scores dataset is incomplete, of another schema version, or of another manifest or model."""


class ReportError(BlanktrapError, ValueError):
    """A report directory is missing, incomplete or of another schema version."""


class ReviewError(BlanktrapError, ValueError):
    """A review queue is missing, damaged or taken, or answers do not belong to it."""


class SeparationError(BlanktrapError, ValueError):
    """A place to separate media to is taken, its journal is damaged, or it belongs to another command."""


class CheckpointError(BlanktrapError, ValueError):
    """A checkpoint is missing, damaged, or of another schema version or architecture."""


class DecodeError(BlanktrapError, ValueError):
    """An image cannot become pixels. `status` says which of the statuses it gets.

    Attributes:
        status: a `blanktrap.core.vocabulary.Status` value other than `ok`.
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.status, str(self))


class ExplanationError(BlanktrapError, ValueError):
    """Nothing can be explained: no such media, none that can be read, or the output folder is taken."""


class TrainingError(BlanktrapError, ValueError):
    """Training cannot start or go on: a class is missing, a split leaks, the loss is not a number."""


class LossError(TrainingError):
    """A loss, a gradient or a score is no number; what was learned in the epochs before still stands."""


class EvaluationError(BlanktrapError, ValueError):
    """There is nothing to measure on: no labels, one class only, a cutoff outside [0, 1]."""


class IntervalError(EvaluationError):
    """No interval can be computed: fewer than two locations, or counts that are none."""


class CutoffError(EvaluationError):
    """No cutoff can be chosen: there is nothing to measure recall on, or the recall asked for cannot be."""


class PromiseError(CutoffError):
    """No cutoff can be promised: too few locations or nonblank media for the recall and confidence asked for.

    Attributes:
        num_more_locations: how many more labelled locations would probably do; None where nobody can say.
    """

    def __init__(self, message: str, *, num_more_locations: int | None = None) -> None:
        super().__init__(message)
        self.num_more_locations = num_more_locations


class ClusterError(BlanktrapError, ValueError):
    """The file of a cluster cannot be understood, or has faults."""


class EngineError(BlanktrapError, RuntimeError):
    """Ray cannot do what was asked: no cluster, no GPU, a task that failed for good."""
