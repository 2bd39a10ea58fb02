"""Measures how well wrong labels are found: `python benchmarks/label_audit.py`.

An archive is drawn and 5 % of its labels are flipped (seeded). ResNet34 is trained from nothing in folds by
location, and the labels are audited with what each fold's model says of the locations it was not shown.
Printed are how good the models are, how many of the first on the list are truly wrong, and how the estimated
number of wrong labels compares with the number flipped. With --folder the folds are kept, and gone on with.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from blanktrap.core.audits.label_findings import LabelFindings
from blanktrap.core.config import ArchiveConfig, AuditLabelsConfig, IndexConfig, TrainConfig
from blanktrap.core.vocabulary import Label, Status
from blanktrap.core.wording import percent
from blanktrap.demo import PREPROCESSING
from blanktrap.files.indexing import build_manifest
from blanktrap.files.label_auditing import audit_scores
from blanktrap.files.manifest import open_manifest
from blanktrap.files.review_queues import read_review_queue
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=1600, help="images to draw")
    parser.add_argument("--locations", type=int, default=18, help="locations to draw")
    parser.add_argument("--folds", type=int, default=3, help="parts of the locations")
    parser.add_argument("--num-epochs", type=int, default=12, help="passes over the media of a fold")
    parser.add_argument("--flipped", type=float, default=0.05, help="share of labels made wrong")
    parser.add_argument("--seed", type=int, default=0, help="of the archive, the flips and the training")
    parser.add_argument("--folder", type=Path, default=None, help="keep archive and folds here")
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        run(arguments.folder or Path(scratch), arguments)


def run(folder: Path, arguments: argparse.Namespace) -> None:
    """Draw, flip, train in folds, audit, compare."""
    from blanktrap.vision.cross_validation import cross_validate
    from blanktrap.vision.drawing.archive import draw_archive

    started = time.monotonic()
    storage = Storage()
    archive = ArchiveConfig(
        num_images=arguments.images, num_locations=arguments.locations, seed=arguments.seed
    )
    draw_archive(folder / "archive", archive)
    if not (folder / "manifest").exists():
        build_manifest(
            [str(folder / "archive")],
            str(folder / "manifest"),
            annotations=[str(folder / "archive" / "annotations.json")],
            inventory=None,
            config=IndexConfig(),
            storage=storage,
        )
    flipped = flip_labels(storage, folder, arguments.flipped, arguments.seed)
    say(f"drew {arguments.images:,} images of {arguments.locations} locations, flipped {len(flipped)} labels")
    recipe = TrainConfig(
        weights="none",
        num_epochs=arguments.num_epochs,
        num_folds=arguments.folds,
        preprocessing=PREPROCESSING,
        seed=arguments.seed,
    )
    with ProgressLine() as line:
        summary = cross_validate(
            open_manifest(storage, str(folder / "flipped.parquet")),
            str(folder / "folds"),
            recipe,
            storage,
            on_progress=line.show,
        )
    for text in summary.lines():
        say(text)
    say(f"drawn and trained in {time.monotonic() - started:.0f} s")
    measure(storage, folder, flipped)


def flip_labels(storage: Storage, folder: Path, share: float, seed: int) -> set[str]:
    """Write a manifest with a share of the labels flipped, and return the media whose label is wrong."""
    manifest = open_manifest(storage, str(folder / "manifest"))
    rows = pa.concat_tables(manifest.iter_tables(storage))
    labelled = np.flatnonzero(rows.column("label").is_valid().to_numpy())
    chosen = np.random.default_rng(seed).choice(labelled, round(share * len(labelled)), replace=False)
    is_flipped = np.zeros(rows.num_rows, dtype=bool)
    is_flipped[chosen] = True
    other = pc.if_else(pc.equal(rows.column("label"), Label.BLANK.value), Label.NONBLANK, Label.BLANK)
    labels = pc.if_else(pa.array(is_flipped), other, rows.column("label"))
    rows = rows.set_column(rows.column_names.index("label"), "label", labels)
    pq.write_table(rows, folder / "flipped.parquet")
    return set(rows.filter(pa.array(is_flipped)).column("media_id").to_pylist())


def measure(storage: Storage, folder: Path, flipped: set[str]) -> None:
    """Audit, and compare the list with the labels that were flipped."""
    scores, queue = str(folder / "folds" / "out-of-fold"), str(folder / "queue")

    def audit(num_media: int | None) -> tuple[LabelFindings, list[bool]]:
        config = AuditLabelsConfig(num_media=num_media)
        findings = audit_scores(scores, queue, config=config, storage=storage, overwrite=True)
        listed = read_review_queue(storage, queue).rows.column("media_id").to_pylist()
        return findings, [media in flipped for media in listed]

    findings, hits = audit(None)
    for text in findings.lines():
        say(text)
    rows = pa.concat_tables(open_scores(storage, scores).iter_tables(storage, ["media_id", "status"]))
    is_scored = pc.equal(rows.column("status"), Status.OK.value)
    found = flipped.intersection(rows.column("media_id").filter(is_scored).to_pylist())
    low, high = findings.audit.both.bounds or (float("nan"), float("nan"))
    say(
        f"estimated wrong {findings.audit.both.estimate:.0f} ({low:.0f} to {high:.0f}), flipped and scored "
        f"{len(found)}"
    )
    say(
        f"list as it comes: {sum(hits)} of {len(hits)} truly wrong ({share(sum(hits), len(hits))}), "
        f"{share(sum(hits), len(found))} of the flipped"
    )
    _, ranked = audit(len(found))
    half = ranked[: len(found) // 2]
    say(f"first {len(half)}, half as many as flipped: {share(sum(half), len(half))} truly wrong; aim 80 %")
    say(f"first {len(ranked)}: {share(sum(ranked), len(found))} of the flipped")


def share(part: int, whole: int) -> str:
    return percent(part / whole if whole else None)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
