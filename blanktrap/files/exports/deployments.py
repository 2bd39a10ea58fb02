"""The deployments that the media of a scores dataset come from, for formats with a table of them.

Owns: their names and periods; some hundred bytes each are kept in memory. Refuses: asking for more than the
scores say: a period is that of the photographs, and a camera stood there before and after them.

A media without a deployment belongs to one that is called after its location, one without either to
`unknown`. Where two locations use one name it becomes `location/name`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NO_DEPLOYMENT = "unknown"
COLUMNS = ["location_id", "deployment_id", "timestamp"]

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One deployment."""

    name: str
    location_id: str | None
    deployment_id: str | None
    """As the scores call it; None where they do not."""
    num_media: int
    num_dated: int
    start_ms: int | None
    """The first time on the camera's clock, in milliseconds since 1970; None where no media has a time."""
    end_ms: int | None


class Deployments:
    """Collects deployments from tables, and then numbers the rows of tables by them."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str | None, str | None], int] = {}
        self._starts = np.zeros(0, np.int64)
        self._ends = np.zeros(0, np.int64)
        self._num_media = np.zeros(0, np.int64)
        self._num_dated = np.zeros(0, np.int64)

    def add_all(self, tables: Iterable[pa.Table]) -> list[Deployment]:
        """Take tables with the columns of `COLUMNS`, and return the deployments by number."""
        for table in tables:
            self._add(table)
        names = self._names()
        return [
            Deployment(
                name=names[number],
                location_id=location,
                deployment_id=deployment,
                num_media=int(self._num_media[number]),
                num_dated=int(self._num_dated[number]),
                start_ms=int(self._starts[number]) if self._num_dated[number] else None,
                end_ms=int(self._ends[number]) if self._num_dated[number] else None,
            )
            for (location, deployment), number in self._numbers.items()
        ]

    def numbers(self, table: pa.Table) -> NDArray[np.int64]:
        """The number of each row's deployment, shape (num_rows,)."""
        codes, texts = [], []
        for name in ("location_id", "deployment_id"):
            encoded = table.column(name).combine_chunks().dictionary_encode("encode")
            codes.append(encoded.indices.to_numpy().astype(np.int64))
            texts.append(encoded.dictionary.to_pylist())
        width = max(len(texts[1]), 1)
        pairs, places = np.unique(codes[0] * width + codes[1], return_inverse=True)
        known = [
            self._numbers.setdefault((texts[0][pair // width], texts[1][pair % width]), len(self._numbers))
            for pair in pairs.tolist()
        ]
        numbers: NDArray[np.int64] = np.array(known, np.int64)[places] if known else places.astype(np.int64)
        return numbers

    def _add(self, table: pa.Table) -> None:
        numbers = self.numbers(table)
        num_new = len(self._numbers) - self._starts.size
        self._starts = np.append(self._starts, np.full(num_new, _NEVER))
        self._ends = np.append(self._ends, np.full(num_new, -_NEVER))
        self._num_media = np.append(self._num_media, np.zeros(num_new, np.int64))
        self._num_dated = np.append(self._num_dated, np.zeros(num_new, np.int64))
        times = table.column("timestamp").cast(pa.timestamp("ms")).cast(pa.int64())
        is_dated = pc.is_valid(times).to_numpy()
        dated, ms = numbers[is_dated], pc.drop_null(times).to_numpy()
        np.minimum.at(self._starts, dated, ms)
        np.maximum.at(self._ends, dated, ms)
        self._num_media += np.bincount(numbers, minlength=self._num_media.size)
        self._num_dated += np.bincount(dated, minlength=self._num_dated.size)

    def _names(self) -> list[str]:
        plain = [deployment or location or NO_DEPLOYMENT for location, deployment in self._numbers]
        uses = Counter(plain)
        taken: set[str] = set()
        names: list[str] = []
        for name, (location, _) in zip(plain, self._numbers, strict=True):
            wanted = name if uses[name] == 1 else f"{location or NO_DEPLOYMENT}/{name}"
            unique, num = wanted, 1
            while unique in taken:
                num += 1
                unique = f"{wanted} ({num})"
            taken.add(unique)
            names.append(unique)
        return names
