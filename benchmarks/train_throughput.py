"""Measures training against a plain torch loop: `python benchmarks/train_throughput.py`.

Images per second in steady state (epochs after the first, validation apart), each way in a process of its
own, in one run:

  plain    a bare torch loop and a DataLoader over the same decoded images: forward, backward, AdamW, no more
  plain2   two of them side by side with half a step each, which exchange nothing: what the cores allow
  loop     our training loop in one process, without Ray: gradients clipped, weights averaged, images read
           from the cache
  ray      `blanktrap train` as it is, on Ray Train, with one worker
  ray2     the same with two workers; on a CPU each has as many threads as the one worker of `ray`
  device   on a GPU: the bare loop with all pixels on the GPU already, the ceiling that reading must come near

The augmentation is off in all, unless --augment switches it on in `loop`, `ray` and `ray2`. "waited" is
the share of the steps in which the network waited for images.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from blanktrap.core.config import AugmentConfig, IndexConfig, Preprocessing, TrainConfig, WorkersConfig
from blanktrap.core.training_record import EpochRecord
from blanktrap.core.vocabulary import Split
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.storage import Storage
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.network import build_network
from blanktrap.vision.pixel_cache import PixelCache
from blanktrap.vision.scorer import choose_dtype
from blanktrap.vision.training.cached_feed import CachedFeed, decoder_here
from blanktrap.vision.training.loop import TrainingLoop
from blanktrap.vision.training.preparation import prepare_media

STORAGE = Storage()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--size", default="224x168", help="network input")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--rounds", type=int, default=1, help="times each way is measured")
    parser.add_argument("--ways", help="such as ray,ray2; all unless given")
    parser.add_argument("--augment", action="store_true")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments)))
        return
    ways = ["plain", "plain2", "loop", "ray", "ray2", *(["device"] if torch.cuda.is_available() else [])]
    if torch.cuda.is_available() and torch.cuda.device_count() < 2:
        ways = [way for way in ways if way not in ("plain2", "ray2")]
    if arguments.ways:
        ways = [way for way in ways if way in arguments.ways.split(",")]
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    with TemporaryDirectory() as folder:
        make_archive(Path(folder), arguments.images)
        for _ in range(arguments.rounds):
            for way in ways:
                found[way].append(run_way(way, Path(folder), arguments.batch_size))
                print(way, *found[way][-1], file=sys.stderr, flush=True)
    report(found, arguments)


def run_way(way: str, folder: Path, batch_size: int) -> tuple[float, float]:
    """Images per second and share of waiting of one way, in a process of its own, or in two side by side."""
    command = [sys.executable, __file__, *sys.argv[1:], "--way", way, "--folder", str(folder)]
    if way == "plain2":
        command += ["--way", "plain", "--batch-size", str(batch_size // 2)]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(1 + (way == "plain2"))
    ]
    results = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        sys.exit(f"{way} failed")
    rates, waited = zip(*(json.loads(result.strip().splitlines()[-1]) for result in results), strict=True)
    return sum(rates), statistics.mean(waited)


def report(found: dict[str, list[tuple[float, float]]], arguments: argparse.Namespace) -> None:
    rates = {way: statistics.median(rate for rate, _ in runs) for way, runs in found.items()}
    device = (
        torch.cuda.get_device_name() if torch.cuda.is_available() else f"{arguments.threads} CPU thread(s)"
    )
    print(f"ResNet34, {arguments.size}, steps of {arguments.batch_size}, {arguments.images} images, {device}")
    for way, runs in found.items():
        waited = statistics.median(share for _, share in runs)
        print(f"{way:8} {rates[way]:8.1f} images/s   waited {100 * waited:.1f} %")
    ratios = [("loop", "plain"), ("ray", "plain"), ("ray2", "ray"), ("plain2", "plain"), ("ray2", "plain2")]
    for over, under in [*ratios, ("ray", "device")]:
        if over in rates and under in rates:
            print(f"{over} / {under}: {rates[over] / rates[under]:.2f}")


def make_archive(folder: Path, num_images: int) -> None:
    """Index drawn JPEGs with labels from their folders, at eight places."""
    from PIL import Image

    from blanktrap.files.indexing import build_manifest

    chance = np.random.default_rng(0)
    for number in range(num_images):
        path = (
            folder / "images" / f"place-{number // 2 % 8}" / ("blank", "animal")[number % 2] / f"{number}.jpg"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((1024, 768), Image.Resampling.BICUBIC).save(path, quality=90)
    build_manifest(
        [str(folder / "images")],
        str(folder / "manifest"),
        annotations=[],
        inventory=None,
        config=IndexConfig(path_pattern="{location}/{label}/{}", label_from_path=True),
        storage=STORAGE,
    )


def recipe_of(arguments: argparse.Namespace) -> TrainConfig:
    width, _, height = arguments.size.partition("x")
    off = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0.0))
    return TrainConfig(
        weights="none",
        num_epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        patience=None,
        augment=AugmentConfig() if arguments.augment else off,
        preprocessing=Preprocessing(width_px=int(width), height_px=int(height), banner_bottom=0.06),
    )


def measure(arguments: argparse.Namespace) -> tuple[float, float]:
    torch.set_num_threads(arguments.threads)
    manifest, recipe = open_manifest(STORAGE, str(arguments.folder / "manifest")), recipe_of(arguments)
    if arguments.way.startswith("ray"):
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
        return steady(measure_ray(manifest, recipe, 2 if arguments.way == "ray2" else 1))
    media = prepare_media(manifest, recipe, STORAGE).media
    cache = PixelCache(arguments.folder / "cache", recipe.preprocessing, session="benchmark")
    decode = decoder_here(media, recipe.preprocessing, STORAGE)
    if arguments.way in ("plain", "device"):
        feed = CachedFeed(media, cache, decode)
        return measure_plain(media, cache, feed, recipe, on_device=arguments.way == "device"), 0.0
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    feeds = [CachedFeed(media, cache, decode, pinned=device.type == "cuda") for _ in range(2)]
    loop = TrainingLoop(build_network("none"), media, *feeds, recipe, device=device)
    return steady(list(loop.epochs()))


def steady(records: list[EpochRecord]) -> tuple[float, float]:
    """Speed and waiting after the first epoch, which decodes."""
    later = records[1:]
    return (
        statistics.median(record.images_per_s for record in later),
        statistics.median(record.waited_share for record in later),
    )


def measure_ray(manifest: Manifest, recipe: TrainConfig, num_workers: int) -> list[EpochRecord]:
    from blanktrap.engines.training import OnRay
    from blanktrap.vision.training.run_folder import open_run
    from blanktrap.vision.training.running import train

    with TemporaryDirectory() as folder:
        use_gpu = torch.cuda.is_available()
        workers = WorkersConfig(
            min_workers=num_workers, max_workers=num_workers, use_gpu=use_gpu, storage=folder, name="run"
        )
        with OnRay(workers, STORAGE, run=folder) as launcher:
            train(manifest, f"{folder}/model", recipe, STORAGE, launcher, workers=workers)
        state = open_run(STORAGE, f"{folder}/run", recipe).load_state()
        assert state is not None
        return state.records


class OnDevice:
    """Batches of the training images, all of which are on the device already."""

    def __init__(self, media: LabelledMedia, feed: CachedFeed, rows: np.ndarray, batch_size: int) -> None:
        [batch] = feed.epoch(rows, len(rows))
        self._pixels = torch.from_numpy(batch.pixels).cuda().permute(0, 3, 1, 2).contiguous()
        self._labels = torch.from_numpy(media.is_nonblank[batch.rows]).cuda()
        self._batch_size = batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.randperm(len(self._pixels), device="cuda")
        for start in range(0, len(order) - self._batch_size + 1, self._batch_size):
            rows = order[start : start + self._batch_size]
            yield self._pixels[rows], self._labels[rows]


class DecodedImages(Dataset):  # type: ignore[type-arg]
    """The training images, decoded, as a DataLoader wants them."""

    def __init__(self, media: LabelledMedia, cache: PixelCache, rows: np.ndarray) -> None:
        self._media, self._cache, self._rows = media, cache, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, float]:
        row = int(self._rows[index])
        loaded = self._cache.read(str(self._media.uris[row]), self._media.sizes_bytes[row])
        assert loaded is not None
        assert loaded.image is not None
        pixels = torch.from_numpy(loaded.image.pixels.copy()).permute(2, 0, 1)
        return pixels, float(self._media.is_nonblank[row])


def load_plainly(
    media: LabelledMedia, cache: PixelCache, feed: CachedFeed, rows: np.ndarray, batch_size: int
) -> Iterable[Any]:
    for _ in feed.epoch(rows, 64):
        pass  # decodes what is not decoded yet
    return DataLoader(
        DecodedImages(media, cache, rows),
        batch_size=batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=4 if torch.cuda.is_available() else 1,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=True,
    )


def measure_plain(
    media: LabelledMedia, cache: PixelCache, feed: CachedFeed, recipe: TrainConfig, *, on_device: bool
) -> float:
    """What one would write in an hour; the median speed of the epochs after the first."""
    rows = np.flatnonzero(media.splits == Split.TRAIN)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = choose_dtype(device, recipe.precision)
    loader: Iterable[Any] = (
        OnDevice(media, feed, rows, recipe.batch_size)
        if on_device
        else load_plainly(media, cache, feed, rows, recipe.batch_size)
    )
    network = build_network("none").to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, fused=True)
    mean, std = (
        255.0 * torch.tensor(values, device=device).view(1, 3, 1, 1)
        for values in (recipe.preprocessing.mean, recipe.preprocessing.std)
    )
    rates = []
    for _ in range(recipe.num_epochs):
        started, seen = time.perf_counter(), 0
        for pixels, labels in loader:
            images = ((pixels.to(device, non_blocking=True).float() - mean) / std).contiguous(
                memory_format=torch.channels_last
            )
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
                logits = network(images)
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits.float().squeeze(1), labels.float().to(device)
            )
            loss.backward()
            optimizer.step()
            seen += len(labels)
        if device.type == "cuda":
            torch.cuda.synchronize()
        rates.append(seen / (time.perf_counter() - started))
    return statistics.median(rates[1:])


if __name__ == "__main__":
    main()
