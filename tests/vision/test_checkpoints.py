"""Checkpoints come back as they were, and anything else is refused in one line."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from blanktrap.core.config import Preprocessing, TrainConfig
from blanktrap.core.errors import CheckpointError
from blanktrap.core.evaluation.model_facts import ModelFacts
from blanktrap.core.model_card import ModelCard, ValidationFigures, identify_model
from blanktrap.files.model_cards import read_card
from blanktrap.files.storage import Storage
from blanktrap.vision.checkpoints import first_network, load_network, refuse_existing, save_checkpoint

STORAGE = Storage()
FIGURES = ValidationFigures(
    num_media=9,
    num_nonblank=4,
    num_locations=2,
    average_precision=0.8,
    area_under_roc=0.8,
    nonblank_recall=1.0,
    blank_recall=0.5,
    nonblank_precision=0.6,
)


def save(location: str, network: nn.Module) -> ModelCard:
    return save_checkpoint(
        STORAGE,
        location,
        network,
        config=TrainConfig(preprocessing=Preprocessing(width_px=64, height_px=48, banner_bottom=0.1)),
        manifest_digest="sha256:abc",
        training_locations=("A", "B"),
        label_counts={"train/blank": 5, "train/nonblank": 4},
        facts=ModelFacts(metrics=FIGURES, recommended_cutoff=0.3),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, taught_network: nn.Module) -> Path:
    location = tmp_path_factory.mktemp("saved") / "model"
    save(str(location), taught_network)
    return location


@pytest.fixture
def folder(tmp_path: Path, saved: Path) -> Path:
    """A checkpoint that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def refused(location: Path | str, read: Callable[..., object] = load_network) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(STORAGE, str(location))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, **changes}))


def replace_weights(folder: Path, state: dict[str, torch.Tensor]) -> None:
    """Replace the weights and let the card vouch for them."""

    data = safetensors.torch.save(state)
    (folder / "model.safetensors").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    preprocessing = read_card(STORAGE, str(folder)).preprocessing
    edit(folder, weights_sha256=digest, model_id=identify_model(digest, preprocessing))


def test_a_checkpoint_comes_back_as_it_was(folder: Path, taught_network: nn.Module) -> None:
    network, card = load_network(STORAGE, str(folder))
    assert card.preprocessing.banner_bottom == 0.1
    assert not network.training
    for name, value in taught_network.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def test_the_same_weights_have_the_same_name(tmp_path: Path, taught_network: nn.Module) -> None:
    cards = [save(str(tmp_path / name), taught_network) for name in ("one", "two")]
    assert cards[0].model_id == cards[1].model_id


@pytest.mark.s3
def test_a_checkpoint_lives_on_s3_too(s3_bucket: str, taught_network: nn.Module) -> None:
    location = f"s3://{s3_bucket}/models/one"
    card = save(location, taught_network)
    network, loaded = load_network(STORAGE, location)
    assert loaded == card
    assert torch.equal(network.state_dict()["fc.weight"], taught_network.state_dict()["fc.weight"])
    assert "no model at" in refused(f"s3://{s3_bucket}/models/two")


def test_the_card_is_written_last(
    tmp_path: Path, taught_network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    real = Storage.write_bytes

    def write(storage: Storage, uri: str, data: bytes) -> None:
        written.append(uri.rpartition("/")[2])
        real(storage, uri, data)

    monkeypatch.setattr(Storage, "write_bytes", write)
    save(str(tmp_path / "model"), taught_network)
    assert written == ["model.safetensors", "model.json"]


def test_nothing_is_overwritten(folder: Path) -> None:
    assert "already holds a model" in refused(folder, refuse_existing)
    (folder / "model.json").unlink()
    assert "already holds a model" in refused(folder, refuse_existing)
    refuse_existing(STORAGE, str(folder.parent))


def test_absent_folders_and_files_are_named(folder: Path, tmp_path: Path) -> None:
    assert "there is no model at" in refused(tmp_path / "nowhere")
    assert "is a file" in refused(folder / "model.safetensors")
    (folder / "model.safetensors").rename(tmp_path / "weights")
    assert "no model.safetensors" in refused(folder)
    (tmp_path / "weights").rename(folder / "model.safetensors")
    (folder / "model.json").unlink()
    assert "no model.json" in refused(folder)


@pytest.mark.parametrize("name", ["model.pt", "weights.pth", "last.ckpt", "pytorch_model.bin"])
def test_no_pickle_is_ever_loaded(tmp_path: Path, name: str) -> None:
    torch.save({"state": torch.zeros(1)}, tmp_path / name)
    assert "no pickle is ever loaded" in refused(tmp_path / name)
    assert "no pickle is ever loaded" in refused(tmp_path)


def test_a_pickle_under_our_name_is_refused(folder: Path) -> None:
    torch.save({"state": torch.zeros(1)}, folder / "model.safetensors")
    assert "not the file its card describes" in refused(folder)


def test_another_schema_version_is_refused(folder: Path) -> None:
    for version in (0, 3, "2", None, True, [2] * 1000):
        edit(folder, schema_version=version)
        message = refused(folder)
        assert "this blanktrap reads 1 to 2" in message
        assert len(message) < 300


def test_another_architecture_is_refused(folder: Path) -> None:
    edit(folder, architecture="resnet50")
    assert "architecture resnet50" in refused(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": 1, "architecture": "resnet34"}'])
def test_a_damaged_card_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    assert "model.json" in refused(folder)


def test_an_edited_preprocessing_is_refused(folder: Path) -> None:
    card = json.loads((folder / "model.json").read_text())
    edit(folder, preprocessing={**card["preprocessing"], "banner_bottom": 0.0})
    assert "does not belong to its weights" in refused(folder)


def test_damaged_weights_are_refused(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    assert "not the file its card describes" in refused(folder)


def test_weights_that_do_not_fit_are_refused(folder: Path, taught_network: nn.Module) -> None:
    state = taught_network.state_dict()
    replace_weights(folder, {**state, "fc.weight": torch.zeros(2, 512)})
    assert "fc.weight is torch.float32 (2, 512)" in refused(folder)
    replace_weights(folder, {name: value for name, value in state.items() if name != "fc.bias"})
    assert "fc.bias is missing" in refused(folder)
    replace_weights(folder, {**state, "fc.bias": torch.tensor([float("nan")])})
    assert "no finite numbers" in refused(folder)


def test_training_may_begin_with_a_checkpoint(folder: Path, taught_network: nn.Module) -> None:
    network = first_network(STORAGE, str(folder))
    assert network.training
    assert torch.equal(network.state_dict()["fc.weight"], taught_network.state_dict()["fc.weight"])
