"""Where the first worker of a training writes down how far it is, and the driver reads it.

Owns: what was told and not yet read, and the wish to stop. Refuses: torch; the actor stays small.
"""

from blanktrap.core.training_record import EpochRecord
from blanktrap.vision.training.progress import TrainProgress


class Board:
    """An actor beside the driver."""

    def __init__(self) -> None:
        self._progress: TrainProgress | None = None
        self._records: list[EpochRecord] = []
        self._is_stopped = False

    def stop(self) -> None:
        """Ask the workers to stop."""
        self._is_stopped = True

    def tell(self, progress: TrainProgress) -> bool:
        """Replace what was told before; returns whether to stop."""
        self._progress = progress
        return self._is_stopped

    def add(self, record: EpochRecord) -> None:
        """An epoch is done."""
        self._records.append(record)

    def read(self) -> tuple[TrainProgress | None, list[EpochRecord]]:
        """The newest progress, and the epochs that nobody has read yet."""
        records, self._records = self._records, []
        return self._progress, records
