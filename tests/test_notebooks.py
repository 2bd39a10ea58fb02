"""The public functions for Python, and that importing the package is light."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import blanktrap
from blanktrap.core.config import Preprocessing
from blanktrap.core.errors import EvaluationError, SourceError, UsageError
from blanktrap.core.schemas import MANIFEST_SCHEMA
from tests.engines.runs import save_random_model
from tests.files.written_scores import media, write_scores

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_jpeg: Callable[..., bytes]) -> Path:
    """A model, three photos of which one is broken, and scores with labels."""
    root = tmp_path_factory.mktemp("notebook")
    save_random_model(root / "model", preprocessing=Preprocessing(width_px=64, height_px=48))
    (root / "photos").mkdir()
    for number in range(2):
        (root / "photos" / f"{number}.jpg").write_bytes(make_jpeg(number))
    (root / "photos" / "broken.jpg").write_bytes(b"no image")
    (root / "photos" / "notes.txt").write_text("no image either")
    rows = [media(f"A/{n}.jpg", 0.1 * n, "nonblank" if n > 4 else "blank") for n in range(10)]
    write_scores(root / "scores", rows)
    (root / "manifest").mkdir()
    places = [{"media_id": name, "uri": f"photos/{name}", "location_id": "S1"} for name in ("0.jpg", "1.jpg")]
    pq.write_table(
        pa.Table.from_pylist(places, schema=MANIFEST_SCHEMA), root / "manifest" / "part-00000.parquet"
    )
    return root


def test_unreadable_and_missing_images_keep_a_row(folder: Path) -> None:
    paths = [folder / "photos" / name for name in ("1.jpg", "broken.jpg", "gone.jpg", "0.jpg")]
    model = blanktrap.load_model(folder / "model", device="cpu", precision="float32")
    table = blanktrap.score_images(paths, model, embeddings=True)
    assert table.column("uri").to_pylist() == [str(path) for path in paths]
    assert table.column("status").to_pylist() == ["ok", "unreadable", "missing", "ok"]
    for name in ("p_nonblank", "embedding", "width_px", "exposure"):
        assert table.column(name).is_valid().to_pylist() == [True, False, False, True]
    encoded = [paths[0].read_bytes(), paths[3].read_bytes()]
    expected = [one.p_nonblank for one in model.score_encoded(encoded)]
    np.testing.assert_allclose(table.column("p_nonblank").drop_null().to_numpy(), expected, atol=1e-5)
    whole = blanktrap.score_images(folder / "photos", model)
    assert [Path(uri).name for uri in whole.column("uri").to_pylist()] == ["0.jpg", "1.jpg", "broken.jpg"]
    assert blanktrap.score_images([], model).num_rows == 0
    (folder / "empty").mkdir()
    with pytest.raises(SourceError, match="there are no images in"):
        blanktrap.score_images(folder / "empty", model)


def test_figures_are_those_of_the_counts() -> None:
    labels = [True, True, True, False, False, None, False]
    scores = [0.9, 0.8, 0.2, 0.6, 0.1, 0.5, float("nan")]
    found = blanktrap.evaluate(scores, labels, cutoff=0.5)
    # Of three nonblank two are kept, of two scored blanks one is removed; two of the three kept are nonblank.
    assert found.figures["nonblank_recall"].value == pytest.approx(2 / 3)
    assert found.figures["blank_recall"].value == pytest.approx(1 / 2)
    assert found.figures["nonblank_precision"].value == pytest.approx(2 / 3)
    assert found.figures["nonblank_recall"].interval is None
    assert found.num_not_scored == 1
    table = pa.table({"p_nonblank": pa.array(scores, pa.float32(), from_pandas=True)})
    again = blanktrap.evaluate(table, np.array(labels, object), cutoff=0.5)
    assert again.figures == found.figures
    placed = blanktrap.evaluate(scores, labels, locations=list("ABABABA"), cutoff=0.5)
    low, high = placed.figures["nonblank_recall"].interval or (1.0, 0.0)
    assert low < 2 / 3 < high
    assert found.table().num_rows == len(found.figures)


def test_a_dataset_is_measured_at_the_cutoff_of_its_model(folder: Path) -> None:
    found = blanktrap.evaluate(folder / "scores")
    assert (found.cutoff, found.chosen_by) == (0.5, "recommended by the model card")
    assert found.figures["nonblank_recall"].value == 1.0
    assert found.figures["blank_recall"].value == 1.0


@pytest.mark.parametrize(
    ("scores", "labels", "error", "said"),
    [
        ([0.1, 0.2], ["blank"], EvaluationError, "2 scores, 1 labels"),
        ([0.1, 0.2], ["blank", "blank"], EvaluationError, "labels of both kinds"),
        (
            [0.1, 1.2],
            ["blank", "nonblank"],
            EvaluationError,
            "1 score outside .0, 1., such as 1.2: give prob",
        ),
        ([0.1, 0.2], ["blank", "deer"], EvaluationError, "label 'deer' is none"),
        ([0.1, 0.2], None, UsageError, "need a list of labels"),
        ("scores", ["blank"], UsageError, "has its own"),
    ],
)
def test_what_cannot_be_measured_is_one_line(scores, labels, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=said) as caught:
        blanktrap.evaluate(scores, labels)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, error)


def test_the_examples_of_the_page_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    compared = names["compared"]
    assert isinstance(compared, pa.Table)
    assert compared.column("status").to_pylist() == ["ok", "ok"]
    assert "4 labelled media at 2 locations (2 nonblank, 2 blank) 1.0" in capsys.readouterr().out


def test_importing_the_package_is_light() -> None:
    program = (
        "import sys; before = set(sys.modules); import blanktrap; "
        "print(len(set(sys.modules) - before)); "
        "heavy = 'torch', 'ray', 'streamlit', 'pandas', 'numpy', 'pyarrow'; "
        "print([m for m in heavy if m in sys.modules]); "
        "print([n for n in ('evaluate', 'load_model', 'score_images') if n in dir(blanktrap)])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, cwd=ROOT)
    num_modules, heavy, public = done.stdout.splitlines()
    assert int(num_modules) < 100
    assert heavy == "[]"
    assert public == "['evaluate', 'load_model', 'score_images']"
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        blanktrap.train  # noqa: B018


def test_measuring_from_python_loads_no_torch() -> None:
    program = (
        "import sys, blanktrap; blanktrap.evaluate([0.9, 0.1], [True, False]); "
        "print([m for m in ('torch', 'ray', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
