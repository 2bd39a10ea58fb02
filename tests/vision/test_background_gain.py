"""What the background is worth is said of the test media with labels, by the same model with and without."""

from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pytest

from blanktrap.core.config import Preprocessing
from blanktrap.files.storage import Storage
from blanktrap.vision import background_gain
from tests.engines.runs import save_random_model
from tests.vision.places import draw_places

STORAGE = Storage()


def test_it_compares_the_scores_with_those_of_the_media_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = draw_places(tmp_path / "archive", num_places=2, num_frames=6, labelled=5)
    rows = manifest.read_rows(STORAGE, 0, 12)
    table = pa.table(
        {
            "uri": rows.column("uri"),
            "status": ["ok"] * 11 + ["missing"],
            "p_nonblank": [0.9 if label == "nonblank" else 0.1 for label in rows.column("label").to_pylist()],
            "label": rows.column("label"),
            "split": pa.array(["test"] * 6 + ["train"] * 3 + [None] * 3, pa.string()),
        }
    )
    scores = Mock(iter_tables=lambda storage, columns: iter([table.select(columns)]))
    monkeypatch.setattr(background_gain, "open_scores", lambda storage, location: scores)
    preprocessing = Preprocessing(width_px=64, height_px=48, background="location")
    model = save_random_model(tmp_path / "model", preprocessing=preprocessing)
    [line] = background_gain.background_gain("scores", model, STORAGE)
    assert "on 5 test media, at 95.0 % nonblank recall: AUROC 1.000, 100.0 % of blanks removed; " in line
    assert "the same model shown each media alone: AUROC" in line
    table = table.set_column(3, "label", pa.array(["blank"] * 12))
    assert background_gain.background_gain("scores", model, STORAGE) == []
