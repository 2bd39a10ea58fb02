"""Does automatic gamma help? `python benchmarks/auto_gamma.py [--missouri FOLDER]`.

An archive is drawn, and half of its media are exposed wrongly, from 4 stops under to 3 over (seeded).
ResNet34 is trained from nothing in folds by location, with and without --auto-gamma, all else equal; with
--missouri (COCO Camera Traps, `annotations.json` beside the images) on those photographs as well. Printed is
what the held-out scores are worth: on all media, and on those that `core.exposure` calls wrongly exposed.
Differences within the spread over seeds (--seeds) say nothing. Minutes for two arms on two quiet cores.
"""

import argparse
import io
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from PIL import Image, UnidentifiedImageError

from blanktrap.core.config import ArchiveConfig, DecodeLimits, Preprocessing
from blanktrap.core.errors import DecodeError
from blanktrap.core.exposure import ExposureGrade, grade_exposure
from blanktrap.core.statistics.cutoffs import best_blank_recall
from blanktrap.core.statistics.metrics import area_under_roc, average_precision
from blanktrap.core.vocabulary import Label, Status
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage
from blanktrap.vision.decoding import decode_image
from blanktrap.vision.drawing.archive import draw_archive

STOPS = (-4.0, 3.0)
COLUMNS = ["media_id", "uri", "status", "p_nonblank", "label"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--missouri", type=Path, default=None, help="folder with annotations.json and images")
    parser.add_argument("--images", type=int, default=600, help="images to draw")
    parser.add_argument("--num-epochs", type=int, default=8)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each arm")
    parser.add_argument("--image-size", default="128x96")
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw_archive(folder / "drawn", ArchiveConfig(num_images=arguments.images, num_corrupt=0))
        expose_wrongly(folder / "drawn")
        compare(folder, "drawn", folder / "drawn", [], arguments)
        if arguments.missouri is not None:
            banner = ["--banner-top", "0.06", "--banner-bottom", "0.06"]
            compare(folder, "missouri", arguments.missouri, banner, arguments)


def expose_wrongly(folder: Path) -> None:
    """Change every second photograph of an archive to another exposure."""
    chance = np.random.default_rng(0)
    images = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".jpg")
    for path in images[::2]:
        try:
            with Image.open(path) as image:
                values = np.asarray(image.convert("RGB"), dtype=np.float64)
        except UnidentifiedImageError:
            continue
        values = np.clip(np.rint(values * 2.0 ** (chance.uniform(*STOPS) / 2.2)), 0, 255)
        sink = io.BytesIO()
        Image.fromarray(values.astype(np.uint8)).save(sink, "JPEG", quality=90)
        path.write_bytes(sink.getvalue())


def compare(folder: Path, name: str, archive: Path, banner: list[str], arguments: argparse.Namespace) -> None:
    """Train both arms on one archive and print what their held-out scores are worth."""
    manifest = folder / f"{name}-manifest"
    run("index", archive, "--annotations", archive / "annotations.json", "--out", manifest)
    recipe = [
        *("--weights", "none", "--folds", arguments.folds, "--num-epochs", arguments.num_epochs),
        *("--image-size", arguments.image_size, *banner),
    ]
    print(
        f"\n{name}: {arguments.folds} folds by location, {arguments.num_epochs} epochs, "
        f"{arguments.image_size}"
    )
    wrong: set[str] | None = None
    for seed in range(arguments.seeds):
        for arm, flags in (("without", []), ("with", ["--auto-gamma"])):
            out = folder / f"{name}-{arm}-{seed}"
            run("train", manifest, "--out", out, "--seed", seed, *recipe, *flags)
            storage = Storage()
            scores = open_scores(storage, str(out / "out-of-fold"))
            rows = pa.concat_tables(scores.iter_columns(storage, COLUMNS))
            wrong = wrong_of(rows, banner) if wrong is None else wrong
            tell(f"{arm} auto gamma, seed {seed}", rows, wrong)


def wrong_of(rows: pa.Table, banner: list[str]) -> set[str]:
    """Media that are under- or overexposed, without the banner."""
    share = float(banner[1]) if banner else 0.0
    seen = Preprocessing(width_px=128, height_px=96, banner_top=share, banner_bottom=share)
    found = set()
    for media_id, uri in zip(*(rows.column(name).to_pylist() for name in COLUMNS[:2]), strict=True):
        try:
            image = decode_image(Storage().read_bytes(uri), seen, DecodeLimits())
        except DecodeError:
            continue
        if grade_exposure(Image.fromarray(image.pixels).convert("L").histogram()).grade != ExposureGrade.WELL:
            found.add(media_id)
    return found


def tell(arm: str, rows: pa.Table, wrong: set[str]) -> None:
    """Print the figures of one arm."""
    media = [row for row in rows.to_pylist() if row["status"] == Status.OK.value and row["label"] is not None]
    for what, some in (
        ("all", media),
        ("wrongly exposed", [row for row in media if row["media_id"] in wrong]),
    ):
        p_nonblank = np.array([row["p_nonblank"] for row in some])
        is_nonblank = np.array([row["label"] == Label.NONBLANK.value for row in some])
        if len(set(is_nonblank.tolist())) < 2:
            print(f"  {arm}: {what}: {len(some)} media, too few to measure")
            continue
        removed = best_blank_recall(p_nonblank, is_nonblank, min_recall=0.96) or 0.0
        print(
            f"  {arm}: {what}: {len(some)} media, AUROC {area_under_roc(p_nonblank, is_nonblank):.3f}, "
            f"average precision {average_precision(p_nonblank, is_nonblank):.3f}, "
            f"blank recall at 96 % nonblank recall {100 * removed:.1f} %",
            flush=True,
        )


def run(*arguments: object) -> None:
    """Run a command of blanktrap; end with what it says where it fails."""
    command = [sys.executable, "-m", "blanktrap", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")


if __name__ == "__main__":
    main()
