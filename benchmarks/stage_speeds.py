"""Measures what `blanktrap plan` reckons with, on one core: `python benchmarks/stage_speeds.py [FOLDER …]`.

For each folder of JPEGs (by default one that is drawn: 2048 x 1536, about 1.2 MB) the processor's time to
read and decode one image to 500 x 375; then ResNet34's images/s of one core in each number format. Processor
time, not wall time: a busy machine changes it little. `blanktrap.core.planning.speeds` has the figures.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np
from PIL import Image
from score_throughput import make_images

ROOT = Path(__file__).resolve().parent.parent
WIDTH_PX, HEIGHT_PX = 500, 375


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--images", type=int, default=40, help="images of a folder, at the most")
    parser.add_argument("--batch", type=int, default=8, help="images that the network is given at once")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folders: list[Path] = arguments.folders
    if not folders:
        folders = [ROOT / ".bench" / "images"]
        make_images(folders[0], arguments.images)
    print(f"{_processor()}, one core")
    for folder in folders:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        if paths:
            print(measure_decoding(folder, paths[: arguments.images]))
    for line in measure_inference(arguments.batch):
        print(line)


def measure_decoding(folder: Path, paths: list[Path]) -> str:
    """Decode each image twice, and take the second time: the first finds code and files cold."""
    from blanktrap.core.config import DecodeLimits, Preprocessing
    from blanktrap.files.storage import Storage
    from blanktrap.vision.loading import load_images

    sizes = [path.stat().st_size for path in paths]
    spent_s = 0.0
    for _ in range(2):
        started = time.process_time()
        loaded = list(
            load_images(
                [str(path) for path in paths],
                sizes,
                storage=Storage(),
                preprocessing=Preprocessing(width_px=WIDTH_PX, height_px=HEIGHT_PX),
                limits=DecodeLimits(),
                num_threads=1,
            )
        )
        spent_s = time.process_time() - started
        assert any(one.image is not None for one in loaded)
    with Image.open(paths[0]) as first:
        shape = f"{first.width} x {first.height}"
    return (
        f"decode  {folder.name}: {1000.0 * spent_s / len(paths):.1f} ms an image "
        f"({len(paths)} of {shape}, {np.mean(sizes) / 1e6:.2f} MB)"
    )


def measure_inference(batch: int) -> list[str]:
    """ResNet34, channels last, one thread, in float32 and bfloat16; the second of two passes."""
    import torch

    from blanktrap.vision.network import build_network

    torch.set_num_threads(1)
    lines = []
    for number_format in (torch.float32, torch.bfloat16):
        network = build_network("none").eval().to(number_format).to(memory_format=torch.channels_last)
        pixels = torch.rand(batch, 3, HEIGHT_PX, WIDTH_PX, dtype=number_format)
        pixels = pixels.to(memory_format=torch.channels_last)
        spent_s = 0.0
        with torch.inference_mode():
            for _ in range(2):
                started = time.process_time()
                network(pixels)
                spent_s = time.process_time() - started
        lines.append(f"infer   {str(number_format).removeprefix('torch.')}: {batch / spent_s:.1f} images/s")
    return lines


def _processor() -> str:
    """The processor's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
