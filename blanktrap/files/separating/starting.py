"""How a separation begins: what decides its outcome, what names its place allows, and its plan.

Owns: that nothing is touched before the plan is whole, and that what is refused leaves nothing behind.
Refuses: placing media; that is `run`.
"""

import os
from typing import Any

from blanktrap.core.config import SeparateConfig
from blanktrap.core.decisions import DecisionRule, choose_rule
from blanktrap.core.errors import SourceError, UsageError
from blanktrap.core.separated_names import MAX_KEY_BYTES, NameRule
from blanktrap.core.vocabulary import Decision
from blanktrap.files.decided_scores import decide_scores
from blanktrap.files.s3 import is_s3, shown, split_s3
from blanktrap.files.scores_reader import Scores, open_scores
from blanktrap.files.separating.history import History
from blanktrap.files.separating.journal import FOLDER, Journal, Record
from blanktrap.files.separating.placing import GONE
from blanktrap.files.separating.plan import PlanCounts, iter_batches, plan_media, write_plan
from blanktrap.files.separating.undo import remove_root
from blanktrap.files.separating.ways import open_placer, outside_archive, refuse_impossible
from blanktrap.files.storage import Storage, local_path

BATCH_SIZE = 1024
NUM_PROBED = 5

_MAX_PATH_BYTES = 4095
_SIDECAR_BYTES = len(".xmp")


def open_decided(location: str, config: SeparateConfig, storage: Storage) -> tuple[Scores, DecisionRule]:
    """The scores and what decides on them. Raises ScoresError, CutoffError."""
    scores = open_scores(storage, location, allow_incomplete=config.allow_incomplete)
    return scores, choose_rule(config, scores.run)


def identity_of(scores: Scores, rule: DecisionRule, config: SeparateConfig) -> dict[str, Any]:
    """What decides the outcome: two runs may share a `--to` only if these agree."""
    run = scores.run["identity"]
    return {
        "mode": config.mode,
        "cutoff": rule.cutoff,
        "review_below": rule.review_below,
        "keep_sequences": config.keep_sequences,
        "only": [decision.value for decision in Decision if decision in config.only],
        "link": config.link,
        "xmp": config.xmp,
        "tag_key": config.tag_key,
        "model_id": run["model_id"],
        "manifest_digest": run["manifest_digest"],
        "num_parts": len(scores.parts),
    }


def names_allowed(to: str, config: SeparateConfig) -> NameRule:
    """What names there may be below `--to`."""
    if is_s3(to):
        room = MAX_KEY_BYTES - len(split_s3(to)[1].encode()) - len("unreadable//")
        return NameRule(is_s3=True, max_part_bytes=MAX_KEY_BYTES, max_bytes=room)
    root = local_path(to).absolute()
    there = next(folder for folder in (root, *root.parents) if folder.is_dir())
    name_max = os.pathconf(there, "PC_NAME_MAX")
    room = _MAX_PATH_BYTES - len(os.fsencode(root)) - len("/unreadable//")
    probe = there / FOLDER if (there / FOLDER).is_dir() else there
    return NameRule(
        is_s3=False,
        max_part_bytes=name_max - (_SIDECAR_BYTES if config.xmp else 0),
        max_bytes=room,
        ignores_case=probe.name != probe.name.swapcase() and probe.with_name(probe.name.swapcase()).exists(),
    )


def write_first(
    journal: Journal,
    history: History,
    scores: Scores,
    rule: DecisionRule,
    config: SeparateConfig,
    storage: Storage,
) -> None:
    """Write the plan and its record; what is refused takes the journal with it.

    Raises:
        UsageError: this way does not go from the originals to `--to`, or that is inside the archive.
        SourceError: the archive was moved.
    """
    assert history.start is not None
    names = NameRule(**history.start["names"])
    try:
        with (
            decide_scores(scores, storage, rule, keep_sequences=config.keep_sequences) as decided,
            plan_media(decided, config, names) as (rows, counts),
        ):
            num_parts = write_plan(journal, outside_archive(rows, journal.to, config))
        refuse_impossible(config, journal.to, counts)
        _probe(journal, counts, config, storage)
    except (UsageError, SourceError):
        journal.remove()
        remove_root(journal.to, history)
        raise
    planned: Record = {
        "kind": "planned",
        "num_media": counts.num_media,
        "num_parts": num_parts,
        **counts.record(),
    }
    journal.append(planned)
    history.read(planned)


def _probe(journal: Journal, counts: PlanCounts, config: SeparateConfig, storage: Storage) -> None:
    """Refuse an archive of which no original is there any more: it was moved, not deleted one by one."""
    judged = []
    if counts.num_media:
        [(_, rows)] = iter_batches(journal, min(counts.num_media, BATCH_SIZE), BATCH_SIZE)
        judged = [media for media in rows if media.decision is not Decision.UNREADABLE]
    if config.mode == "manifest":
        return  # lists say nothing of what is there
    probed = judged[:: max(1, len(judged) // NUM_PROBED)][:NUM_PROBED]
    if len(probed) < NUM_PROBED:
        return
    with open_placer(config, journal.to, storage) as placer:
        if all(reason == GONE for reason in placer.look(probed)):
            raise SourceError(
                f"none of {NUM_PROBED} originals is there, such as {shown(probed[0].uri)}: the archive was "
                "moved; index and score it where it is now"
            )
