"""Which media belong together, as whole numbers.

Owns: one code for each location. Refuses: telling media of no known location apart: they get one code, as
nobody knows whether they come from one place or from many, and one group claims the least.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.core.errors import EvaluationError

Names: TypeAlias = Sequence[object] | NDArray[np.generic] | pa.Array | pa.ChunkedArray


def code_locations(locations: Names) -> tuple[NDArray[np.int64], list[object]]:
    """Number the locations that media were taken at.

    Args:
        locations: names or codes of any kind, shape (num_media,); null for no known location.

    Returns:
        Codes from 0, shape (num_media,), and the name of each code; None, where there is one, comes last.

    Raises:
        EvaluationError: some names are text and some are numbers.
    """
    array: pa.Array | pa.ChunkedArray = locations
    if not isinstance(locations, pa.Array | pa.ChunkedArray):
        try:
            array = pa.array(locations, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
            raise EvaluationError(
                f"names of locations must all be of one kind, text or numbers ({problem})"
            ) from problem
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks else pa.array([], array.type)
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())  # else null would be one of the names, and come twice
    if not isinstance(array, pa.DictionaryArray):
        array = array.dictionary_encode()
    names: list[object] = array.dictionary.to_pylist()
    indices = array.indices.cast(pa.int64())
    if indices.null_count:
        indices = pc.fill_null(indices, len(names))
        names.append(None)
    return indices.to_numpy(zero_copy_only=False), names
