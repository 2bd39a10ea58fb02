"""Answers to a review queue, as corrections of what other annotations say.

Owns: the rows of a file of answers (a table, or a sitting of a review), and their rank: for a media that
people were asked about, their answer counts alone. Refuses: what an answer means and what several come to;
that is `core.audits.review`.
"""

from collections.abc import Iterator, Sequence

from blanktrap.core.audits.review import Answer, BadAnswerError, parse_answer, settle_answers
from blanktrap.core.vocabulary import LabelLevel
from blanktrap.files.annotations.formats import BadRowError, OnBadRow, ReadOptions
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.rows import table_rows
from blanktrap.files.annotations.staging import CORRECTION, AnnotationStage
from blanktrap.files.decision_logs import is_decision_log, iter_decisions

NEEDED_COLUMNS = ("media_id", "label")

# A manifest names media, labels and who gave them as well, and corrects nobody.
_OF_MANIFESTS = ("size_bytes", "split")


class Corrections:
    """Files of answers, all together: people who differ leave a label open, whatever file they wrote in."""

    name = "answers"
    key = "answers"

    def recognises(self, file: AnnotationFile) -> bool:
        return is_answer_file(file)

    def companions(self, file: AnnotationFile, others: Sequence[AnnotationFile]) -> list[AnnotationFile]:
        return [one for one in others if one.is_given and is_answer_file(one)]

    def read(self, files: Sequence[AnnotationFile], stage: AnnotationStage, options: ReadOptions) -> None:
        given: list[Answer] = []
        for file in files:
            for number, answer in answers_of(file, stage.bad_row):
                try:
                    stage.check_media(answer.media_id)
                except BadRowError as problem:
                    stage.bad_row(file.where, f"row {number}", problem)
                    continue
                given.append(answer)
        settled = settle_answers(given)
        for media_id, answer in settled.answers.items():
            stage.add_media(media_id, media_id)
            for species in answer.species or (None,):
                stage.add_labelled(
                    media_id,
                    answer.label,
                    LabelLevel.MEDIA,
                    species,
                    rank=CORRECTION,
                    labelled_by=answer.labelled_by,
                    labelled_at=answer.labelled_at,
                )
        for media_id in settled.differing:
            stage.problems.add("people differ on the label, left open", media_id)
        if settled.num_replaced:
            stage.problems.add_many("answers that the same person replaced later", settled.num_replaced)


def is_answer_file(file: AnnotationFile, *, is_meant: bool = False) -> bool:
    """Whether a file holds answers: a sitting of a review, or a table of media, label, and who gave it.

    A table that is meant as answers need not say who: nobody takes it for a table of labels.
    """
    if is_decision_log(file.head):
        return True
    needed = {*NEEDED_COLUMNS, *(() if is_meant else ("labelled_by",))}
    return needed <= set(file.columns) and not set(_OF_MANIFESTS) <= set(file.columns)


def answers_of(file: AnnotationFile, on_bad: OnBadRow) -> Iterator[tuple[int, Answer]]:
    """The answers of one file with their row numbers; rows that nobody filled in are passed over.

    Args:
        file: a table, or a sitting of a review, whose lines that a crash cut off are passed over.
        on_bad: told of each row that is no answer.

    Raises:
        AnnotationError: the file breaks off within a row.
        ReviewError: it is a sitting of another version.
    """
    if is_decision_log(file.head):
        said = iter_decisions(file.path.read_bytes(), file.where)
        yield from ((number, one) for number, one in enumerate(said, start=2) if one is not None)
        return
    for number, row in table_rows(file, on_bad):
        try:
            answer = parse_answer(row)
        except BadAnswerError as problem:
            on_bad(file.where, f"row {number}", BadRowError(str(problem)))
            continue
        if answer is not None:
            yield number, answer
