"""`blanktrap select`: a manifest whose labelled media are dealt out to train, val and test.

Owns: reading the labelled rows, the split column, and the summary. Refuses: deciding which media stay
together and who goes where; that is `core.splits`.

Memory grows with the labelled media, not with the archive. Media without a label get no split.
"""

import os
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from blanktrap.core.config import SelectConfig
from blanktrap.core.errors import ManifestError
from blanktrap.core.splits import group_media, split_by_location
from blanktrap.core.vocabulary import Label, Split
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.manifest_writer import ManifestWriter, check_manifest_output
from blanktrap.files.s3 import is_s3
from blanktrap.files.storage import Storage, local_path


@dataclass(frozen=True, kw_only=True)
class SelectSummary:
    """What went where."""

    location: str
    label_counts: dict[tuple[str, str], int]
    """Media by (split, label)."""
    location_counts: dict[str, int]
    """Distinct known locations by split."""
    num_unlabelled: int
    """Media without a label: in no split."""

    def lines(self) -> list[str]:
        """The table for people."""
        rows = [f"{'split':<8}{'media':>10}{'blank':>10}{'nonblank':>10}{'locations':>11}"]
        for split in Split:
            blank, nonblank = (self.label_counts.get((split, label), 0) for label in Label)
            rows.append(
                f"{split:<8}{blank + nonblank:>10,}{blank:>10,}{nonblank:>10,}"
                f"{self.location_counts.get(split, 0):>11,}"
            )
        if self.num_unlabelled:
            rows.append(f"{self.num_unlabelled:,} media without a label are in no split")
        return [*rows, f"manifest in {self.location}"]


def select_splits(
    manifest_location: str,
    out: str,
    *,
    config: SelectConfig,
    storage: Storage,
    overwrite: bool = False,
) -> SelectSummary:
    """Write a manifest with its `split` column filled, no location in two splits.

    Args:
        manifest_location: a manifest with labels, local or S3.
        out: the manifest to write.
        config: shares and seed.
        storage: the door to the bytes.
        overwrite: replace an earlier manifest at `out`.

    Raises:
        ManifestError: the manifest has no labels or too few locations for the shares, or `out` is taken or
            is the manifest itself.
    """
    # It is read while `out` is written, and would be gone if the run were stopped.
    folder = manifest_location
    if manifest_location.endswith(".parquet"):
        folder = manifest_location.rpartition("/")[0] or "."
    if _place_of(out) in (_place_of(manifest_location), _place_of(folder)):
        raise ManifestError(f"--out {out} is where the manifest itself is: give --out another folder")
    check_manifest_output(storage, out, overwrite=overwrite)
    manifest = open_manifest(storage, manifest_location)
    labelled = _labelled_rows(manifest, storage)
    groups = group_media(
        labelled.column("location_id").to_pylist(),
        labelled.column("sequence_id").to_pylist(),
        labelled.column("media_id").to_pylist(),
    )
    shares = dict(zip(Split, config.shares, strict=True))
    num_wanted = sum(share > 0.0 for share in shares.values())
    if len(set(groups)) < num_wanted:
        raise ManifestError(
            f"{manifest_location} has labels from {len(set(groups))} locations, {num_wanted} splits need at "
            f"least one each: label more locations, or set a share to 0"
        )
    is_nonblank = [label == Label.NONBLANK for label in labelled.column("label").to_pylist()]
    splits = split_by_location(groups, is_nonblank, shares=shares, seed=config.seed)
    split_of = dict(zip(labelled.column("media_id").to_pylist(), splits, strict=True))

    writer = ManifestWriter(storage, out, overwrite=overwrite)
    for table in manifest.iter_tables(storage):
        column = pa.array([split_of.get(media_id) for media_id in table.column("media_id").to_pylist()])
        place = table.schema.get_field_index("split")
        writer.write(table.set_column(place, "split", column.cast(pa.string())))
    writer.finish({"config": config.model_dump(), "sources": [manifest_location]})

    places = {
        (split, place)
        for split, place in zip(splits, labelled.column("location_id").to_pylist(), strict=True)
        if place is not None
    }
    return SelectSummary(
        location=out,
        label_counts=dict(Counter(zip(splits, labelled.column("label").to_pylist(), strict=True))),
        location_counts=dict(Counter(split for split, _ in places)),
        num_unlabelled=manifest.num_media - labelled.num_rows,
    )


def _place_of(location: str) -> str:
    """One spelling for each place."""
    if is_s3(location):
        return location.rstrip("/")
    return os.path.realpath(local_path(location))


def _labelled_rows(manifest: Manifest, storage: Storage) -> pa.Table:
    columns = ["media_id", "location_id", "sequence_id", "label"]
    tables = [
        table.select(columns).filter(table.column("label").is_valid())
        for table in manifest.iter_tables(storage)
    ]
    labelled = pa.concat_tables(tables)
    if not labelled.num_rows:
        raise ManifestError(
            f"{manifest.location} has no labels: index it with --annotations, then select again"
        )
    return labelled
