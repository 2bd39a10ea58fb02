"""What `suggest` gains over labels by chance: `python benchmarks/suggest_labels.py --seeds 10 --retrain 3`.

Two archives are drawn. ResNet34 learns from nothing on the first; of the second nobody has labelled anything,
and a third of its locations is put aside for the test. Labels are then bought in rounds: by chance (one media
of a sequence at the most, as `suggest` takes them), by `suggest`, and by each of its kinds alone. After each
round the last layer is fitted anew to all labels so far (logistic regression over the 512 features, which
stay as they are), and scores the archive for the next round. Printed is the average precision on the test
locations by the number of labels, and how many labels it takes to reach what chance reaches with all of them.
With `--retrain` the whole network is trained on, from the first model, with the first `--retrain-at` labels
of chance and of `suggest`.
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression

import blanktrap
from blanktrap.core.config import ArchiveConfig, IndexConfig, Preprocessing, SuggestConfig, TrainConfig
from blanktrap.core.schemas import EMBEDDING, SCORES_SCHEMA, features_of
from blanktrap.core.statistics.metrics import average_precision
from blanktrap.core.vocabulary import Label, Split
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.review_queues import read_review_queue
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage
from blanktrap.files.suggesting import suggest_media
from blanktrap.vision.drawing.archive import draw_archive
from blanktrap.vision.training.running import InThisProcess, train

STORAGE = Storage()
PIXELS = Preprocessing(width_px=64, height_px=48, banner_bottom=0.06)
CHANCE, SUGGEST = "chance", "suggest"
SHARES = {
    "uncertain alone": (1.0, 0.0, 0.0, 0.0),
    "unusual alone": (0.0, 1.0, 0.0, 0.0),
    "typical alone": (0.0, 0.0, 1.0, 0.0),
    "thinly covered alone": (0.0, 0.0, 0.0, 1.0),
}
SHRINKAGE = 0.01
"""`C` of the logistic regression over features of unit variance."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """The second archive, as the first model sees it."""

    rows: pa.Table
    """The columns of the scores and `embedding`; labels are the truth."""
    features: np.ndarray
    """Of unit variance, shape (num_media, 512)."""
    is_nonblank: np.ndarray
    is_test: np.ndarray
    sequences: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=2400, help="images of the second archive")
    parser.add_argument(
        "--locations", type=int, default=24, help="its locations, a third of them for the test"
    )
    parser.add_argument("--first-images", type=int, default=480, help="images of the first archive")
    parser.add_argument("--num-epochs", type=int, default=10, help="passes over the first archive")
    parser.add_argument(
        "--difficulty", type=float, default=0.3, help="of both archives, as of blanktrap demo"
    )
    parser.add_argument("--labels", type=int, default=300, help="labels bought in the end")
    parser.add_argument("--each", type=int, default=25, help="labels of a round")
    parser.add_argument("--shares", default=None, help="of suggest's mixture (default: its own)")
    parser.add_argument("--seeds", type=int, default=10, help="repetitions, of chance and of suggest")
    parser.add_argument("--retrain", type=int, default=0, help="seeds that the whole network is trained for")
    parser.add_argument("--retrain-at", type=int, default=150, help="labels at that point")
    parser.add_argument("--folder", type=Path, default=None, help="keep archives and first model here")
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        run(arguments.folder or Path(scratch), Path(scratch), arguments)


def run(folder: Path, scratch: Path, arguments: argparse.Namespace) -> None:
    """Draw, learn, buy labels in every way, and print what they are worth."""
    started = time.monotonic()
    model = first_model(folder, arguments)
    manifest = drawn(
        folder,
        "second",
        arguments.images,
        arguments.locations,
        seed=1,
        blank_rate=0.75,
        difficulty=arguments.difficulty,
    )
    pool = look_at(manifest, model)
    print(
        f"{pool.rows.num_rows:,} images, {int(pool.is_test.sum()):,} of them at test locations "
        f"({pool.is_nonblank[pool.is_test].mean():.1%} nonblank); average precision of the first model there "
        f"{worth(pool.rows.column('p_nonblank').to_numpy(), pool):.3f} ({time.monotonic() - started:.0f} s)",
        flush=True,
    )
    steps = list(range(arguments.each, arguments.labels + 1, arguments.each))
    curves: dict[str, list[list[float]]] = {}
    bought: dict[tuple[str, int], list[int]] = {}
    for way in (CHANCE, SUGGEST, *SHARES):
        for seed in range(arguments.seeds):
            bought[way, seed], curve = buy(
                pool, way, shares_of(way, arguments), seed, steps, scratch / "round"
            )
            curves.setdefault(way, []).append(curve)
        tell(way, curves, steps)
    print(f"bought in {time.monotonic() - started:.0f} s", flush=True)
    for seed in range(arguments.retrain):
        for way in (CHANCE, SUGGEST):
            chosen = bought[way, seed][: arguments.retrain_at]
            print(f"trained on, {len(chosen)} labels, seed {seed}, {way}: ", end="")
            print(f"{retrained(manifest, model, pool, chosen, scratch, seed):.3f}", flush=True)
    print(f"took {time.monotonic() - started:.0f} s")


def shares_of(way: str, arguments: argparse.Namespace) -> tuple[float, ...]:
    """Shares of the four kinds."""
    if way in SHARES:
        return SHARES[way]
    if arguments.shares is None:
        return SuggestConfig().shares
    return tuple(float(share) for share in arguments.shares.split(","))


def drawn(
    folder: Path, name: str, images: int, locations: int, *, seed: int, blank_rate: float, difficulty: float
) -> Manifest:
    """Draw and index an archive; one that is there already stays."""
    draw_archive(
        folder / name,
        ArchiveConfig(
            num_images=images,
            num_locations=locations,
            blank_rate=blank_rate,
            difficulty=difficulty,
            num_corrupt=0,
            width_px=320,
            height_px=240,
            seed=seed,
        ),
    )
    if not (folder / f"{name}-manifest").exists():
        build_manifest(
            [str(folder / name)],
            str(folder / f"{name}-manifest"),
            annotations=[str(folder / name / "annotations.json")],
            inventory=None,
            config=IndexConfig(),
            storage=STORAGE,
        )
    return open_manifest(STORAGE, str(folder / f"{name}-manifest"))


def first_model(folder: Path, arguments: argparse.Namespace) -> str:
    """Train on the first archive, from nothing."""
    manifest = drawn(
        folder,
        "first",
        arguments.first_images,
        8,
        seed=0,
        blank_rate=0.5,
        difficulty=arguments.difficulty,
    )
    out = str(folder / "model")
    if not (folder / "model" / "model.json").exists():
        recipe = TrainConfig(weights="none", num_epochs=arguments.num_epochs, preprocessing=PIXELS)
        with InThisProcess(STORAGE) as launcher:
            train(manifest, out, recipe, STORAGE, launcher)
    return out


def look_at(manifest: Manifest, model: str) -> Pool:
    """Score the second archive and keep its features; a third of its locations is the test."""
    rows = pa.concat_tables(manifest.iter_tables(STORAGE))
    seen = blanktrap.score_images(rows.column("uri").to_pylist(), model, embeddings=True)
    locations = rows.column("location_id").to_pylist()
    tested = set(sorted(set(locations))[::3])
    is_test = np.asarray([location in tested for location in locations])
    splits = pa.array([Split.TEST.value if one else None for one in is_test], pa.string())
    columns = {name: rows.column(name) for name in SCORES_SCHEMA.names if name in rows.column_names}
    columns |= {name: seen.column(name) for name in seen.column_names}
    columns["split"] = splits
    features, there = features_of(seen.column(EMBEDDING.name))
    assert len(there) == rows.num_rows
    deviation = features.std(axis=0)
    return Pool(
        rows=pa.table(
            [columns[one.name] for one in (*SCORES_SCHEMA, EMBEDDING)],
            schema=pa.schema([*SCORES_SCHEMA, EMBEDDING]),
        ),
        features=(features - features.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0),
        is_nonblank=np.asarray([label == Label.NONBLANK for label in rows.column("label").to_pylist()]),
        is_test=is_test,
        sequences=np.asarray(rows.column("sequence_id").to_pylist()),
    )


def buy(
    pool: Pool, way: str, shares: tuple[float, ...], seed: int, steps: list[int], folder: Path
) -> tuple[list[int], list[float]]:
    """Buy labels up to each of `steps`; the media in the order bought, and the worth at each step."""
    chosen: list[int] = []
    scores, curve = pool.rows.column("p_nonblank").to_numpy(), []
    for wanted in steps:
        num = wanted - len(chosen)
        if way == CHANCE:
            chosen += by_chance(pool, chosen, num, np.random.default_rng([seed, wanted]))
        else:
            chosen += suggested(pool, scores, chosen, num, shares, seed, folder / way)
        scores = fitted(pool, chosen, scores)
        curve.append(worth(scores, pool))
    return chosen, curve


def by_chance(pool: Pool, chosen: list[int], num: int, generator: np.random.Generator) -> list[int]:
    """Media drawn at random, none twice and one of a sequence."""
    used, found = set(pool.sequences[chosen].tolist()), []
    for place in generator.permutation(np.flatnonzero(~pool.is_test)).tolist():
        if len(found) < num and pool.sequences[place] not in used:
            used.add(pool.sequences[place])
            found.append(place)
    return found


def suggested(
    pool: Pool,
    scores: np.ndarray,
    chosen: list[int],
    num: int,
    shares: tuple[float, ...],
    seed: int,
    folder: Path,
) -> list[int]:
    """What `suggest` lists, of scores that carry the labels bought so far."""
    labels = np.full(pool.rows.num_rows, None, object)
    for place in chosen:
        labels[place] = (Label.NONBLANK if pool.is_nonblank[place] else Label.BLANK).value
    rows = pool.rows
    species = rows.column("species").to_pylist()
    known = [species[place] if labels[place] is not None else [] for place in range(rows.num_rows)]
    for name, values in (("p_nonblank", scores), ("label", labels.tolist()), ("species", known)):
        field = rows.schema.field(name)
        rows = rows.set_column(rows.column_names.index(name), field, pa.array(values, field.type))
    where = folder / f"{seed}-{len(chosen)}"
    write_scores(str(where), rows)
    config = SuggestConfig(num_images=num, cutoff=0.5, seed=seed, shares=shares)
    suggest_media(str(where), str(where) + "-queue", config=config, storage=STORAGE)
    listed = read_review_queue(STORAGE, str(where) + "-queue").rows.column("media_id").to_pylist()
    places = {media_id: place for place, media_id in enumerate(rows.column("media_id").to_pylist())}
    return [places[media_id] for media_id in listed]


def write_scores(folder: str, rows: pa.Table) -> None:
    """A finished scores dataset of one part."""
    identity = RunIdentity(
        manifest_digest="drawn",
        num_media=rows.num_rows,
        model_id="drawn",
        chunk_size=rows.num_rows,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
        embeddings=True,
    )
    opened = begin_run(STORAGE, folder, identity, {"model": {}})
    stats = ChunkStats(
        chunk=0,
        num_media=rows.num_rows,
        counts=dict(Counter(rows.column("status").to_pylist())),
        number_formats={},
        bytes_read=0,
        fetch_s=0,
        decode_s=0,
        device_s=0,
        finished=0,
    )
    write_chunk(STORAGE, folder, rows, stats)
    finish_run(STORAGE, opened, {0: stats})


def fitted(pool: Pool, chosen: list[int], scores: np.ndarray) -> np.ndarray:
    """Scores of a last layer that was fitted to the labels; those before while labels are of one kind."""
    labels = pool.is_nonblank[chosen]
    if labels.all() or not labels.any():
        return scores
    layer = LogisticRegression(C=SHRINKAGE, max_iter=1000).fit(pool.features[chosen], labels)
    return layer.predict_proba(pool.features)[:, 1].astype(np.float32)


def worth(scores: np.ndarray, pool: Pool) -> float:
    """Average precision on the test locations."""
    found = average_precision(scores[pool.is_test], pool.is_nonblank[pool.is_test])
    return float("nan") if found is None else float(found)


def retrained(
    manifest: Manifest, model: str, pool: Pool, chosen: list[int], scratch: Path, seed: int
) -> float:
    """Average precision of the whole network, trained on from the first model with the labels bought."""
    rows = pa.concat_tables(manifest.iter_tables(STORAGE))
    is_bought = np.zeros(rows.num_rows, bool)
    is_bought[chosen] = True
    place = rows.column_names.index("label")
    labels = pa.array(rows.column("label").to_pylist(), pa.string(), mask=~is_bought)
    with TemporaryDirectory(dir=scratch) as folder:
        rows = rows.set_column(place, rows.schema.field("label"), labels)
        # Drawn archives name their places alike, and the first model has seen the first one's.
        place = rows.column_names.index("location_id")
        names = pa.array([f"second {name}" for name in rows.column("location_id").to_pylist()])
        rows = rows.set_column(place, rows.schema.field("location_id"), names)
        pq.write_table(rows, f"{folder}/labels.parquet")
        recipe = TrainConfig(weights=model, num_epochs=8, preprocessing=PIXELS, seed=seed)
        with InThisProcess(STORAGE) as launcher:
            train(
                open_manifest(STORAGE, f"{folder}/labels.parquet"),
                f"{folder}/model",
                recipe,
                STORAGE,
                launcher,
            )
        uris = rows.filter(pa.array(pool.is_test)).column("uri").to_pylist()
        scores = blanktrap.score_images(uris, f"{folder}/model").column("p_nonblank").to_numpy()
    found = average_precision(scores, pool.is_nonblank[pool.is_test])
    return float("nan") if found is None else float(found)


def tell(way: str, curves: dict[str, list[list[float]]], steps: list[int]) -> None:
    """Print a way's mean curve with its spread over seeds, and the labels it takes to reach chance's end."""
    if way == CHANCE:
        print("\naverage precision, mean over seeds (deviation), by labels")
        print(f"{'':<22}" + "".join(f"{step:>15}" for step in steps[1::2]) + "   labels to chance's end")
    found = np.asarray(curves[way])
    means, spread = found.mean(axis=0), found.std(axis=0, ddof=1) if len(found) > 1 else found[0] * 0
    aim = float(np.mean(curves[CHANCE], axis=0)[-1])
    cells = "".join(f"{f'{m:.3f} ({s:.3f})':>15}" for m, s in zip(means[1::2], spread[1::2], strict=True))
    print(f"{way:<22}{cells}   {reached(means, steps, aim)}", flush=True)


def reached(means: np.ndarray, steps: list[int], aim: float) -> str:
    """The number of labels at which a curve first reaches an average precision, between steps."""
    for place, value in enumerate(means.tolist()):
        if value >= aim:
            if not place:
                return f"at most {steps[0]}"
            before = float(means[place - 1])
            share = (aim - before) / (value - before)
            return f"{steps[place - 1] + share * (steps[place] - steps[place - 1]):.0f}"
    return f"more than {steps[-1]}"


if __name__ == "__main__":
    main()
