"""Reading the model card of a checkpoint.

Owns: finding `model.json` at a location and refusing what is no checkpoint of ours. Refuses: torch and
weights; those are `vision.checkpoints`.
"""

import json

from pydantic import ValidationError

from blanktrap.core.errors import CheckpointError
from blanktrap.core.model_card import ARCHITECTURE, CARD_NAME, WEIGHTS_NAME, ModelCard
from blanktrap.core.schemas import CHECKPOINT_VERSION
from blanktrap.core.training_record import TRAINING_NAME
from blanktrap.core.wording import short_name
from blanktrap.files.s3 import ObjectMissingError, ObjectTooLargeError
from blanktrap.files.storage import Storage, join

_PICKLE_ENDINGS = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".t7")
_MAX_CARD_BYTES = 64 * 1024 * 1024  # a hundred thousand locations take a tenth of it
_READABLE = range(1, CHECKPOINT_VERSION + 1)
_OUR_FORM = f"a folder with {CARD_NAME} and {WEIGHTS_NAME}, as blanktrap train writes it"


def read_card(storage: Storage, location: str) -> ModelCard:
    """Read and check the model card of a checkpoint folder, local or on S3.

    Raises:
        CheckpointError: there is no checkpoint, it is a pickle, its card is damaged or edited, or it is
            of another schema version or architecture.
        SourceError: the storage cannot be read.
    """
    if location.casefold().endswith(_PICKLE_ENDINGS):
        raise CheckpointError(f"{location} is a pickle, and no pickle is ever loaded: give {_OUR_FORM}")
    uri = join(location, CARD_NAME)
    try:
        data = storage.read_bytes(uri, max_bytes=_MAX_CARD_BYTES)
    except ObjectMissingError as problem:
        raise CheckpointError(_absent(storage, location)) from problem
    except ObjectTooLargeError as problem:
        raise CheckpointError(f"{uri} is no model card: {problem}") from problem
    return _parse(data, uri)


def _absent(storage: Storage, location: str) -> str:
    """Say what stands where a checkpoint was expected."""
    try:
        names = [entry.relative for entry in storage.list_folder(location)]
    except ObjectMissingError:
        return f"{location} is a file: a model is {_OUR_FORM}"
    pickles = [name for name in names if name.casefold().endswith(_PICKLE_ENDINGS)]
    if pickles:
        return f"{location} holds a pickle ({pickles[0]}), and no pickle is ever loaded: give {_OUR_FORM}"
    if WEIGHTS_NAME in names:
        return f"{location} has {WEIGHTS_NAME} but no {CARD_NAME}: its training did not end; train again"
    if TRAINING_NAME in names:
        return f"{location} has {TRAINING_NAME} but no {CARD_NAME}: its training goes on, or did not end"
    return f"there is no model at {location}: give {_OUR_FORM}"


def _parse(data: bytes, uri: str) -> ModelCard:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise CheckpointError(f"{uri} is damaged: it is no JSON ({problem})") from problem
    if not isinstance(fields, dict):
        raise CheckpointError(f"{uri} is damaged: expected an object, found {type(fields).__name__}")
    version, architecture = fields.get("schema_version"), fields.get("architecture")
    if type(version) is not int or version not in _READABLE:
        raise CheckpointError(
            f"{uri} has schema version {short_name(str(version))}, this blanktrap reads {_READABLE[0]} to "
            f"{_READABLE[-1]}: use the blanktrap that wrote it, or train again"
        )
    if architecture != ARCHITECTURE:
        raise CheckpointError(
            f"{uri} is of architecture {short_name(str(architecture))}, this blanktrap runs {ARCHITECTURE}"
        )
    try:
        return ModelCard.model_validate_json(data)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise CheckpointError(f"{uri} is damaged or edited: {where or 'card'}: {message}") from problem
