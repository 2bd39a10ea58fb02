"""The main job on real images, from a folder and from S3: `python benchmarks/real_images.py DATA`.

DATA holds `missouri/` (COCO Camera Traps labels) and `peru/` (a CSV). A network is trained from nothing for a
few passes over some of missouri's stations: what it reaches on the others is that of a barely trained model.
It scores both archives from the folder and from a local S3 server; the scores must be identical. What each
command prints is printed.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from s3_server import S3Server

from blanktrap.core.config import (
    EvaluateConfig,
    IndexConfig,
    Preprocessing,
    ScoreConfig,
    SelectConfig,
    TrainConfig,
)
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.scores_reader import describe_run, open_scores
from blanktrap.files.selecting import select_splits
from blanktrap.files.storage import Storage

BUCKET = "real"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with missouri/ and peru/")
    parser.add_argument("--num-epochs", type=int, default=8)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, S3Server() as server:
        os.environ.update(server.environment())
        Storage().client().create_bucket(Bucket=BUCKET)
        run(arguments.data, Path(folder), arguments.num_epochs)


def run(data: Path, folder: Path, num_epochs: int) -> None:
    """Index, train, score twice, compare, evaluate."""
    from blanktrap.vision.training.running import InThisProcess, train

    storage = Storage()
    for name in ("missouri", "peru"):
        upload(storage, data / name, name)
    index(data, folder, "missouri", "annotations.json", IndexConfig())
    index(data, folder, "peru", "labels.csv", IndexConfig(read_exif=True))
    for place in (str(folder), f"s3://{BUCKET}"):
        say(f"select missouri in {where(place)}")
        tell(
            select_splits(
                f"{place}/missouri", f"{place}/missouri-split", config=SelectConfig(), storage=storage
            ).lines()
        )
    say("train on missouri's training stations, from nothing")
    recipe = TrainConfig(
        weights="none",
        num_epochs=num_epochs,
        preprocessing=Preprocessing(width_px=192, height_px=192, banner_top=0.06, banner_bottom=0.06),
    )
    model = str(folder / "model")
    with InThisProcess(storage) as launcher:
        split = open_manifest(storage, str(folder / "missouri-split"))
        tell(train(split, model, recipe, storage, launcher).lines())
    for manifest in ("missouri-split", "peru"):
        for place in (str(folder), f"s3://{BUCKET}"):
            score(f"{place}/{manifest}", model, f"{place}/scores-{manifest}")
        compare(storage, f"{folder}/scores-{manifest}", f"s3://{BUCKET}/scores-{manifest}")
        say(f"evaluate {manifest}")
        out = str(folder / f"report-{manifest}")
        scores = f"s3://{BUCKET}/scores-{manifest}"
        tell(evaluate_scores(scores, out, config=EvaluateConfig(), storage=storage).lines())


def upload(storage: Storage, source: Path, name: str) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file():
            storage.upload(path, f"s3://{BUCKET}/archives/{name}/{path.relative_to(source).as_posix()}")


def index(data: Path, folder: Path, name: str, labels: str, config: IndexConfig) -> None:
    for source, out in (
        (str(data / name), f"{folder}/{name}"),
        (f"s3://{BUCKET}/archives/{name}/", f"s3://{BUCKET}/{name}"),
    ):
        say(f"index {name} from {where(source)}")
        summary = build_manifest(
            [source],
            out,
            annotations=[str(data / name / labels)],
            inventory=None,
            config=config,
            storage=Storage(),
        )
        tell(line.replace(str(data), "DATA") for line in summary.lines())


def score(manifest: str, model: str, out: str) -> None:
    """Score in this process: Ray starts and ends with the call."""
    from blanktrap.engines.scoring import score_manifest

    say(f"score {manifest.rpartition('/')[2]} from {where(manifest)}")
    run = score_manifest(manifest, model, out, config=ScoreConfig(), storage=Storage())
    tell(describe_run(where(out), run))


def compare(storage: Storage, one: str, other: str) -> None:
    """Stop unless two datasets have the same media with the same status and the same score."""
    columns = ["media_id", "status", "p_nonblank", "label", "location_id", "timestamp"]
    tables = [
        pa.concat_tables(open_scores(storage, location).iter_tables(storage, columns))
        for location in (one, other)
    ]
    if not tables[0].equals(tables[1]):
        sys.exit("folder and S3 gave different scores")
    say(f"folder and S3: {tables[0].num_rows:,} rows, all identical")


def where(location: str) -> str:
    return "S3" if location.startswith("s3://") else "a folder"


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


def tell(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
