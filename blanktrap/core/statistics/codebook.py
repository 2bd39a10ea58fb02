"""Numbers for values that come again and again, such as location ids.

Owns: giving them out. Refuses: values that hardly ever come twice; those are `fingerprints`.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Codes = NDArray[np.int32]


class Codebook:
    """Numbers from 0 on, in the order in which values first came; null has a number as well."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        """By number."""
        self._numbers: dict[Any, int] = {}

    def encode(self, column: pa.ChunkedArray | pa.Array) -> Codes:
        """The number of each value, shape (num_rows,)."""
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if not len(array):
            return np.zeros(0, np.int32)
        encoded = array.dictionary_encode(null_encoding="encode")
        numbers = np.asarray([self.number_of(value) for value in encoded.dictionary.to_pylist()], np.int32)
        codes: Codes = numbers[encoded.indices.to_numpy(zero_copy_only=False)]
        return codes

    def number_of(self, value: Any) -> int:
        """The number of one value; a new one where it has none."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number
