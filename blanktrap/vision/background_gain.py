"""What a model gains from the background of the place: the same media scored with it and without.

Owns: scoring finished media again as if nothing were known of their place, and the two figures side by side.
Refuses: a model that was never shown a background; what such a one reaches, its own training says.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.config import DecodeLimits
from blanktrap.core.statistics.cutoffs import best_blank_recall
from blanktrap.core.statistics.metrics import area_under_roc
from blanktrap.core.vocabulary import Label, Split, Status
from blanktrap.core.wording import percent
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage
from blanktrap.vision.loading import load_images
from blanktrap.vision.scorer import Scorer

_RECALL = 0.95
_BATCH = 64
_THREADS = 4
_COLUMNS = ["uri", "status", "p_nonblank", "label", "split"]


def background_gain(scores: str, model: str, storage: Storage) -> list[str]:
    """Say what the background was worth on the labelled test media.

    Args:
        scores: a finished dataset of scores.
        model: the checkpoint that gave them.
        storage: reads both, and the media again.

    Returns:
        One line; none where the test media do not show both labels.

    Raises:
        BlanktrapError: scores, model or the storage cannot be read.
    """
    table = pa.concat_tables(open_scores(storage, scores).iter_tables(storage, _COLUMNS))
    is_judged = pc.and_(
        pc.and_(pc.equal(table.column("status"), Status.OK.value), table.column("label").is_valid()),
        pc.fill_null(pc.equal(table.column("split"), Split.TEST.value), False),
    )
    rows = table.filter(is_judged)
    is_nonblank = pc.equal(rows.column("label"), Label.NONBLANK.value).to_numpy()
    if not is_nonblank.any() or is_nonblank.all():
        return []
    alone = _scores_alone(rows.column("uri").to_pylist(), Scorer.load(storage, model), storage)
    told = [
        f"AUROC {area_under_roc(p_nonblank, is_nonblank):.3f}, "
        f"{percent(best_blank_recall(p_nonblank, is_nonblank, min_recall=_RECALL))} of blanks removed"
        for p_nonblank in (rows.column("p_nonblank").to_numpy(), alone)
    ]
    return [
        f"the background is worth on {rows.num_rows:,} test media, at {percent(_RECALL)} nonblank recall: "
        f"{told[0]}; the same model shown each media alone: {told[1]}"
    ]


def _scores_alone(uris: list[str], scorer: Scorer, storage: Storage) -> np.ndarray:
    """`p_nonblank` of media that are compared with nothing, shape (num_media,)."""
    loaded = load_images(
        uris,
        [None] * len(uris),
        storage=storage,
        preprocessing=scorer.preprocessing,
        limits=DecodeLimits(),
        num_threads=_THREADS,
    )
    found: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    for one in loaded:
        assert one.image is not None  # it was scored before
        waiting.append(one.image.pixels)
        if len(waiting) == _BATCH:
            found.append(scorer.score_pixels(np.stack(waiting)))
            waiting = []
    if waiting:
        found.append(scorer.score_pixels(np.stack(waiting)))
    return np.concatenate(found)
