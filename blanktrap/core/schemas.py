"""The Arrow schemas that other programs build on.

Owns: the columns, types and versions of manifests and scores. Extra columns may follow the contract's,
none may go. Refuses: reading or writing; that is floor 1.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.core.errors import BlanktrapError, ManifestError, ScoresError
from blanktrap.core.vocabulary import Label, LabelLevel, Split

MANIFEST_VERSION = 1
SCORES_VERSION = 1
CHECKPOINT_VERSION = 2
REPORT_VERSION = 2

_IDENTITY = [
    pa.field("media_id", pa.string(), nullable=False),
    pa.field("uri", pa.string(), nullable=False),
    pa.field("size_bytes", pa.int64()),
    pa.field("location_id", pa.string()),
    pa.field("deployment_id", pa.string()),
    pa.field("sequence_id", pa.string()),
    pa.field("frame_num", pa.int16()),
    pa.field("timestamp", pa.timestamp("ms")),
]

_LABELS = [
    pa.field("label", pa.string()),
    pa.field("label_level", pa.string()),
    pa.field("species", pa.list_(pa.string())),
    pa.field("split", pa.string()),
]

MANIFEST_SCHEMA = pa.schema(
    [*_IDENTITY, *_LABELS], metadata={"blanktrap.manifest_version": str(MANIFEST_VERSION)}
)

# What `index` writes behind the contract's columns; a manifest made elsewhere may lack any of them.
MANIFEST_EXTRAS = pa.schema(
    [
        pa.field("is_night", pa.bool_()),
        # Share of the volunteers behind the label, the lowest where several species were seen.
        pa.field("vote_share", pa.float32()),
        # Pielou's evenness of the volunteers' answers, the highest; 0 where all agree.
        pa.field("evenness", pa.float32()),
        pa.field("labelled_by", pa.string()),
        pa.field("labelled_at", pa.timestamp("ms")),
        # Which state of an object on S3 was listed, without quotes; null on disk.
        pa.field("etag", pa.string()),
    ]
)

# Labels travel with the scores as extra columns, so that evaluating needs no join over the archive.
SCORES_SCHEMA = pa.schema(
    [
        *_IDENTITY,
        pa.field("status", pa.string(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("p_nonblank", pa.float32()),
        pa.field("width_px", pa.int32()),
        pa.field("height_px", pa.int32()),
        pa.field("brightness", pa.float32()),
        pa.field("is_night", pa.bool_()),
        pa.field("model_id", pa.string(), nullable=False),
        *_LABELS,
    ],
    metadata={"blanktrap.scores_version": str(SCORES_VERSION)},
)

# What scoring writes behind the contract's columns: a grade of `core.exposure`, null where there is no image.
# Runs from before it have none.
EXPOSURE = pa.field("exposure", pa.string())

# What `score --embeddings` writes behind the contract's columns: what the network makes of an image before
# its last layer, null where there is no score. A kilobyte a media: who does not need it does not read it.
NUM_FEATURES = 512
EMBEDDING = pa.field("embedding", pa.list_(pa.float16(), NUM_FEATURES))

# What `score` writes behind the contract's columns where the model looks at the background of the place:
# whether this media had one. Null where there is no score.
HAS_BACKGROUND = pa.field("has_background", pa.bool_())

_WORDS = {"label": Label, "label_level": LabelLevel, "split": Split}


def check_version(
    schema: pa.Schema, key: str, supported: int, *, where: str, error: type[BlanktrapError]
) -> None:
    """Refuse a file that declares another version of its contract.

    Args:
        schema: the file's schema, with its metadata.
        key: the metadata key, such as `blanktrap.manifest_version`.
        supported: the version this program reads.
        where: the file, for the message.
        error: the error to raise.

    Raises:
        error: the file declares a version other than `supported`. A file that declares none passes:
            the columns decide.
    """
    declared = (schema.metadata or {}).get(key.encode())
    if declared is not None and declared.decode() != str(supported):
        raise error(
            f"{where} has {key} {declared.decode()}, this blanktrap reads {supported}: "
            f"use the blanktrap that wrote it, or make it again"
        )


def conform_manifest(table: pa.Table, *, where: str) -> pa.Table:
    """Return the table with the manifest's columns first, in order and type; extra columns follow.

    Nullable columns that are absent are added as nulls. A timestamp with a zone keeps what the clock on the
    spot showed, and what is finer than a millisecond is cut off.

    Raises:
        ManifestError: a required column is absent, a type cannot be cast without loss, or a label, label
            level or split is none of the vocabulary's; the message names the column.
    """
    check_version(
        table.schema, "blanktrap.manifest_version", MANIFEST_VERSION, where=where, error=ManifestError
    )
    conformed = _conform(
        table, MANIFEST_SCHEMA, required=("media_id", "uri"), where=where, error=ManifestError
    )
    for name, words in _WORDS.items():
        # Anything that is not exactly "nonblank" would count as blank further on.
        for value in pc.unique(conformed.column(name)).to_pylist():
            if value is not None and value not in set(words):
                raise ManifestError(
                    f"{where}: column {name} has {value!r}, allowed are {', '.join(words)} and null"
                )
    return conformed


def conform_scores(table: pa.Table, *, where: str) -> pa.Table:
    """As `conform_manifest`, for scores; raises ScoresError."""
    check_version(table.schema, "blanktrap.scores_version", SCORES_VERSION, where=where, error=ScoresError)
    required = ("media_id", "status", "p_nonblank", "model_id")
    return _conform(table, SCORES_SCHEMA, required=required, where=where, error=ScoresError)


def embedding_column(features: NDArray[np.float16], *, is_there: NDArray[np.bool_]) -> pa.Array:
    """The column `embedding` of some media.

    Args:
        features: float16, shape (num_media, 512).
        is_there: whether the media has features; shape (num_media,). The others are null.
    """
    values = pa.array(features.ravel(), pa.float16())
    return pa.FixedSizeListArray.from_arrays(values, type=EMBEDDING.type, mask=pa.array(~is_there))


def features_of(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The features in a column `embedding`.

    Returns:
        float32, shape (num_there, 512), and the positions of their rows, shape (num_there,).
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    is_there = np.asarray(array.is_valid())
    flat = array.drop_null().flatten().to_numpy(zero_copy_only=False)
    return flat.astype(np.float32).reshape(-1, NUM_FEATURES), np.flatnonzero(is_there)


def _conform(
    table: pa.Table, schema: pa.Schema, *, required: tuple[str, ...], where: str, error: type[BlanktrapError]
) -> pa.Table:
    columns: list[pa.ChunkedArray] = []
    for field in schema:
        if field.name in table.column_names:
            try:
                column = _cast(table.column(field.name), field.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
                raise error(
                    f"{where}: column {field.name} is {table.schema.field(field.name).type}, "
                    f"expected {field.type} ({problem})"
                ) from problem
        elif field.name in required:
            raise error(f"{where}: column {field.name} is missing; it has {', '.join(table.column_names)}")
        else:
            column = pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        if not field.nullable and column.null_count:
            raise error(f"{where}: column {field.name} has {column.null_count} nulls, none are allowed")
        columns.append(column)
    extra = [name for name in table.column_names if name not in schema.names]
    fields = [*schema, *(table.schema.field(name) for name in extra)]
    columns += [table.column(name) for name in extra]
    return pa.table(columns, schema=pa.schema(fields, metadata=schema.metadata))


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """The column in the wanted type; timestamps in the clock's local time, cut to the wanted unit."""
    if not (pa.types.is_timestamp(column.type) and pa.types.is_timestamp(wanted)):
        return column.cast(wanted)
    if column.type.tz is not None:
        column = pc.local_timestamp(column)
    is_finer = column.type.unit in ("us", "ns")
    return column.cast(wanted, safe=not is_finer)
