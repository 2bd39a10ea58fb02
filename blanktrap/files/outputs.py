"""What of blanktrap's a folder holds: told by the file that finishes it.

Owns: the kinds of outputs that can be looked at, and naming the kind of a location. Refuses: reading them.
"""

from enum import StrEnum

from blanktrap.core.errors import UsageError
from blanktrap.core.model_card import CARD_NAME
from blanktrap.core.training_record import TRAINING_NAME
from blanktrap.files.folds import FOLDS_RECORD
from blanktrap.files.manifest import RECORD as MANIFEST_RECORD
from blanktrap.files.reports import REPORT_FILE
from blanktrap.files.review_queues import RECORD as QUEUE_RECORD
from blanktrap.files.s3 import is_s3
from blanktrap.files.storage import Storage, join

HEATMAPS_RECORD = "explain.json"
RUN_RECORD = "run.json"


class OutputKind(StrEnum):
    """What a folder is."""

    REPORT = "report"
    SCORES = "scores"
    CHECKPOINT = "checkpoint"
    """A model, or a training that goes on."""
    FOLDS = "folds"
    QUEUE = "review queue"
    HEATMAPS = "heatmaps"


# In this order: a training that goes on has a table of epochs before it has a card.
_DESCRIPTORS = {
    REPORT_FILE: OutputKind.REPORT,
    QUEUE_RECORD: OutputKind.QUEUE,
    HEATMAPS_RECORD: OutputKind.HEATMAPS,
    FOLDS_RECORD: OutputKind.FOLDS,
    CARD_NAME: OutputKind.CHECKPOINT,
    TRAINING_NAME: OutputKind.CHECKPOINT,
    RUN_RECORD: OutputKind.SCORES,
}


def recognise_output(storage: Storage, location: str) -> OutputKind:
    """Name what a folder holds, local or on S3.

    Raises:
        UsageError: it is not there, a file, or nothing that can be looked at; the message says what is.
        SourceError: the storage cannot be reached.
    """
    if not is_s3(location) and storage.exists(location):
        raise UsageError(f"{location} is a file: name the folder that holds {_KINDS}")
    for name, kind in _DESCRIPTORS.items():
        if storage.exists(join(location, name)):
            return kind
    if storage.exists(join(location, MANIFEST_RECORD)):
        raise UsageError(
            f"{location} is a manifest, which has no scores to look at: run `blanktrap score {location}` and "
            f"`blanktrap evaluate`, and name the report"
        )
    raise UsageError(
        f"{location} is nothing to look at, or is not there: name the folder of {_KINDS} "
        f"({', '.join(_DESCRIPTORS)} is looked for)"
    )


_KINDS = "a report, scores, a model, folds, a review queue or heatmaps"
