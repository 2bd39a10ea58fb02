"""One person's way through a review queue.

Owns: which media comes next, going back, undoing, and handing each decision to the log before it counts.
Refuses: drawing anything, and what answers come to.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from blanktrap.core.audits.review import Answer
from blanktrap.core.vocabulary import Circumstance, Label, Position
from blanktrap.files.decision_logs import DecisionLog


@dataclass(kw_only=True)
class Tags:
    """What is marked of the media that is looked at, before it is decided."""

    species: str | None = None
    position: Position | None = None
    circumstances: frozenset[Circumstance] = frozenset()


class Sitting:
    """A queue, a person, and where they are in it."""

    def __init__(self, rows: Sequence[dict[str, Any]], log: DecisionLog, before: Sequence[Answer]) -> None:
        """Begin where this person stopped.

        Args:
            rows: the queue's, in the order in which to look.
            log: of this person.
            before: what anybody decided before, withdrawn answers included.
        """
        self.rows, self.log = rows, log
        self._places = {str(row["media_id"]): place for place, row in enumerate(rows)}
        self.mine: dict[str, Answer] = {}
        """What this person says of each media, last."""
        for one in sorted(before, key=lambda one: str(one.labelled_at)):
            if one.labelled_by == log.person and one.media_id in self._places:
                self._note(one)
        self._done: list[tuple[str, Answer | None]] = []
        self.place = 0
        """Of the media that is looked at; as many as there are when all were decided."""
        self.tags = Tags()
        self._others: frozenset[str] | None = None
        self._go_to_next(start=0)

    @property
    def person(self) -> str:
        """Who looks."""
        return self.log.person

    @property
    def row(self) -> dict[str, Any] | None:
        """The media that is looked at; None when all were decided."""
        return self.rows[self.place] if self.place < len(self.rows) else None

    @property
    def can_undo(self) -> bool:
        """Whether something was decided in this sitting."""
        return bool(self._done)

    def share_with(self, others: Iterable[str] | None) -> None:
        """Pass over what others have answered, from now on; None passes over nothing.

        Who begins to share goes to a place of their own, so that two people who begin together do not look at
        the same images in step.

        Args:
            others: media that somebody else has answered.
        """
        is_begun = self._others is None and others is not None
        self._others = None if others is None else frozenset(others)
        if is_begun:
            self._go_to_next(start=zlib.crc32(self.person.encode()) % max(len(self.rows), 1))

    def coming(self, num: int) -> list[dict[str, Any]]:
        """The media that come next."""
        return list(self.rows[self.place + 1 : self.place + 1 + num])

    def decide(self, label: Label | None) -> None:
        """Say what is seen, with the tags that are marked, and go to the next media; None is unsure.

        Raises:
            SourceError, ReviewError: it could not be kept; the person stays where they are.
        """
        if self.row is None:
            return
        media_id = str(self.row["media_id"])
        tags = self.tags
        is_animal = label is Label.NONBLANK
        said = self.log.decide(
            Answer(
                media_id=media_id,
                label=label,
                species=(tags.species,) if tags.species and is_animal else (),
                position=tags.position if label is not Label.BLANK else None,
                circumstances=tuple(sorted(tags.circumstances)),
            )
        )
        self._done.append((media_id, self.mine.get(media_id)))
        self._note(said)
        self._go_to_next(start=self.place + 1)

    def undo(self) -> None:
        """Take back the latest decision of this sitting, and look at its media again.

        Raises:
            SourceError: it could not be kept; nothing is taken back.
        """
        if not self._done:
            return
        media_id, before = self._done[-1]
        if before is None:
            self._note(self.log.withdraw(media_id))
        else:
            self._note(self.log.decide(replace(before, labelled_by=None, labelled_at=None)))
        self._done.pop()
        self.go_to(self._places[media_id])

    def go(self, steps: int) -> None:
        """Look at a media before or behind, decided or not."""
        self.go_to(max(0, min(self.place + steps, len(self.rows))))

    def go_to(self, place: int) -> None:
        """Look at a media by its place, from 0; what was said of it is marked."""
        self.place = place
        said = self.mine.get(str(self.row["media_id"])) if self.row is not None else None
        self.tags = Tags()
        if said is not None:
            self.tags = Tags(
                species=said.species[0] if said.species else None,
                position=said.position,
                circumstances=frozenset(said.circumstances),
            )

    def _go_to_next(self, *, start: int) -> None:
        """The next media that this person has not decided, from a place on; then from the beginning."""
        num = len(self.rows)
        order = [*range(start, num), *range(0, min(start, num))]
        answered = self.mine.keys() | (self._others or ())
        self.go_to(next((at for at in order if str(self.rows[at]["media_id"]) not in answered), num))

    def _note(self, said: Answer) -> None:
        if said.is_withdrawn:
            self.mine.pop(said.media_id, None)
        else:
            self.mine[said.media_id] = said
