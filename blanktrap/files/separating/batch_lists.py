"""Manifests for S3 Batch Operations: which objects were decided how, as CSV files that AWS reads.

Owns: the files and their form, and taking them back. Refuses: creating a job; that is for whoever pays for
it.

There is one file for each decision and bucket, as a job reads objects of one bucket: `set_aside.csv`, or
`set_aside.BUCKET.csv` where the media are in several. A line is the bucket and the key, without a header;
keys are percent-encoded, as AWS asks, and quoted as CSV.
"""

import csv
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from blanktrap.core.vocabulary import Decision
from blanktrap.files.s3 import ObjectMissingError, split_s3
from blanktrap.files.separating.history import LISTED, History
from blanktrap.files.separating.journal import Journal, Record
from blanktrap.files.separating.plan import PlannedMedia, iter_batches
from blanktrap.files.storage import Storage, join


def write_lists(journal: Journal, history: History, num_media: int, storage: Storage) -> Iterator[str]:
    """Write the lists, each whole or not at all, and say in the journal which; yields progress texts."""
    assert history.start is not None
    with tempfile.TemporaryDirectory(prefix="blanktrap-lists-") as folder:
        lists = _Lists(Path(folder))
        for batch, rows in iter_batches(journal, num_media, history.start["batch_size"]):
            for media in rows:
                lists.add(media)
            done = min(num_media, (batch + 1) * history.start["batch_size"])
            yield f"listed {done:,}/{num_media:,}"
        lists.close()
        files = {name: _sha256(path) for name, path in lists.paths().items()}
        # Before they are written, so that a run that is killed meanwhile can be taken back.
        listed: Record = {"kind": "lists", "files": files, "num": dict(lists.counts)}
        journal.append(listed)
        history.read(listed)
        for name, path in lists.paths().items():
            storage.upload(path, join(journal.to, name))


def remove_lists(journal: Journal, history: History, storage: Storage) -> dict[str, tuple[str, str]]:
    """Remove the lists that are as they were written; returns those that are not, and why."""
    left: dict[str, tuple[str, str]] = {}
    for number, (name, digest) in enumerate(history.lists.items()):
        uri = join(journal.to, name)
        try:
            if hashlib.sha256(storage.read_bytes(uri)).hexdigest() == digest:
                storage.delete(uri)
            else:
                left[str(number)] = (name, "changed since")
        except ObjectMissingError:
            continue
    return left


class _Lists:
    """The files while they grow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[tuple[Decision, str], tuple[IO[str], Any]] = {}
        self.counts: Counter[str] = Counter()

    def add(self, media: PlannedMedia) -> None:
        bucket, key = split_s3(media.uri)
        place = (media.decision, bucket)
        if place not in self._files:
            path = self._folder / f"{media.decision}.{bucket}.csv"
            file = path.open("w", encoding="utf-8", newline="")
            self._files[place] = file, csv.writer(file, lineterminator="\n")
        self._files[place][1].writerow([bucket, quote(key, safe="/")])
        self.counts[LISTED] += 1

    def paths(self) -> dict[str, Path]:
        """The files by the names they get."""
        is_one_bucket = len({bucket for _, bucket in self._files}) == 1
        return {
            f"{decision}.csv" if is_one_bucket else f"{decision}.{bucket}.csv": self._folder
            / f"{decision}.{bucket}.csv"
            for decision, bucket in self._files
        }

    def close(self) -> None:
        for file, _ in self._files.values():
            file.close()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
