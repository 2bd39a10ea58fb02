"""The network's shape, its first weights, and folding."""

import copy
from urllib.error import URLError

import pytest
import torch
import torchvision
from torch import nn

from blanktrap.core.errors import CheckpointError
from blanktrap.vision.network import build_network, fold_batch_norm


def test_one_logit_an_image(taught_network: nn.Module) -> None:
    with torch.inference_mode():
        assert taught_network(torch.zeros(2, 3, 48, 64)).shape == (2, 1)


def test_folding_changes_no_logit_and_leaves_the_original_alone(taught_network: nn.Module) -> None:
    before = copy.deepcopy(taught_network.state_dict())
    images = torch.randn(4, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    folded = fold_batch_norm(taught_network)
    with torch.inference_mode():
        assert torch.allclose(torch.sigmoid(folded(images)), torch.sigmoid(taught_network(images)), atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert all(torch.equal(value, before[name]) for name, value in taught_network.state_dict().items())


def test_the_seed_decides_the_first_weights() -> None:
    def first(seed: int) -> torch.Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return build_network("none").state_dict()["conv1.weight"]

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_a_failed_download_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise URLError("no route\nto host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(CheckpointError, match="--weights none") as caught:
        build_network("imagenet")
    assert "\n" not in str(caught.value)


def test_downloaded_weights_are_hashed_and_never_unpickled_freely(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    donor = torchvision.models.resnet34(weights=None).state_dict()

    def answer(url: str, *args: object, **options: object) -> dict[str, torch.Tensor]:
        asked.update(options)
        return donor

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", answer)
    network = build_network("imagenet")
    assert asked["weights_only"] is True
    assert asked["check_hash"] is True
    assert torch.equal(network.state_dict()["conv1.weight"], donor["conv1.weight"])


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(CheckpointError, match="imagenet, none"):
        build_network("resnet50")
