"""Measures reading a large annotation file: `python benchmarks/annotation_scale.py --images 2000000`.

A COCO Camera Traps file is generated (one annotation an image, three images a sequence, a fifth of them
empty), then read in one process of its own, and joined with a list of as many media in another. Printed are
seconds, images per second and the process's peak memory, as the system counts it. The generated file is about
350 bytes an image; nothing is downloaded, and no image is looked at.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

STEPS = ("read", "index")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2_000_000, help="images in the file")
    parser.add_argument("--out", type=Path, default=None, help="write the figures as JSON")
    parser.add_argument(
        "--step", choices=STEPS, default=None, help="run one step on --folder; for this program itself"
    )
    parser.add_argument("--folder", type=Path, default=None)
    arguments = parser.parse_args()
    if arguments.step is not None:
        print(json.dumps(run(arguments.step, arguments.folder, arguments.images)))
        return
    with tempfile.TemporaryDirectory(prefix="blanktrap-scale-") as name:
        folder = Path(name)
        write_annotations(folder / "labels.json", arguments.images)
        write_list(folder / "media.txt", arguments.images)
        figures = {
            "num_images": arguments.images,
            "size_mib": round((folder / "labels.json").stat().st_size / 2**20),
        }
        for step in STEPS:
            command = [
                sys.executable,
                __file__,
                "--step",
                step,
                "--folder",
                name,
                "--images",
                str(arguments.images),
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            figures |= {f"{step}_{key}": value for key, value in json.loads(done.stdout).items()}
    text = json.dumps(figures, indent=1)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text)


def run(step: str, folder: Path, num_images: int) -> dict[str, float]:
    """One step; peak memory is that of this process."""
    from blanktrap.core.config import IndexConfig
    from blanktrap.files.annotations import stage_annotations
    from blanktrap.files.annotations.formats import ReadOptions
    from blanktrap.files.indexing import build_manifest
    from blanktrap.files.storage import Storage

    storage, labels = Storage(), str(folder / "labels.json")
    started = time.monotonic()
    if step == "read":
        stage_annotations(storage, [labels], folder, ReadOptions())
    else:
        summary = build_manifest(
            [str(folder / "media.txt")],
            str(folder / "manifest"),
            annotations=[labels],
            inventory=None,
            config=IndexConfig(),
            storage=storage,
        )
        blanks = num_images - num_images * 4 // 5
        if summary.by_label != {"blank": blanks, "nonblank": num_images - blanks}:
            raise SystemExit(f"labels are {summary.by_label}, expected {blanks:,} blank of {num_images:,}")
    seconds = time.monotonic() - started
    return {
        "s": round(seconds, 1),
        "images_per_s": round(num_images / seconds),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def write_annotations(path: Path, num_images: int) -> None:
    """Write a file as LILA's are, image by image."""
    began = datetime(2015, 1, 1)
    categories = [{"id": 0, "name": "empty"}, {"id": 1, "name": "deer"}]
    with path.open("w") as file:
        file.write(f'{{"info": {{"version": "1"}}, "categories": {json.dumps(categories)}, "images": [')
        for number in range(num_images):
            sequence = number // 3
            image = {
                "id": f"{number:032x}",
                "file_name": name_of(number),
                "location": f"L{sequence % 500}",
                "seq_id": f"{sequence:032x}",
                "frame_num": number % 3,
                "seq_num_frames": min(3, num_images - sequence * 3),
                "datetime": str(began + timedelta(minutes=sequence, seconds=number % 3)),
                "width": 2048,
                "height": 1536,
            }
            file.write(f"{',' if number else ''}\n{json.dumps(image)}")
        file.write('], "annotations": [')
        for number in range(num_images):
            seen = {
                "id": f"a{number:031x}",
                "image_id": f"{number:032x}",
                "category_id": int(number % 5 != 0),
            }
            file.write(f"{',' if number else ''}\n{json.dumps(seen)}")
        file.write("]}")


def write_list(path: Path, num_images: int) -> None:
    """Write the list of media that the annotations speak of."""
    with path.open("w") as file:
        file.writelines(f"s3://archive/{name_of(number)}\n" for number in range(num_images))


def name_of(number: int) -> str:
    """A path in a camera-trap layout, a thousand images a folder."""
    return f"S{number // 100_000}/R{number // 1000}/IMG_{number:08d}.JPG"


if __name__ == "__main__":
    main()
