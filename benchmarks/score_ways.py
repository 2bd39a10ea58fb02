"""The ways that `score_throughput.py` compares, one a process: `python score_ways.py WAY FOLDER`.

Each prints one line of JSON with its speed between 10 % and 90 % of the images.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

WIDTH_PX, HEIGHT_PX = 500, 375
BUCKET = "bench"


class Pace:
    """When how many images were done."""

    def __init__(self, num_images: int) -> None:
        self._num_images = num_images
        self._seen: list[tuple[float, int]] = []

    def note(self, num_done: int) -> None:
        self._seen.append((time.perf_counter(), num_done))

    def steady_images_per_s(self) -> float:
        inside = [
            (at, done) for at, done in self._seen if 0.1 * self._num_images <= done <= 0.9 * self._num_images
        ]
        if len(inside) < 2:
            sys.exit("too few images: progress comes by chunks, and two must end between 10 % and 90 %")
        (first_s, first), (last_s, last) = inside[0], inside[-1]
        return (last - first) / (last_s - first_s)


def images_of(folder: Path) -> list[Path]:
    return sorted((folder / "images").glob("*.JPG"))


def save_random_model(folder: Path, *, width_px: int, height_px: int, background: str = "none") -> None:
    """Write a checkpoint with random weights."""
    import torch

    from blanktrap.core.config import Preprocessing, TrainConfig
    from blanktrap.core.evaluation.model_facts import ModelFacts
    from blanktrap.core.model_card import ValidationFigures
    from blanktrap.files.storage import Storage
    from blanktrap.vision.checkpoints import save_checkpoint
    from blanktrap.vision.network import build_network

    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(0)
    preprocessing = Preprocessing(width_px=width_px, height_px=height_px, background=background)
    save_checkpoint(
        Storage(),
        str(folder),
        build_network("none", preprocessing.num_channels),
        config=TrainConfig(weights="none", preprocessing=preprocessing),
        manifest_digest="sha256:none",
        training_locations=(),
        label_counts={},
        facts=ModelFacts(
            metrics=ValidationFigures(
                num_media=1,
                num_nonblank=1,
                num_locations=0,
                average_precision=None,
                area_under_roc=None,
                nonblank_recall=1.0,
                blank_recall=None,
                nonblank_precision=None,
            ),
            recommended_cutoff=0.5,
        ),
    )


def prepare(folder: Path) -> dict[str, Any]:
    """Write a checkpoint with random weights, and the manifests."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from blanktrap.core.config import IndexConfig
    from blanktrap.files.indexing import build_manifest
    from blanktrap.files.storage import Storage

    shutil.rmtree(folder / "manifest", ignore_errors=True)
    save_random_model(folder / "model", width_px=WIDTH_PX, height_px=HEIGHT_PX)
    build_manifest(
        [str(folder / "images")],
        str(folder / "manifest"),
        annotations=[],
        inventory=None,
        config=IndexConfig(),
        storage=Storage(),
    )
    for factor in (1, 10):
        uris = [str(path) for path in images_of(folder)] * factor
        rows = {"media_id": [f"{number}.jpg" for number in range(len(uris))], "uri": uris}
        pq.write_table(pa.table(rows), folder / f"repeated{factor}.parquet")
    return {}


def upload(folder: Path) -> dict[str, Any]:
    """Put the images into the S3 server and index them there."""
    from blanktrap.core.config import IndexConfig
    from blanktrap.files.indexing import build_manifest
    from blanktrap.files.storage import Storage

    storage = Storage()
    storage.client().create_bucket(Bucket=BUCKET)
    for path in images_of(folder):
        storage.upload(path, f"s3://{BUCKET}/images/{path.name}")
    build_manifest(
        [f"s3://{BUCKET}/images/"],
        f"s3://{BUCKET}/manifest",
        annotations=[],
        inventory=None,
        config=IndexConfig(),
        storage=storage,
    )
    return {}


def blanktrap_score(folder: Path, manifest: str) -> dict[str, Any]:
    """(a), (b) and the memory runs: what `blanktrap score` calls."""
    from blanktrap.core.config import ScoreConfig
    from blanktrap.engines.scoring import score_manifest
    from blanktrap.files.manifest import open_manifest
    from blanktrap.files.storage import Storage

    storage = Storage()
    pace = Pace(open_manifest(storage, manifest).num_media)
    out = folder / "scores"
    shutil.rmtree(out, ignore_errors=True)
    run = score_manifest(
        manifest,
        str(folder / "model"),
        str(out),
        config=ScoreConfig(),
        storage=storage,
        on_progress=lambda progress: pace.note(progress.num_done),
    )
    assert run["counts"]["ok"] == run["num_media"]
    return {"steady_images_per_s": pace.steady_images_per_s()}


def ray_tutorial(folder: Path) -> dict[str, Any]:
    """(c): read_images, a map that resizes and normalises, a map_batches that predicts, float32."""
    import numpy as np
    import ray
    import torch
    from torchvision import models, transforms

    prepare_image = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Resize((HEIGHT_PX, WIDTH_PX), antialias=True),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    def preprocess(row: dict[str, Any]) -> dict[str, Any]:
        return {"image": prepare_image(row["image"])}

    class Predictor:
        def __init__(self) -> None:
            self.network = models.resnet34(num_classes=1).eval()

        def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
            with torch.inference_mode():
                logits = self.network(torch.from_numpy(np.stack(batch["image"])))
            return {"p_nonblank": torch.sigmoid(logits).squeeze(1).numpy()}

    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    files = images_of(folder)
    pace, num_done = Pace(len(files)), 0
    dataset = ray.data.read_images(str(folder / "images"), mode="RGB").map(preprocess)
    # A pool that claims every core would leave none to read with, and hang.
    num_actors = max(1, (os.cpu_count() or 2) - 1)
    predicted = dataset.map_batches(
        Predictor, batch_size=16, compute=ray.data.ActorPoolStrategy(size=num_actors)
    )
    for batch in predicted.iter_batches(batch_size=None):
        num_done += len(batch["p_nonblank"])
        pace.note(num_done)
    assert num_done == len(files)
    ray.shutdown()
    return {"steady_images_per_s": pace.steady_images_per_s()}


def data_loader(folder: Path) -> dict[str, Any]:
    """(d): a torch DataLoader with two workers and a plain loop, float32."""
    import torch
    from PIL import Image
    from torchvision import models, transforms

    class Photographs(torch.utils.data.Dataset[torch.Tensor]):
        files = images_of(folder)
        prepare_image = transforms.Compose(
            [
                transforms.Resize((HEIGHT_PX, WIDTH_PX)),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, place: int) -> torch.Tensor:
            image: torch.Tensor = self.prepare_image(Image.open(self.files[place]).convert("RGB"))
            return image

    network = models.resnet34(num_classes=1).eval()
    pace, num_done = Pace(len(Photographs.files)), 0
    loader = torch.utils.data.DataLoader(Photographs(), batch_size=16, num_workers=2)
    with torch.inference_mode():
        for batch in loader:
            num_done += len(torch.sigmoid(network(batch)))
            pace.note(num_done)
    return {"steady_images_per_s": pace.steady_images_per_s()}


def ceiling(folder: Path) -> dict[str, Any]:
    """(e): one core decodes and scores, with blanktrap's own decoder and scorer, nothing between them."""
    import numpy as np
    import torch

    from blanktrap.core.config import DecodeLimits
    from blanktrap.files.storage import Storage
    from blanktrap.vision.decoding import decode_image
    from blanktrap.vision.scorer import Scorer

    torch.set_num_threads(1)
    scorer = Scorer.load(Storage(), str(folder / "model"), device="cpu")
    encoded = [path.read_bytes() for path in images_of(folder)[:96]]
    warm = np.stack([decode_image(data, scorer.preprocessing, DecodeLimits()).pixels for data in encoded[:8]])
    scorer.score_pixels(warm)
    started = time.perf_counter()
    pixels = np.stack([decode_image(data, scorer.preprocessing, DecodeLimits()).pixels for data in encoded])
    decode_s = (time.perf_counter() - started) / len(encoded)
    started = time.perf_counter()
    scorer.score_pixels(pixels)
    inference_s = (time.perf_counter() - started) / len(encoded)
    return {
        "steady_images_per_s": (os.cpu_count() or 1) / (decode_s + inference_s),
        "decode_s": decode_s,
        "inference_s": inference_s,
    }


def main() -> None:
    way, folder = sys.argv[1], Path(sys.argv[2])
    ways = {
        "prepare": lambda: prepare(folder),
        "upload": lambda: upload(folder),
        "a": lambda: blanktrap_score(folder, str(folder / "manifest")),
        "b": lambda: blanktrap_score(folder, f"s3://{BUCKET}/manifest"),
        "c": lambda: ray_tutorial(folder),
        "d": lambda: data_loader(folder),
        "e": lambda: ceiling(folder),
        "memory1": lambda: blanktrap_score(folder, str(folder / "repeated1.parquet")),
        "memory10": lambda: blanktrap_score(folder, str(folder / "repeated10.parquet")),
    }
    print(json.dumps(ways[way]()))


if __name__ == "__main__":
    main()
