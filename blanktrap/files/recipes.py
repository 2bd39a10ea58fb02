"""What a folder of unfinished training is of: its manifest and its recipe, as they were written down first.

Owns: reading that record, and one line for what differs. Refuses: writing it, and training.
"""

import json
from collections.abc import Collection
from typing import Any

from blanktrap.core.errors import TrainingError
from blanktrap.files.storage import Storage

_FLAGS = {"num_folds": "folds", "width_px": "image-size", "height_px": "image-size"}


def read_recipe(storage: Storage, uri: str, *, end: str) -> dict[str, Any]:
    """Read a record with `schema_version`, `manifest_digest` and `config`.

    Args:
        storage: reads it.
        uri: where it is.
        end: what to do instead; ends the line of the error.

    Raises:
        TrainingError: it is damaged.
        SourceError: it cannot be read.
    """
    try:
        record = dict(json.loads(storage.read_bytes(uri)))
        found = {name: record[name] for name in ("schema_version", "manifest_digest")}
        return {**record, **found, "config": dict(record["config"])}
    except (ValueError, KeyError, TypeError) as problem:
        raise TrainingError(f"{uri} is damaged ({problem!r}): {end}") from problem


def refuse_other_recipe(
    what: str, found: dict[str, Any], wanted: dict[str, Any], *, end: str, free: Collection[str] = ()
) -> None:
    """Raise TrainingError unless two records are of one manifest and one recipe.

    Args:
        what: begins the line, such as `FOLDER holds folds`.
        found: the record that stands.
        wanted: the record of this start.
        end: what to do instead.
        free: fields of the recipe that may differ.
    """
    if found["schema_version"] != wanted["schema_version"]:
        raise TrainingError(f"{what} of schema version {found['schema_version']}: {end}")
    if found["manifest_digest"] != wanted["manifest_digest"]:
        raise TrainingError(f"{what} of another manifest: {end}")
    had, has = _flat(found["config"]), _flat(wanted["config"])
    for name in sorted(had.keys() | has.keys()):
        if name not in free and had.get(name) != has.get(name):
            flag = _FLAGS.get(name, name.replace("_", "-"))
            raise TrainingError(
                f"{what} trained with {flag} {had.get(name)}, now it is {has.get(name)}: {end}"
            )


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """Fields by their own names: no two groups of them share one."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        flat.update(value if isinstance(value, dict) else {name: value})
    return flat
