"""What a plan is made from: the manifest's sizes, the model's input, and what a run really took.

Owns: reading those. Refuses: the arithmetic (`core.planning`).
"""

from dataclasses import dataclass

import pyarrow.compute as pc

from blanktrap.core.config import InstanceChoice, PlanConfig, ScoreConfig
from blanktrap.core.errors import ScoresError, UsageError
from blanktrap.core.planning.plans import (
    MachinePlan,
    Requests,
    Taken,
    cost_usd,
    count_requests,
    plan_machines,
)
from blanktrap.core.planning.speeds import REFERENCE_INPUT_PX, Workload
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage

PARTS_SAMPLED = 64
"""Parts of the manifest whose sizes are read, spread over it: a plan for 100 million media takes seconds."""


@dataclass(frozen=True, kw_only=True)
class ScoringPlan:
    """What scoring a manifest would take on each kind of machine."""

    workload: Workload
    is_sampled: bool
    """The mean size is that of a sample of the manifest's parts."""
    requests: Requests
    machines: tuple[MachinePlan, ...]


def plan_scoring(
    manifest_location: str, model: str | None, *, config: PlanConfig, score: ScoreConfig, storage: Storage
) -> ScoringPlan:
    """Plan scoring a manifest.

    Args:
        manifest_location: the manifest, local or S3.
        model: the checkpoint directory; None: one with the default input size.
        config: which machines, and how many.
        score: how the work would be cut.
        storage: the door to the bytes.

    Raises:
        UsageError: the manifest does not say how large its files are.
        BlanktrapError: manifest or model cannot be read.
    """
    manifest = open_manifest(storage, manifest_location)
    mean_bytes, is_sampled = _mean_bytes(manifest, storage)
    input_px = REFERENCE_INPUT_PX
    if model is not None:
        preprocessing = read_card(storage, model).preprocessing
        input_px = preprocessing.width_px * preprocessing.height_px
    workload = Workload(num_media=manifest.num_media, mean_bytes=mean_bytes, input_px=input_px)
    requests = count_requests(manifest.num_media, score.chunk_size_for(manifest.num_media))
    machines = tuple(plan_machines(choice, workload, requests, config) for choice in config.instances)
    return ScoringPlan(workload=workload, is_sampled=is_sampled, requests=requests, machines=machines)


def read_taken(scores: str, choice: InstanceChoice, *, config: PlanConfig, storage: Storage) -> Taken:
    """What a finished scoring run really took.

    Args:
        scores: the scores dataset.
        choice: the kind of machine that it ran on.
        config: how many machines there were.
        storage: the door to the bytes.

    Raises:
        UsageError: it is not said how many machines there were.
        ScoresError: the run has not ended, or says no time.
    """
    if config.num_machines is None:
        raise UsageError("--took wants --machines too: run.json does not say how many machines there were")
    run = open_scores(storage, scores).run
    hours = float(run.get("wall_s") or 0.0) / 3600.0
    if not hours:
        raise ScoresError(f"{scores} took no time that could be told: nothing was scored in it")
    requests = count_requests(int(run["num_media"]), int(run["identity"]["chunk_size"]))
    low, high = cost_usd(choice, config.num_machines, hours, config.head)
    return Taken(
        num_media=int(run["num_media"]),
        images_per_s=float(run["images_per_s"]),
        hours=hours,
        usd=(low + requests.usd, high + requests.usd),
        num_starts=len(run["sessions"]),
    )


def _mean_bytes(manifest: Manifest, storage: Storage) -> tuple[float, bool]:
    """The mean size of the files, and whether it is that of a sample."""
    step = max(1, len(manifest.parts) // PARTS_SAMPLED)
    starts, start = [], 0
    for part in manifest.parts:
        starts.append((start, start + part.num_media))
        start += part.num_media
    num_bytes = num_known = 0
    for first, last in starts[::step]:
        sizes = manifest.read_rows(storage, first, last).column("size_bytes")
        num_bytes += pc.sum(sizes).as_py() or 0
        num_known += len(sizes) - sizes.null_count
    if not num_known:
        raise UsageError(
            f"{manifest.location} does not say how large its files are, and speed depends on it: "
            f"index the archive with blanktrap index"
        )
    return num_bytes / num_known, step > 1
