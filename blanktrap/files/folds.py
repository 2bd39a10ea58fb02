"""What a folder of cross-validation is of: `folds.json`, written before anything else.

Owns: claiming the folder. Refuses: a folder of other folds, and training.
"""

import json

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.files.given_boxes import BoxesByMedia, digest_boxes
from blanktrap.files.manifest import Manifest
from blanktrap.files.recipes import read_recipe, refuse_other_recipe
from blanktrap.files.s3 import is_s3
from blanktrap.files.storage import Storage, join

FOLDS_RECORD = "folds.json"
HELD_OUT_SCORES = "out-of-fold"
FOLDS_VERSION = 1


def claim_folds(
    storage: Storage, out: str, manifest: Manifest, config: TrainConfig, boxes: BoxesByMedia
) -> None:
    """Write down what the folds are of, or go on with a folder that holds the same.

    Raises:
        TrainingError: it is a file, or holds folds of another manifest, configuration or boxes, or something
            else.
        SourceError: it cannot be listed or written.
    """
    if not is_s3(out) and storage.exists(out):
        raise TrainingError(f"{out} is a file: give --out a folder; nothing was overwritten")
    names = {entry.relative for entry in storage.list_folder(out)}
    record = {
        "schema_version": FOLDS_VERSION,
        "manifest_digest": manifest.digest,
        "boxes_digest": digest_boxes(boxes),
        "config": config.model_dump(mode="json"),
    }
    if FOLDS_RECORD in names:
        end = "give --out a new folder; nothing was overwritten"
        found = read_recipe(storage, join(out, FOLDS_RECORD), end=end)
        refuse_other_recipe(f"{out} holds folds", found, record, end=end)
        if found.get("boxes_digest") != record["boxes_digest"]:
            raise TrainingError(f"{out} holds folds trained with other boxes: {end}")
    elif names:
        raise TrainingError(
            f"{out} is not empty (it has {min(names)}) and holds no folds: give --out a new or empty folder; "
            f"nothing was overwritten"
        )
    else:
        storage.write_bytes(join(out, FOLDS_RECORD), json.dumps(record, indent=1).encode())
