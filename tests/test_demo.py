"""The whole main job on a small drawn archive."""

from pathlib import Path

import pytest

from blanktrap.core.config import ArchiveConfig
from blanktrap.core.errors import UsageError
from blanktrap.demo import RESULTS, run_demo
from blanktrap.files.reports import read_report
from blanktrap.files.storage import Storage

SMALL = ArchiveConfig(num_images=90, num_locations=6, num_corrupt=2, width_px=160, height_px=120)


@pytest.mark.ray
def test_demo_draws_learns_scores_and_measures(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    shown: list[str] = []
    printed = list(run_demo(out, SMALL, num_epochs=1, show=shown.append))
    assert all((out / name).is_dir() for name in ("archive", *RESULTS))
    assert "draws its own images: its figures say nothing about real animals" in printed[0]
    assert printed[-1].strip() == f"blanktrap dashboard {out}/report"
    assert any("scored 88 of 90 media, 2 unreadable" in line for line in printed)
    report = read_report(Storage(), str(out / "report"))
    assert report.measured_on.num_locations >= 1
    assert not report.warnings
    assert any(text.startswith("drew 90/90") for text in shown)
    assert any(text.startswith("epoch 1/1") for text in shown)

    again = list(run_demo(out, SMALL, num_epochs=1, show=shown.append))
    assert any("it stood there already" in line for line in again)


def test_folder_that_no_demo_wrote_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="is not empty and no demo wrote it"):
        next(run_demo(tmp_path, SMALL, num_epochs=1, show=print))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
