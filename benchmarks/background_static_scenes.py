"""What fires all the time, without and with the background.

    python benchmarks/background_static_scenes.py FOLDER SINGLE COMPARING

Draws an archive of places that no model has seen (`--seed` is not that of `blanktrap demo`), scores it with a
model of single frames and with one that compares, and prints for each how long the table of static scenes is
that an evaluation has: at the model's own cutoff, at the one that keeps 95 % of the nonblank media, and at
two fixed ones. FOLDER keeps what was drawn and scored.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from background_ablation import draw

from blanktrap.core.config import ArchiveConfig, ScoreConfig
from blanktrap.core.evaluation.error_facts import Facts
from blanktrap.core.evaluation.static_scenes import find_static_scenes
from blanktrap.core.statistics.cutoffs import choose_cutoff
from blanktrap.core.statistics.metrics import area_under_roc, confusion_counts
from blanktrap.core.vocabulary import Label, Status
from blanktrap.engines.scoring import score_manifest
from blanktrap.files.error_sampling import begin_facts
from blanktrap.files.model_cards import read_card
from blanktrap.files.scores_reader import Scores, open_scores
from blanktrap.files.storage import Storage

RECALL = 0.95
CUTOFFS = (0.3, 0.5)
STORAGE = Storage()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--images", type=int, default=2400)
    parser.add_argument("--locations", type=int, default=40)
    parser.add_argument("--difficulty", type=float, default=0.3, help="as drawn by `blanktrap demo`")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    manifest = str(arguments.folder / "manifest")
    config = ArchiveConfig(
        num_images=arguments.images,
        num_locations=arguments.locations,
        difficulty=arguments.difficulty,
        seed=arguments.seed,
        num_corrupt=0,
    )
    draw(manifest, config)
    print("| model | cutoff | nonblank kept | blanks kept | static scenes | blanks kept there |")
    print("| --- | --- | --- | --- | --- | --- |")
    for number, model in enumerate(arguments.models):
        out = str(arguments.folder / f"scores-{number}")
        score_manifest(manifest, model, out, config=ScoreConfig(), storage=STORAGE)
        for line in judged(open_scores(STORAGE, out), model):
            print(line, flush=True)


def judged(scores: Scores, model: str) -> Iterator[str]:
    """A model's rows of the table."""
    gathering = begin_facts(STORAGE, scores, None, lot_seed=None)
    tables = list(scores.iter_tables(STORAGE))
    for table in tables:
        gathering.add(table)
    facts = gathering.facts(None)
    rows = pa.concat_tables(tables)
    is_ok = np.array(rows.column("status").to_pylist()) == Status.OK
    p_nonblank = rows.column("p_nonblank").to_numpy()[is_ok]
    is_nonblank = np.array(rows.column("label").to_pylist())[is_ok] == Label.NONBLANK
    recommended = read_card(STORAGE, model).recommended_cutoff
    auroc = area_under_roc(p_nonblank, is_nonblank)
    for name, cutoff in (
        (f"{model}, AUROC {auroc:.3f}", recommended),
        (f"… keeping {100 * RECALL:.0f} %", choose_cutoff(p_nonblank, is_nonblank, min_recall=RECALL)),
        *(("… at", cutoff) for cutoff in CUTOFFS),
    ):
        counts = confusion_counts(p_nonblank, is_nonblank, cutoff)
        yield (
            f"| {name} | {cutoff:.3f} | {counts.kept_nonblank:,} of {is_nonblank.sum():,} | "
            f"{counts.kept_blank:,} of {(~is_nonblank).sum():,} | {scenes_of(facts, cutoff)} |"
        )


def scenes_of(facts: Facts, cutoff: float) -> str:
    scenes = find_static_scenes(facts, cutoff=cutoff)
    kept, runs = (sum(scenes.column(name).to_pylist()) for name in ("num_kept_blank", "num_in_runs"))
    return f"{scenes.num_rows} | {kept:,}, {runs:,} of them in runs"


if __name__ == "__main__":
    main()
