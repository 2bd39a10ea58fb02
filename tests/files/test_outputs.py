"""A folder is told by the file that finishes it."""

import pytest

from blanktrap.core.errors import UsageError
from blanktrap.files.outputs import OutputKind, recognise_output
from blanktrap.files.storage import Storage


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["report.json", "curve.parquet"], OutputKind.REPORT),
        (["run.json", "part-00000000.parquet"], OutputKind.SCORES),
        (["model.json", "training.parquet"], OutputKind.CHECKPOINT),
        (["training.parquet"], OutputKind.CHECKPOINT),
        (["folds.json"], OutputKind.FOLDS),
        (["queue.json", "audit.json"], OutputKind.QUEUE),
        (["explain.json", "heatmaps.parquet"], OutputKind.HEATMAPS),
    ],
)
def test_every_output_is_recognised(tmp_path, names, kind) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert recognise_output(Storage(), str(tmp_path)) is kind


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("_manifest.json", "blanktrap score"),
        ("IMG_0001.JPG", "a report, scores, a model, folds, a review queue or heatmaps"),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(tmp_path, name, told) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match=told):
        recognise_output(Storage(), str(tmp_path))


def test_a_file_is_refused(tmp_path) -> None:
    (tmp_path / "report.json").touch()
    with pytest.raises(UsageError, match="is a file"):
        recognise_output(Storage(), str(tmp_path / "report.json"))


def test_what_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="not there"):
        recognise_output(Storage(), str(tmp_path / "none"))
