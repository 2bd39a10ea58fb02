"""What a folder of cross-validation is of: `folds.json`, written before anything else.

Owns: claiming the folder. Refuses: a folder of other folds, and training.
"""

import json
from typing import Any

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.files.manifest import Manifest
from blanktrap.files.s3 import is_s3
from blanktrap.files.storage import Storage, join

FOLDS_RECORD = "folds.json"
HELD_OUT_SCORES = "out-of-fold"
FOLDS_VERSION = 1


def claim_folds(storage: Storage, out: str, manifest: Manifest, config: TrainConfig) -> None:
    """Write down what the folds are of, or go on with a folder that holds the same.

    Raises:
        TrainingError: it is a file, or holds folds of another manifest or configuration, or something else.
        SourceError: it cannot be listed or written.
    """
    if not is_s3(out) and storage.exists(out):
        raise TrainingError(f"{out} is a file: give --out a folder; nothing was overwritten")
    names = {entry.relative for entry in storage.list_folder(out)}
    record = {
        "schema_version": FOLDS_VERSION,
        "manifest_digest": manifest.digest,
        "config": config.model_dump(mode="json"),
    }
    if FOLDS_RECORD in names:
        _refuse_other_folds(out, _read_record(storage, out), record)
    elif names:
        raise TrainingError(
            f"{out} is not empty (it has {min(names)}) and holds no folds: give --out a new or empty folder; "
            f"nothing was overwritten"
        )
    else:
        storage.write_bytes(join(out, FOLDS_RECORD), json.dumps(record, indent=1).encode())


def _read_record(storage: Storage, out: str) -> dict[str, Any]:
    uri = join(out, FOLDS_RECORD)
    try:
        record = json.loads(storage.read_bytes(uri))
        found = {name: record[name] for name in ("schema_version", "manifest_digest")}
        return {**found, "config": dict(record["config"])}
    except (ValueError, KeyError, TypeError) as problem:
        raise TrainingError(f"{uri} is damaged ({problem!r}): give --out a new folder") from problem


def _refuse_other_folds(out: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    end = "give --out a new folder; nothing was overwritten"
    if found["schema_version"] != wanted["schema_version"]:
        raise TrainingError(f"{out} has folds of schema version {found['schema_version']}: {end}")
    if found["manifest_digest"] != wanted["manifest_digest"]:
        raise TrainingError(f"{out} holds folds of another manifest: {end}")
    for name in sorted(wanted["config"].keys() | found["config"].keys()):
        had, has = found["config"].get(name), wanted["config"].get(name)
        if had != has:
            flag = "folds" if name == "num_folds" else name.replace("_", "-")
            raise TrainingError(f"{out} holds folds trained with {flag} {had}, now it is {has}: {end}")
