"""Every labelled media is scored once, by a model that has not seen its location."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from blanktrap.core.config import EvaluateConfig, Preprocessing, TrainConfig
from blanktrap.core.errors import BlanktrapError, LossError
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.manifest import Manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage
from blanktrap.vision import cross_validation
from blanktrap.vision.cross_validation import FoldsSummary, cross_validate
from blanktrap.vision.scorer import Scorer
from blanktrap.vision.training import cached_feed
from blanktrap.vision.training.loop import TrainingLoop
from blanktrap.vision.training.running import InThisProcess

STORAGE = Storage()
CONFIG = TrainConfig(
    weights="none",
    num_epochs=1,
    num_folds=3,
    batch_size=8,
    val_share=0.4,
    preprocessing=Preprocessing(width_px=40, height_px=32),
)
Archive = Callable[..., Manifest]


def run(manifest: Manifest, out: Path, **changes: Any) -> FoldsSummary:
    with InThisProcess(STORAGE) as launcher:
        return cross_validate(manifest, str(out), CONFIG.model_copy(update=changes), STORAGE, launcher)


def rows_of(out: Path) -> list[dict[str, Any]]:
    scores = open_scores(STORAGE, str(out / "out-of-fold"))
    return pa.concat_tables(scores.iter_tables(STORAGE)).to_pylist()


def refused(manifest: Manifest, out: Path, **changes: Any) -> str:
    with pytest.raises(BlanktrapError) as caught:
        run(manifest, out, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def place_of(number: int, num_locations: int = 6) -> str:
    return f"place-{number // 2 % num_locations}"


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, draw_labelled: Archive
) -> tuple[Manifest, Path, FoldsSummary, list[str]]:
    """A finished cross-validation: its manifest, its folder, what it said and the progress it showed."""
    folder = tmp_path_factory.mktemp("folds")
    labels = [None if number == 7 else ("nonblank", "blank")[number % 2] for number in range(48)]
    manifest = draw_labelled(folder, 48, 6, label=labels, split=["train"] * 40 + ["test"] * 8)
    (folder / "image-5.png").write_bytes(b"no image")
    shown: list[str] = []
    with InThisProcess(STORAGE) as launcher:
        summary = cross_validate(
            manifest, str(folder / "out"), CONFIG, STORAGE, launcher, on_progress=shown.append
        )
    return manifest, folder / "out", summary, shown


Finished = tuple[Manifest, Path, FoldsSummary, list[str]]


def test_each_labelled_media_is_scored_once_by_a_model_that_has_not_seen_its_location(
    finished: Finished,
) -> None:
    _, out, summary, _ = finished
    rows = rows_of(out)
    assert [row["media_id"] for row in rows] == [f"image-{n}.png" for n in range(48) if n != 7]
    assert {row["split"] for row in rows} == {None}
    assert {row["fold"] for row in rows} == {0, 1, 2}
    cards = [read_card(STORAGE, str(out / f"fold-{fold}")) for fold in range(3)]
    scorers = [Scorer.load(STORAGE, str(out / f"fold-{fold}")) for fold in range(3)]
    for row in rows:
        card = cards[row["fold"]]
        assert row["location_id"] not in {*card.training_locations, *card.validation_locations}
        assert row["model_id"] == card.model_id
        # Exactly what scoring gives.
        [scored] = scorers[row["fold"]].score_encoded([Path(row["uri"]).read_bytes()])
        assert (row["status"], row["p_nonblank"]) == (scored.status, scored.p_nonblank)
        assert (row["error"] is None) == (row["p_nonblank"] is not None)
    assert [row["media_id"] for row in rows if row["status"] != "ok"] == ["image-5.png"]
    record = json.loads((out / "out-of-fold" / "run.json").read_text())
    assert record["counts"]["ok"] == 46
    assert record["model"]["training_locations"] == []
    assert record["folds"][1]["training_locations"] == list(cards[1].training_locations)
    said = "\n".join(summary.lines())
    assert "3 folds: 46 of 47 labelled media of 6 locations" in said
    assert "not scored: 1 unreadable" in said
    assert "the manifest's splits are not used" in said


def test_what_is_held_out_can_be_evaluated(finished: Finished, tmp_path: Path) -> None:
    _, out, summary, _ = finished
    report = evaluate_scores(
        str(out / "out-of-fold"), str(tmp_path / "report"), config=EvaluateConfig(), storage=STORAGE
    )
    assert report.measured_on.num_media == 46
    assert not any("seen" in warning for warning in report.warnings)
    total = summary.measured.figures[-1]
    assert report.figures["area_under_roc"].value == pytest.approx(total.area_under_roc)
    assert [figure.fold for figure in summary.measured.figures] == [0, 1, 2, None]
    assert sum(figure.num_media for figure in summary.measured.figures[:-1]) == total.num_media


def test_progress_names_the_fold(finished: Finished) -> None:
    shown = finished[-1]
    assert shown[0].startswith("fold 0 (1 of 3): epoch 1/1, trained ")
    assert any(text.startswith("fold 2 (3 of 3): epoch 1/1, trained ") for text in shown)
    assert any(text.startswith("fold 2 (3 of 3): scored ") for text in shown)
    assert not any("\n" in text for text in shown)


def test_folds_of_another_manifest_or_recipe_are_left_alone(finished: Finished, archive: Archive) -> None:
    manifest, out, _, _ = finished
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert "holds folds trained with folds 3, now it is 2" in refused(manifest, out, num_folds=2)
    assert "trained with learning-rate 0.001, now it is 0.002" in refused(manifest, out, learning_rate=0.002)
    assert "holds folds of another manifest" in refused(archive(48, 6), out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


def test_model_put_into_the_place_of_a_fold_is_refused(finished: Finished) -> None:
    manifest, out, _, _ = finished
    card = out / "fold-0" / "model.json"
    before = card.read_bytes()
    card.write_bytes((out / "fold-1" / "model.json").read_bytes())
    assert "fold-0 is not the model of this fold" in refused(manifest, out)
    card.write_bytes(before)


def test_scores_of_other_models_are_refused(finished: Finished) -> None:
    manifest, out, _, _ = finished
    record = out / "out-of-fold" / "run.json"
    before = record.read_text()
    identity = json.loads(before)["identity"]["model_id"]
    record.write_text(before.replace(identity, "folds-0"))
    assert "belongs to another model" in refused(manifest, out)
    record.write_text(before)


def test_weights_that_have_seen_a_location_are_no_beginning(finished: Finished, tmp_path: Path) -> None:
    manifest, out, _, _ = finished
    said = refused(manifest, tmp_path / "two", weights=str(out / "fold-0"))
    assert "has already seen" in said
    assert "--weights imagenet or none" in said
    assert not (tmp_path / "two").exists()


def test_folds_that_are_there_are_not_trained_again(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, out = archive(48, 6), tmp_path / "out"
    trained: list[str] = []
    real = cross_validation.train_media

    def stop_at_third(media: Any, place: str, *rest: Any, **named: Any) -> Any:
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(place)
        return real(media, place, *rest, **named)

    monkeypatch.setattr(cross_validation, "train_media", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        run(manifest, out)
    # Killed between the weights and the card of a fold.
    (out / "fold-2").mkdir()
    (out / "fold-2" / "model.safetensors").write_bytes(b"cut off")
    before = (out / "fold-1" / "model.safetensors").read_bytes()
    trained[:] = trained[:1]
    run(manifest, out)
    assert trained == [str(out / "fold-0"), str(out / "fold-2")]
    assert (out / "fold-1" / "model.safetensors").read_bytes() == before
    assert len(rows_of(out)) == 48
    # All of it stands: no launcher is asked for anything, and the same figures are told again.
    again = cross_validate(manifest, str(out), CONFIG, STORAGE, None)  # type: ignore[arg-type]
    assert again.measured.figures[-1].num_media == 48


def test_media_are_decoded_once_for_all_folds_and_their_scores(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = cached_feed.load_image

    def count(uri: str, *rest: Any, **named: Any) -> Any:
        asked.append(uri)
        return real(uri, *rest, **named)

    monkeypatch.setattr(cached_feed, "load_image", count)
    run(archive(48, 6), tmp_path / "out")
    assert len(asked) == len(set(asked)) == 48
    assert not (tmp_path / "out.unfinished").exists()


def test_fold_whose_loss_is_no_number_is_no_silent_end(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, real = archive(48, 6), TrainingLoop._train_epoch

    def poisoned(loop: TrainingLoop, epoch: int) -> float:
        if epoch == 2:
            raise LossError("the loss is nan")
        return real(loop, epoch)

    monkeypatch.setattr(TrainingLoop, "_train_epoch", poisoned)
    out = tmp_path / "out"
    said = refused(manifest, out, num_epochs=2)
    assert said.startswith("fold 0: the loss is nan; the best epoch before it, 1 of 1, is kept in ")
    assert said.endswith(f"; remove {out}/fold-0 to train it again, or go on with it")


def test_folder_with_something_else_is_refused(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    said = refused(archive(48, 6), tmp_path / "out")
    assert "is not empty (it has notes.txt) and holds no folds" in said
    assert "is a file" in refused(archive(48, 6), tmp_path / "out" / "notes.txt")


def test_more_folds_than_locations_are_refused_before_anything_is_written(
    archive: Archive, tmp_path: Path
) -> None:
    said = refused(archive(48, 6), tmp_path / "out", num_folds=7)
    assert "--folds 7: the labelled media come from 6 location(s), 7 or more are needed" in said
    said = refused(archive(48, 2), tmp_path / "out", num_folds=2)
    assert "come from 2 location(s), 3 or more are needed" in said
    assert not (tmp_path / "out").exists()


def test_label_missing_beside_a_fold_is_refused_by_its_name(archive: Archive, tmp_path: Path) -> None:
    # Blank media at one location only: whichever fold holds it out has none to learn from.
    labels = ["blank" if place_of(number) == "place-0" else "nonblank" for number in range(48)]
    said = refused(archive(48, 6, label=labels), tmp_path / "out")
    assert said.startswith("fold ")
    assert "no blank media in `" in said
    assert not (tmp_path / "out").exists()


def test_fold_that_has_nothing_to_learn_from_is_refused_by_its_name(archive: Archive, tmp_path: Path) -> None:
    levels = ["media" if place_of(number) in ("place-0", "place-1") else "sequence" for number in range(48)]
    said = refused(archive(48, 6, label_level=levels), tmp_path / "out", frames="only-media-level")
    assert said.startswith("fold ")
    assert "no blank media in `" in said


def test_all_frames_are_scored_whatever_is_learned_from_and_media_without_location_are_told(
    archive: Archive, tmp_path: Path
) -> None:
    # Numbers 24 apart are of one place and label: 0 and 24, 1 and 25, … form sequences.
    sequences = [f"s{number % 24}" for number in range(48)]
    places = [None if number % 24 < 2 else place_of(number) for number in range(48)]
    frames = [number // 24 for number in range(48)]
    manifest = archive(48, 6, location_id=places, sequence_id=sequences, frame_num=frames)
    said = "\n".join(run(manifest, tmp_path / "out", frames="first", batch_size=4, num_folds=2).lines())
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 48
    card = read_card(STORAGE, str(tmp_path / "out" / "fold-0"))
    assert sum(card.label_counts.values()) == sum(row["fold"] == 1 for row in rows) / 2
    assert "--frames first left out 24 of the 48 labelled media" in said
    assert "4 scored media have no location: they are held out by sequence" in said
    fold_of = {row["media_id"]: row["fold"] for row in rows}
    assert fold_of["image-0.png"] == fold_of["image-24.png"]
