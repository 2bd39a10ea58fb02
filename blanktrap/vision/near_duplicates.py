"""Nearly the same picture on two sides of a split: `blanktrap select --check-duplicates`.

Owns: the sample, its hashes, the table of pairs and what is said of it. Refuses: changing any split.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.selection.image_hashes import GRID, find_close_pairs, hash_picture
from blanktrap.core.vocabulary import Split
from blanktrap.core.wording import number
from blanktrap.files.manifest import NEAR_DUPLICATES, SELECTION, Manifest, open_manifest
from blanktrap.files.storage import Storage, join
from blanktrap.vision.loading import load_images

MAX_DISTANCE = 4
"""Bits of 64 in which two pictures may differ and still be reported."""
MIN_CORRELATION = 0.97
"""Least correlation of their grey levels. On 990 photographs of 43 stations, pairs with close hashes had
0.96 and more at one station (nearly all above 0.98) and at most 0.965 at two."""

_SCALE = 4
# The banner is the same on all pictures of a camera: cut off, it ties nothing together.
_SMALL = Preprocessing(
    width_px=_SCALE * GRID[1], height_px=_SCALE * GRID[0], banner_top=0.07, banner_bottom=0.07
)
_COLUMNS = ("media_id", "uri", "size_bytes", "location_id", "sequence_id", "split")
_GREY = np.array([0.299, 0.587, 0.114])
_NUM_EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class DuplicateSummary:
    """What the check found."""

    num_in_splits: int
    num_hashed: int
    num_unreadable: int
    num_flat: int
    num_pairs: int
    examples: tuple[str, ...]
    table: str

    def lines(self) -> list[str]:
        """For people."""
        looked_at = self.num_hashed + self.num_flat + self.num_unreadable
        lines = [
            f"near duplicates across splits: {number(self.num_pairs, 'pair')} among {self.num_hashed:,} "
            f"pictures ({looked_at:,} of the {self.num_in_splits:,} media in splits looked at, "
            f"{self.num_unreadable:,} unreadable, {self.num_flat:,} too flat to compare)"
        ]
        lines += [f"  {example}" for example in self.examples]
        if self.num_pairs:
            lines.append(f"  all in {self.table}")
        return lines


def check_duplicates(
    location: str,
    *,
    storage: Storage,
    sample: int,
    seed: int,
    on_progress: Callable[[str], None] = lambda text: None,
) -> DuplicateSummary:
    """Look for nearly equal pictures in different splits of a manifest that `select` wrote.

    The table and `selection.json` beside the manifest say what was found.

    Args:
        location: the manifest.
        storage: the door to the bytes.
        sample: most media to look at, drawn evenly from the splits' media.
        seed: of the draw.
        on_progress: called with what has been done, in words.

    Raises:
        ManifestError, SourceError: the manifest or the storage cannot be read or written.
    """
    rows, num_in_splits = _sample(open_manifest(storage, location), storage, sample, seed)
    found = list(_hashes(rows, storage, on_progress))
    hashed = {index: one for index, one in enumerate(found) if not isinstance(one, str)}
    good = np.array(list(hashed), dtype=np.int64)
    hashes = np.array([number for number, _ in hashed.values()], dtype=np.uint64)
    pictures = np.array([picture for _, picture in hashed.values()]).reshape(-1, *GRID)
    splits = np.array([list(Split).index(Split(name)) for name in rows.column("split").to_pylist()])
    pairs = find_close_pairs(
        hashes, pictures, splits[good], max_distance=MAX_DISTANCE, min_correlation=MIN_CORRELATION
    )
    records = rows.to_pylist()
    listed = [
        (records[good[left]], records[good[right]], int(distance))
        for left, right, distance in zip(pairs.left, pairs.right, pairs.distances, strict=True)
    ]
    # One example for each two sequences: the frames of a burst all say the same.
    examples = {
        (one["sequence_id"], other["sequence_id"], one["split"]): _worded(one, other, distance)
        for one, other, distance in reversed(listed)
    }
    summary = DuplicateSummary(
        num_in_splits=num_in_splits,
        num_hashed=good.size,
        num_unreadable=sum(isinstance(one, str) and one == "unreadable" for one in found),
        num_flat=sum(isinstance(one, str) and one == "flat" for one in found),
        num_pairs=pairs.num_pairs,
        examples=tuple(list(examples.values())[::-1][:_NUM_EXAMPLES]),
        table=join(location, NEAR_DUPLICATES),
    )
    storage.write_bytes(summary.table, _table(listed))
    record = json.loads(storage.read_bytes(join(location, SELECTION)))
    record["near_duplicates"] = {
        "num_in_splits": summary.num_in_splits,
        "num_hashed": summary.num_hashed,
        "num_unreadable": summary.num_unreadable,
        "num_flat": summary.num_flat,
        "num_pairs": summary.num_pairs,
        "max_distance": MAX_DISTANCE,
    }
    storage.write_bytes(join(location, SELECTION), json.dumps(record, indent=1, ensure_ascii=False).encode())
    return summary


def _sample(manifest: Manifest, storage: Storage, sample: int, seed: int) -> tuple[pa.Table, int]:
    """Rows drawn from those in a split, in manifest order, and how many there are in all."""
    tables, lucks = [], []
    chance = np.random.default_rng([seed, 2])
    num_in_splits = 0
    for table in manifest.iter_tables(storage):
        rows = table.select(_COLUMNS).filter(table.column("split").is_valid())
        luck = chance.random(rows.num_rows)
        num_in_splits += rows.num_rows
        tables.append(rows)
        lucks.append(luck)
        if sum(len(one) for one in lucks) > 4 * sample:
            tables, lucks = _luckiest(tables, lucks, sample)
    [rows], _ = _luckiest(tables, lucks, sample)
    return rows, num_in_splits


def _luckiest(
    tables: list[pa.Table], lucks: list[np.ndarray], sample: int
) -> tuple[list[pa.Table], list[np.ndarray]]:
    luck = np.concatenate(lucks)
    kept = np.sort(np.argsort(luck, kind="stable")[:sample])
    return [pa.concat_tables(tables).take(pa.array(kept))], [luck[kept]]


def _hashes(
    rows: pa.Table, storage: Storage, tell: Callable[[str], None]
) -> Iterator[tuple[int, np.ndarray] | str]:
    """The hash of each media and the grey picture it is of, `flat` or `unreadable`."""
    loaded = load_images(
        rows.column("uri").to_pylist(),
        rows.column("size_bytes").to_pylist(),
        storage=storage,
        preprocessing=_SMALL,
        limits=DecodeLimits(),
        num_threads=2 * (os.cpu_count() or 1),
    )
    for position, one in enumerate(loaded, start=1):
        if one.image is None:
            yield "unreadable"
        else:
            grey = one.image.pixels @ _GREY
            cells = grey.reshape(GRID[0], _SCALE, GRID[1], _SCALE).mean(axis=(1, 3))
            found = hash_picture(cells)
            yield "flat" if found is None else (found, cells)
        if position % 100 == 0:
            tell(f"compared {position:,}/{rows.num_rows:,} pictures")


def _worded(one: dict[str, str | None], other: dict[str, str | None], distance: int) -> str:
    sides = [
        f"{side['media_id']} ({side['split']}, {side['location_id'] or 'no location'})"
        for side in (one, other)
    ]
    return f"{' and '.join(sides)}: {distance} of 64 bits differ"


def _table(listed: list[tuple[dict[str, str | None], dict[str, str | None], int]]) -> bytes:
    """CSV for a spreadsheet, one pair a row."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    names = ("media_id", "split", "location_id", "sequence_id")
    writer.writerow([*(f"{name}_{side}" for side in (1, 2) for name in names), "distance_bits"])
    for one, other, distance in listed:
        writer.writerow([*(side[name] for side in (one, other) for name in names), distance])
    return sink.getvalue().encode()
