"""What people answered to a review queue, read from files.

Owns: CSV and Parquet files of answers, together. Refuses: what an answer means and what several come to;
that is `core.review`.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from blanktrap.core.errors import AnnotationError
from blanktrap.core.review import (
    Answer,
    BadAnswerError,
    SettledAnswers,
    parse_answer,
    settle_answers,
)
from blanktrap.files.annotations.formats import BadRowError
from blanktrap.files.annotations.opening import AnnotationFile, OpenedAnnotations
from blanktrap.files.annotations.rows import OnBadRow, table_rows
from blanktrap.files.storage import Storage

_NEEDED = ("media_id", "label", "labelled_by")


def read_answers(storage: Storage, locations: Sequence[str]) -> SettledAnswers:
    """Read files of answers and settle them: all of them together, so that their order does not matter.

    Args:
        storage: the door to the bytes.
        locations: CSV or Parquet files, or folders of them, local or on S3; such as a queue's own sheet,
            filled in.

    Raises:
        AnnotationError: a file is no table of answers, or a row is no answer; the message names both.
        SourceError: one cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="blanktrap-answers-") as folder:
        files = OpenedAnnotations(storage, locations, Path(folder)).given
        for file in files:
            if not is_answer_file(file) and not file.is_member:
                raise AnnotationError(
                    f"{file.where} holds no answers: it needs the columns {', '.join(_NEEDED)}, and has "
                    f"{', '.join(file.columns) or 'none'}"
                )
        answers = [one for file in files if is_answer_file(file) for _, one in answers_of(file, _refuse)]
    return settle_answers(answers)


def is_answer_file(file: AnnotationFile) -> bool:
    """Whether a table holds answers: it names media, a label, and who gave it."""
    return set(_NEEDED) <= set(file.columns)


def answers_of(file: AnnotationFile, on_bad: OnBadRow) -> Iterator[tuple[int, Answer]]:
    """The answers of one file with their row numbers; rows that nobody filled in are passed over.

    Args:
        file: a table.
        on_bad: told of each row that is no answer.

    Raises:
        AnnotationError: the file breaks off within a row.
    """
    for number, row in table_rows(file, on_bad):
        try:
            answer = parse_answer(row)
        except BadAnswerError as problem:
            on_bad(file.where, f"row {number}", BadRowError(str(problem)))
            continue
        if answer is not None:
            yield number, answer


def _refuse(where: str, place: str, problem: BadRowError) -> NoReturn:
    raise AnnotationError(f"{where}: {place} {problem}") from problem
