"""Which media `blanktrap explain` looks at.

Owns: telling what the user named (images, folders, lists, manifests, scores), the filters, the draw by chance
and the worst errors. Refuses: pixels.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from blanktrap.core.config import ExplainConfig
from blanktrap.core.errors import ExplanationError, ScoresError, UsageError
from blanktrap.core.paths import is_image_name, media_id_of, plain_path
from blanktrap.core.places import PLACE_COLUMNS
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.vocabulary import Label, Status
from blanktrap.core.wording import number, short_name
from blanktrap.files.listing import MediaStage
from blanktrap.files.manifest import RECORD, open_manifest
from blanktrap.files.s3 import is_s3
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.sources import LeftOut, parse_source, walk_source
from blanktrap.files.storage import Storage, local_path, local_uri

EXPLAINED = pa.schema(
    [
        *(
            SCORES_SCHEMA.field(name)
            for name in ("media_id", "uri", "size_bytes", "location_id", "label", "split")
        ),
        pa.field("scored_p_nonblank", pa.float32()),
    ]
)
_SCORE_COLUMNS = ["media_id", "uri", "size_bytes", "location_id", "label", "split", "status", "p_nonblank"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedMedia:
    """The media to look at, in the order in which to look."""

    rows: pa.Table
    """With the columns of `EXPLAINED`."""
    num_there: int
    """Media that passed the filters, of which these were taken."""
    described: str
    """What was taken of what, in words."""
    model_ids: tuple[str, ...] = ()
    """The models behind `scored_p_nonblank`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MediaSource:
    """What the user named: readable as often as needed."""

    storage: Storage
    named: Sequence[str] = ()
    """Images, folders, lists and manifests."""
    scores: str | None = None
    """A scores dataset instead."""
    left_out: LeftOut = field(default_factory=LeftOut)

    def tables(self) -> Iterator[pa.Table]:
        """All media, with the columns of `EXPLAINED` and, of scores, their `status`.

        Raises:
            UsageError: something named is neither an image nor anything that holds images.
            ManifestError, ScoresError, SourceError: it cannot be read.
        """
        if self.scores is not None:
            scores = open_scores(self.storage, self.scores)
            for table in scores.iter_columns(self.storage, _SCORE_COLUMNS):
                yield table.rename_columns(
                    ["scored_p_nonblank" if name == "p_nonblank" else name for name in table.column_names]
                )
            return
        for text in self.named:
            yield from self._tables_of(text)

    def runs(self) -> Iterator[Iterator[pa.Table]]:
        """The rows of each manifest, or of the scores, where a media's neighbours stand beside it.

        They have the columns of `core.places.PLACE_COLUMNS`.

        Images, folders and lists that are named have none: their order says nothing of place and time.
        """
        if self.scores is not None:
            scores = open_scores(self.storage, self.scores)
            yield scores.iter_columns(self.storage, list(PLACE_COLUMNS))
            return
        for text in self.named:
            if not self._is_image(text) and self._is_manifest(text):
                tables = open_manifest(self.storage, text).iter_tables(self.storage)
                # Another program's manifest may have columns of its own, of any type.
                yield (table.select(PLACE_COLUMNS) for table in tables)

    def _tables_of(self, text: str) -> Iterator[pa.Table]:
        if self._is_image(text):
            uri = text if is_s3(text) else local_uri(local_path(text))
            media_id = media_id_of(plain_path(text)[0] or text)
            yield _whole(pa.table({"media_id": [media_id], "uri": [uri]}))
        elif self._is_manifest(text):
            for table in open_manifest(self.storage, text).iter_tables(self.storage):
                yield _whole(table)
        else:
            with tempfile.TemporaryDirectory(prefix="blanktrap-explain-") as name:
                path = Path(name) / "media.parquet"
                stage = MediaStage(self.storage, path, pattern=None, left_out=self.left_out, on_progress=None)
                source = parse_source(self.storage, text)
                try:
                    for page in walk_source(self.storage, source, self.left_out):
                        stage.add_page(0, source.name, page)
                finally:
                    stage.close()
                for batch in pq.ParquetFile(path).iter_batches():
                    yield _whole(pa.Table.from_batches([batch]))

    def _is_image(self, text: str) -> bool:
        """Whether it is to be read as one image: by its name, unless a folder is called so."""
        return is_image_name(text) and (is_s3(text) or not local_path(text).is_dir())

    def _is_manifest(self, text: str) -> bool:
        if text.endswith(".parquet"):
            return True
        if not is_s3(text) and not local_path(text).is_dir():
            return False
        names = {entry.relative for entry in self.storage.list_folder(text)}
        if "run.json" in names:
            raise UsageError(f"{text} is a scores dataset: give it as --scores {text}")
        return RECORD in names or (
            any(name.endswith(".parquet") for name in names)
            and not any(is_image_name(name) for name in names)
        )


def choose_media(source: MediaSource, config: ExplainConfig) -> ExplainedMedia:
    """Choose what to look at.

    Raises:
        ExplanationError: nothing passes the filters, or the scores have no labels to find errors by.
        UsageError, ManifestError, ScoresError, SourceError: as `MediaSource.tables`.
    """
    sieve = _Sieve(config)
    if config.num_worst is None:
        chosen = _drawn(sieve.passed(source.tables()), config)
    else:
        chosen = _worst(sieve.passed(source.tables()), config.num_worst)
    if not chosen.num_rows:
        raise ExplanationError(sieve.nothing_left(source))
    model_ids: tuple[str, ...] = ()
    if source.scores is not None:
        model_ids = _models_of(source.storage, source.scores)
    if config.num_worst is not None:
        nonblank = int(pc.sum(pc.equal(chosen.column("label"), Label.NONBLANK.value)).as_py())
        described = (
            f"the worst errors of {number(sieve.num_passed, 'labelled media')}: {nonblank:,} nonblank with "
            f"the lowest p_nonblank, {chosen.num_rows - nonblank:,} blank with the highest"
        )
    elif chosen.num_rows < sieve.num_passed:
        described = (
            f"{chosen.num_rows:,} drawn by chance of {number(sieve.num_passed, 'media')} (--num-images)"
        )
    else:
        described = f"all of {number(sieve.num_passed, 'media')}"
    return ExplainedMedia(rows=chosen, num_there=sieve.num_passed, described=described, model_ids=model_ids)


class _Sieve:
    """Lets through what the filters allow, and remembers what it held back."""

    def __init__(self, config: ExplainConfig) -> None:
        self._config = config
        self.num_seen = self.num_passed = 0
        self._locations: set[str] = set()

    def passed(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """The rows that pass, with the columns of `EXPLAINED`."""
        config = self._config
        for table in tables:
            self.num_seen += table.num_rows
            if config.locations and len(self._locations) < 1000:
                self._locations.update(pc.unique(table.column("location_id").drop_null()).to_pylist())
                table = table.filter(pc.is_in(table.column("location_id"), pa.array(config.locations)))
            elif config.locations:
                table = table.filter(pc.is_in(table.column("location_id"), pa.array(config.locations)))
            for name, value in (("label", config.label), ("split", config.split)):
                if value is not None:
                    table = table.filter(pc.equal(table.column(name), value))
            if config.num_worst is not None:
                is_scored = pc.equal(table.column("status"), Status.OK.value)
                table = table.filter(pc.and_(is_scored, table.column("label").is_valid()))
            self.num_passed += table.num_rows
            if table.num_rows:
                yield table.select(EXPLAINED.names)

    def nothing_left(self, source: MediaSource) -> str:
        """Why there is nothing to look at, and what is there."""
        config = self._config
        where = source.scores or ", ".join(source.named)
        if not self.num_seen:
            others = ", ".join(
                f"{count:,} {reason}" for reason, count in source.left_out.counts.most_common(5)
            )
            return f"no images in {where}" + (f"; left out: {others}" if others else "")
        if config.locations and not set(config.locations) & self._locations:
            there = ", ".join(repr(short_name(name)) for name in sorted(self._locations)[:5])
            return (
                f"none of the {self.num_seen:,} media in {where} is of location {config.locations[0]!r}: "
                + (f"there are {there}" if there else "they have no locations; a manifest or scores may")
            )
        if config.num_worst is not None and not (config.locations or config.split):
            return (
                f"{where} has no labelled media with a score, so nobody knows which are errors: index with "
                f"--annotations and score again"
            )
        asked = [
            f"--{name} {value}" for name, value in (("label", config.label), ("split", config.split)) if value
        ]
        asked += [f"--location {name}" for name in config.locations]
        return f"none of the {self.num_seen:,} media in {where} passes {' and '.join(asked)}"


def _drawn(tables: Iterator[pa.Table], config: ExplainConfig) -> pa.Table:
    """At most so many rows by chance, in their order; memory does not grow with the archive."""
    chance = np.random.default_rng([config.seed, 4])
    kept, luck = EXPLAINED.empty_table(), np.empty(0)
    for table in tables:
        kept = pa.concat_tables([kept, table.cast(EXPLAINED)])
        luck = np.concatenate([luck, chance.random(table.num_rows)])
        if luck.size > config.num_images:
            best = np.sort(np.argsort(luck, kind="stable")[: config.num_images])
            kept, luck = kept.take(pa.array(best)).combine_chunks(), luck[best]
    return kept


def _worst(tables: Iterator[pa.Table], num_worst: int) -> pa.Table:
    """The nonblank media with the lowest scores, then the blank ones with the highest."""
    wanted = {Label.NONBLANK: (num_worst + 1) // 2, Label.BLANK: num_worst // 2}
    kept = {label: EXPLAINED.empty_table() for label in wanted}
    for table in tables:
        for label, number_wanted in wanted.items():
            if not number_wanted:
                continue
            order = "ascending" if label is Label.NONBLANK else "descending"
            found = table.filter(pc.equal(table.column("label"), label.value)).cast(EXPLAINED)
            both = pa.concat_tables([kept[label], found])
            keys = [("scored_p_nonblank", order), ("media_id", "ascending")]
            kept[label] = both.take(pc.sort_indices(both, keys)[:number_wanted]).combine_chunks()
    return pa.concat_tables([kept[Label.NONBLANK], kept[Label.BLANK]])


def _models_of(storage: Storage, location: str) -> tuple[str, ...]:
    """The models that a dataset was scored with; those of cross-validation stand in its rows."""
    scores = open_scores(storage, location)
    found: set[str] = set()
    for table in scores.iter_columns(storage, ["model_id"]):
        found.update(pc.unique(table.column("model_id")).to_pylist())
        if len(found) > 100:
            raise ScoresError(f"{location} names more than 100 models: it is damaged, score again")
    return tuple(sorted(found))


def _whole(table: pa.Table) -> pa.Table:
    """The columns of `EXPLAINED`; what is not there is null."""
    columns = [
        table.column(one.name).cast(one.type)
        if one.name in table.column_names
        else pa.nulls(table.num_rows, one.type)
        for one in EXPLAINED
    ]
    return pa.table(columns, schema=EXPLAINED)
