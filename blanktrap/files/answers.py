"""What people answered to a review queue, read from files.

Owns: finding the files, and settling all of them together. Refuses: the rows of one file (`corrections`),
what an answer means and what several come to (`core.audits.review`).
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from blanktrap.core.audits.review import SettledAnswers, settle_answers
from blanktrap.core.errors import AnnotationError
from blanktrap.files.annotations.corrections import NEEDED_COLUMNS, answers_of, is_answer_file
from blanktrap.files.annotations.formats import BadRowError
from blanktrap.files.annotations.opening import OpenedAnnotations
from blanktrap.files.storage import Storage


def read_answers(storage: Storage, locations: Sequence[str]) -> SettledAnswers:
    """Read files of answers and settle them: all of them together, so that their order does not matter.

    Args:
        storage: the door to the bytes.
        locations: CSV or Parquet files, or folders of them, local or on S3; such as a queue's own sheet,
            filled in.

    A file that is named needs no more than the columns media_id and label: who gave an answer may be unsaid.

    Raises:
        AnnotationError: a file is no table of answers, or a row is no answer; the message names both.
        SourceError: one cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="blanktrap-answers-") as folder:
        files = OpenedAnnotations(storage, locations, Path(folder)).given
        for file in files:
            if not file.is_member and not is_answer_file(file, is_meant=True):
                raise AnnotationError(
                    f"{file.where} holds no answers: it needs the columns {', '.join(NEEDED_COLUMNS)}, not "
                    f"those of a manifest, and has {', '.join(file.columns) or 'none'}"
                )
        taken = [file for file in files if is_answer_file(file, is_meant=not file.is_member)]
        answers = [one for file in taken for _, one in answers_of(file, _refuse)]
    return settle_answers(answers)


def _refuse(where: str, place: str, problem: BadRowError) -> NoReturn:
    raise AnnotationError(f"{where}: {place} {problem}") from problem
