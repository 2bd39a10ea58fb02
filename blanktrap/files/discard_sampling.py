"""From a scores dataset to the media of its discard pile that people should look at.

Owns: drawing the sample in one pass, and writing it as a review queue. Refuses: what the answers come to;
that is `discard_judging`.
"""

import logging
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from blanktrap.core.audits.discard_pile import COLUMNS, DiscardPile, DrawnPile
from blanktrap.core.config import AuditDrawConfig
from blanktrap.core.errors import EvaluationError, UsageError
from blanktrap.core.evaluation.cutoff_choice import ChosenCutoff
from blanktrap.core.model_card import recommended_cutoff
from blanktrap.core.vocabulary import QueueKind
from blanktrap.core.wording import count, cutoff_text, percent
from blanktrap.files.review_queues import RECORD, check_queue_output, write_review_queue
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage, join

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class AuditSample:
    """A sample of a discard pile, as it was written."""

    location: str
    cutoff: ChosenCutoff
    seed: int
    num_wanted: int
    pile: DiscardPile
    drawn: DrawnPile

    def lines(self) -> list[str]:
        """What was drawn, and what to do next."""
        pile, drawn = self.pile, self.drawn
        num_failed = pile.num_media - pile.num_scored
        labelled = f", {pile.num_labelled:,} of them labelled before" if pile.num_labelled else ""
        is_all = drawn.rows.num_rows == drawn.num_media
        how = "the whole pile" if is_all else f"at random, by stratum (seed {self.seed})"
        return [
            f"{'discard pile':<22}{drawn.num_media:,} of {pile.num_scored:,} scored media lie below the "
            f"cutoff {cutoff_text(self.cutoff.value)} ({self.cutoff.chosen_by}){labelled}",
            f"{'not scored':<22}{num_failed:,} media: kept for people, not in the pile",
            f"{'to look at':<22}{drawn.rows.num_rows:,} media: {how}",
            "",
            f"{'p_nonblank, light':<30}{'in the pile':>14}{'drawn':>10}{'drawn share':>14}",
            *(
                f"{stratum.name:<30}{count(stratum.num_media):>14}{count(stratum.num_drawn):>10}"
                f"{percent(stratum.num_drawn / stratum.num_media):>14}"
                for stratum in drawn.strata
            ),
            "",
            f"{'review queue':<22}{self.location}",
            f"{'next':<22}look at the media in the order of {self.location}/queue.csv, fill in the column "
            f"label (blank, nonblank or unsure), then",
            f"{'':<22}blanktrap audit-discard {self.location} --answers FILLED_IN.csv",
        ]


def draw_audit_sample(
    scores_location: str, out: str, *, config: AuditDrawConfig, storage: Storage, overwrite: bool = False
) -> AuditSample:
    """Draw media from the discard pile, and write them as a review queue.

    Args:
        scores_location: the scores dataset, local or S3.
        out: the queue's folder, local or S3.
        config: cutoff, number of images, seed.
        storage: the door to the bytes.
        overwrite: replace a queue at `out`.

    Raises:
        ReviewError: `out` must not be written to.
        ScoresError: the scores are missing, incomplete or damaged.
        EvaluationError: no cutoff is known, nothing lies below it, or fewer images are asked for than there
            are strata.
        UsageError: `scores_location` is a queue.
        SourceError: something cannot be read or written.
    """
    if storage.exists(join(scores_location, RECORD)):
        raise UsageError(
            f"{scores_location} is a review queue: pass --answers to judge what people answered, or give "
            f"scores to draw from"
        )
    check_queue_output(storage, out, overwrite=overwrite)
    scores = open_scores(storage, scores_location, allow_incomplete=config.allow_incomplete)
    cutoff = _cutoff_of(config, scores.run)
    pile = DiscardPile(
        cutoff=cutoff.value, num_images=config.num_images, seed=config.seed, where=scores_location
    )
    for table in scores.iter_columns(storage, COLUMNS):
        pile.add(table)
    drawn = pile.draw()
    if drawn is None:
        raise EvaluationError(
            f"none of the {pile.num_scored:,} scored media in {scores_location} lies below the cutoff "
            f"{cutoff_text(cutoff.value)}: nothing would be thrown away, so there is nothing to audit"
        )
    identity = scores.run["identity"]
    details: dict[str, Any] = {
        "cutoff": cutoff.value,
        "cutoff_from": cutoff.chosen_by,
        "seed": config.seed,
        "num_media": drawn.num_media,
        "num_scored": pile.num_scored,
        "num_not_scored": pile.num_media - pile.num_scored,
        "num_labelled": pile.num_labelled,
        "is_complete": scores.is_complete,
        "strata": drawn.details(),
        "manifest_digest": identity["manifest_digest"],
        "model_id": identity["model_id"],
    }
    write_review_queue(
        storage,
        out,
        _queue_of(drawn, cutoff.value),
        kind=QueueKind.DISCARD_AUDIT,
        made_from=scores_location,
        details=details,
        overwrite=overwrite,
    )
    logger.info("drew %s of %s media", f"{drawn.rows.num_rows:,}", f"{drawn.num_media:,}")
    return AuditSample(
        location=out.rstrip("/"),
        cutoff=cutoff,
        seed=config.seed,
        num_wanted=config.num_images,
        pile=pile,
        drawn=drawn,
    )


def _cutoff_of(config: AuditDrawConfig, run: dict[str, Any]) -> ChosenCutoff:
    if config.cutoff is not None:
        return ChosenCutoff(value=config.cutoff, chosen_by="set by --cutoff")
    recommended = recommended_cutoff(run)
    if recommended is None:
        raise EvaluationError(
            "the model card recommends no cutoff in [0, 1]: say with --cutoff what is thrown away"
        )
    return ChosenCutoff(value=recommended, chosen_by="recommended by the model card")


def _queue_of(drawn: DrawnPile, cutoff: float) -> pa.Table:
    rows = drawn.rows
    columns = {
        name: rows.column(name) for name in ("media_id", "uri", "location_id", "sequence_id", "timestamp")
    }
    return pa.table(
        {
            **columns,
            "given_label": rows.column("label"),
            "given_species": rows.column("species"),
            "p_nonblank": rows.column("p_nonblank"),
            "reason": pa.array([f"below the cutoff {cutoff_text(cutoff)}"] * rows.num_rows, pa.string()),
            "stratum": pa.array(drawn.names.tolist(), pa.string()),
        }
    )
