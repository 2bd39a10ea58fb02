"""`blanktrap select`: a manifest whose labelled media are split, and chosen to learn from.

Owns: the order of the steps, the split column, and `selection.json`. Refuses: deciding which media stay
together, who goes where and what is chosen; that is `core.selection`.

Every row of the manifest is a row of the new one; what is not split or not chosen has a null split.
Memory grows with the labelled media (see `selection_database`), not with the archive.
"""

import json
import os
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from blanktrap.core.config import SelectConfig
from blanktrap.core.errors import ManifestError, UsageError
from blanktrap.core.selection.choice import PlaceRule, WorthyPlaces, first_frames, worthy_places
from blanktrap.core.selection.choice_plan import Reason, SelectionPlan, plan_selection
from blanktrap.core.selection.groups import NONE, dense_codes
from blanktrap.core.selection.labelled import LabelledRows
from blanktrap.core.selection.split_figures import describe_splits
from blanktrap.core.vocabulary import Label, Split, SplitBy
from blanktrap.files.manifest import SELECTION, Manifest, open_manifest
from blanktrap.files.manifest_writer import ManifestWriter, check_manifest_output
from blanktrap.files.s3 import is_s3
from blanktrap.files.selection_database import selection_database
from blanktrap.files.selection_summary import SelectSummary
from blanktrap.files.splitting import SplitRequest, Splitting, make_splits
from blanktrap.files.storage import Storage, join, local_path


def select_splits(
    manifest_location: str,
    out: str,
    *,
    config: SelectConfig,
    storage: Storage,
    overwrite: bool = False,
    on_progress: Callable[[str], None] = lambda text: None,
) -> SelectSummary:
    """Write a manifest with its `split` column filled; no split cuts what `config.by` keeps whole.

    Args:
        manifest_location: a manifest with labels, local or S3.
        out: the manifest to write.
        config: what splits are made by, and what is chosen.
        storage: the door to the bytes.
        overwrite: replace an earlier manifest at `out`.
        on_progress: called with what has been done, in words.

    Raises:
        ManifestError: the manifest has no labels or only one, too few groups for the splits, a media_id
            twice, splits that leak, or nothing to choose from; or `out` is taken or is the manifest itself.
        UsageError: something asked for does not fit the manifest.
    """
    _refuse_itself(manifest_location, out)
    check_manifest_output(storage, out, overwrite=overwrite)
    manifest = open_manifest(storage, manifest_location)
    by = config.by or (manifest.split_by if config.keep_splits else SplitBy.LOCATION)
    with selection_database(manifest_location) as database:
        if not manifest.is_own:
            database.refuse_repeats(manifest.iter_tables(storage), manifest_location)
        tables = _told(manifest, storage, on_progress, "read")
        database.load(tables, manifest_location)
        media = database.labelled_rows()
        _refuse_one_sided(media, manifest_location)
        is_first = first_frames(media.sequences, media.frame_nums, media.times_ms)
        place, worthy = _worthy(media, is_first, config, manifest_location)
        selectable = _selectable(is_first, worthy, config)
        request = SplitRequest(
            media=media, database=database, config=config, by=by, location=manifest_location
        )
        splitting = make_splits(request, selectable)
    plan = plan_selection(media, splitting.splits, config=config, is_first=is_first, worthy=worthy)
    splits = np.where(plan.reasons == Reason.CHOSEN, splitting.splits, NONE)
    _refuse_nothing_chosen(splitting, splits, plan, config)
    summary = SelectSummary(
        location=out,
        manifest=manifest_location,
        num_media=manifest.num_media,
        num_unlabelled=manifest.num_media - media.num_media,
        config=config,
        by=by,
        splits=tuple(describe_splits(media, splits)),
        begins_ms=splitting.begins_ms,
        left_out=_count(plan),
        place=place,
        num_places=worthy.num_places if worthy else 0,
        num_worthy=worthy.num_worthy if worthy else 0,
        num_chosen=plan.num_chosen,
        available=plan.available,
        spanning=splitting.spanning,
        num_spanning=splitting.num_spanning,
        num_unplaced=int(np.count_nonzero((splits != NONE) & (media.locations == NONE))),
        replaced_splits=not config.keep_splits and bool(np.any(media.given_splits != NONE)),
    )
    split_of_row = np.full(manifest.num_media, NONE, dtype=np.int8)
    split_of_row[media.rows] = splits
    writer = ManifestWriter(storage, out, overwrite=overwrite)
    _write_rows(_told(manifest, storage, on_progress, "wrote"), writer, split_of_row)
    text = json.dumps(summary.record(), indent=1, ensure_ascii=False, allow_nan=False)
    storage.write_bytes(join(out, SELECTION), text.encode())
    writer.finish(
        {"config": config.model_dump(mode="json"), "sources": [manifest_location], "split_by": by.value}
    )
    return summary


def _refuse_itself(manifest_location: str, out: str) -> None:
    # It is read while `out` is written, and would be gone if the run were stopped.
    folder = manifest_location
    if manifest_location.endswith(".parquet"):
        folder = manifest_location.rpartition("/")[0] or "."
    if _place_of(out) in (_place_of(manifest_location), _place_of(folder)):
        raise ManifestError(f"--out {out} is where the manifest itself is: give --out another folder")


def _place_of(location: str) -> str:
    """One spelling for each place."""
    if is_s3(location):
        return location.rstrip("/")
    return os.path.realpath(local_path(location))


def _told(manifest: Manifest, storage: Storage, tell: Callable[[str], None], verb: str) -> Iterator[pa.Table]:
    num_rows = 0
    for table in manifest.iter_tables(storage):
        if num_rows:
            tell(f"{verb} {num_rows:,}/{manifest.num_media:,} rows")
        yield table
        num_rows += table.num_rows


def _refuse_one_sided(media: LabelledRows, location: str) -> None:
    if not media.num_media:
        raise ManifestError(f"{location} has no labels: index it with --annotations, then select again")
    num_nonblank = int(np.count_nonzero(media.is_nonblank))
    if num_nonblank in (0, media.num_media):
        one, other = (Label.NONBLANK, Label.BLANK) if num_nonblank else (Label.BLANK, Label.NONBLANK)
        raise ManifestError(
            f"all {media.num_media:,} labelled media of {location} are {one}: label some {other} media too, "
            f"or nothing can be learned or measured"
        )


def _worthy(
    media: LabelledRows, is_first: np.ndarray, config: SelectConfig, location: str
) -> tuple[str, WorthyPlaces | None]:
    """What a place is called, and the places to learn from; None for all."""
    has_deployments = bool(np.any(media.deployments != NONE))
    place = "deployment" if has_deployments else "location"
    if not config.asks_place:
        return place, None
    codes, _ = dense_codes(media.deployments if has_deployments else media.locations)
    considered = is_first if config.only_first_frames else np.ones(media.num_media, dtype=bool)
    least_blank, least_nonblank, least_species = config.least_of_place
    seen = considered[media.species_media]
    worthy = worthy_places(
        np.where(considered, codes, NONE),
        media.is_nonblank,
        species_media=media.species_media[seen],
        species=media.species[seen],
        rule=PlaceRule(min_blank=least_blank, min_nonblank=least_nonblank, min_species=least_species),
    )
    if not worthy.num_worthy:
        frames = "first frames of sequences" if config.only_first_frames else "media"
        enough = f"{least_blank} blank and {least_nonblank} nonblank {frames}"
        if worthy.most_species or not (least_blank or least_nonblank):
            raise UsageError(
                f"--min-species {least_species}: of the {place}s of {location} with at least {enough}, "
                f"none has more than {worthy.most_species} species"
            )
        raise UsageError(
            f"no {place} of {location} has {enough}: the most at any are {worthy.most_blank} blank and "
            f"{worthy.most_nonblank} nonblank; lower --min-blank or --min-nonblank"
            f"{', or take --frames all' if config.only_first_frames else ''}"
        )
    return place, worthy


def _selectable(is_first: np.ndarray, worthy: WorthyPlaces | None, config: SelectConfig) -> np.ndarray | None:
    """Media that can be chosen to learn from; None where all can."""
    if worthy is None:
        return is_first if config.only_first_frames else None
    return worthy.is_worthy & is_first if config.only_first_frames else worthy.is_worthy


def _refuse_nothing_chosen(
    splitting: Splitting, splits: np.ndarray, plan: SelectionPlan, config: SelectConfig
) -> None:
    """Raise where a split that has media loses all of them by choosing."""
    for number, split in enumerate(Split):
        if split not in plan.available or not np.any(splitting.splits == number):
            continue
        if np.any(splits == number):
            continue
        found = ", ".join(f"{count:,} {label}" for label, count in plan.available[split].items())
        if config.num_images is not None and all(plan.available[split].values()):
            least = (2 if config.is_balanced else 1) * len(plan.available)
            raise UsageError(
                f"--num-images {config.num_images} leaves {split} empty: "
                f"{' and '.join(plan.available)} need {least} or more together"
            )
        raise ManifestError(
            f"nothing can be chosen in {split}: the rules leave {found} there; loosen them (--frames all, "
            f"--min-species, --no-balance), or deal with another --seed"
        )


def _count(plan: SelectionPlan) -> dict[Reason, int]:
    counts = np.bincount(plan.reasons, minlength=len(Reason))
    return {reason: int(counts[reason]) for reason in Reason if reason is not Reason.CHOSEN}


def _write_rows(tables: Iterator[pa.Table], writer: ManifestWriter, split_of_row: np.ndarray) -> None:
    """Copy all rows with their new split."""
    names = pa.array([split.value for split in Split])
    start = 0
    for table in tables:
        numbers = split_of_row[start : start + table.num_rows]
        start += table.num_rows
        column = names.take(pa.array(numbers.astype(np.int64), mask=numbers == NONE))
        writer.write(table.set_column(table.schema.get_field_index("split"), "split", column))
