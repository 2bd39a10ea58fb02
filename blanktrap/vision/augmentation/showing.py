"""`blanktrap explain --augmentations`: what training may do to some images, as contact sheets.

Owns: the output folder: `augmentations-001.jpg` …, a sheet an image, and `augmentations.json`, written last.
Refuses: a model (none is needed), and overwriting.
"""

import json
from collections.abc import Callable

import blanktrap
from blanktrap.core.config import AugmentConfig, DecodeLimits, ExplainConfig, Preprocessing
from blanktrap.core.errors import ExplanationError
from blanktrap.core.wording import number
from blanktrap.files.explained_media import MediaSource, choose_media
from blanktrap.files.storage import Storage, join
from blanktrap.vision.augmentation.sheet import augmentation_tiles
from blanktrap.vision.contact_sheets import contact_sheet, encode_picture
from blanktrap.vision.explaining import check_output
from blanktrap.vision.loading import load_images

RECORD = "augmentations.json"
NUM_DRAWS = 4
_THREADS = 4


def show_augmentations(
    source: MediaSource,
    out: str,
    *,
    config: ExplainConfig,
    augment: AugmentConfig,
    storage: Storage,
    on_progress: Callable[[str], None] = lambda text: None,
) -> list[str]:
    """Write a sheet for each chosen media: a row a circumstance, the image as it is, then several draws.

    Args:
        source: what the user named.
        out: a new or empty folder, local or on S3.
        config: which media are chosen, and the seed of the draws.
        augment: chances, for the captions and the last row; the other rows are at chance 1.
        storage: the door to the bytes.
        on_progress: called with what has been done, in words.

    Returns:
        The summary for people.

    Raises:
        ExplanationError: the folder is taken, there is no media to look at, or none of it can be read.
        UsageError, ManifestError, ScoresError, SourceError: something named cannot be read or used.
    """
    check_output(storage, out)
    chosen = choose_media(source, config)
    rows = chosen.rows.to_pylist()
    preprocessing, shown, failures = Preprocessing(), [], []
    loaded = load_images(
        [row["uri"] for row in rows],
        [row["size_bytes"] for row in rows],
        storage=storage,
        preprocessing=preprocessing,
        limits=DecodeLimits(),
        num_threads=_THREADS,
    )
    for row, one in zip(rows, loaded, strict=True):
        if one.image is None:
            failures.append(f"{one.status}: {row['media_id']} ({one.error})")
            continue
        tiles = augmentation_tiles(
            one.image.pixels, augment, name=row["media_id"], num_draws=NUM_DRAWS, seed=config.seed
        )
        shown.append(row["media_id"])
        page = contact_sheet(list(tiles), 1 + NUM_DRAWS)
        storage.write_bytes(join(out, f"augmentations-{len(shown):03d}.jpg"), encode_picture(page))
        on_progress(f"drew {len(shown):,}/{len(rows):,} sheets")
    if not shown:
        raise ExplanationError(f"none of {number(len(rows), 'media')} can be read, such as {failures[0]}")
    record = {
        "blanktrap": blanktrap.__version__,
        "augment": augment.model_dump(),
        "seed": config.seed,
        "media": shown,
        "failures": failures,
    }
    storage.write_bytes(join(out, RECORD), json.dumps(record, indent=2).encode())
    last = f" … {len(shown):03d}" if len(shown) > 1 else ""
    return [
        f"looked at {chosen.described}",
        *(f"  {failure}" for failure in failures[:5]),
        f"a row a circumstance of the field, {NUM_DRAWS} draws each; the last row is as in training, at "
        f"{preprocessing.width_px} by {preprocessing.height_px} pixels",
        f"look at {join(out, 'augmentations-001.jpg')}{last}",
    ]
