"""Scores agree between precisions, layouts, batches and machines."""

import copy
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from blanktrap.core.config import DecodeLimits, Precision, Preprocessing
from blanktrap.core.errors import UsageError
from blanktrap.core.schemas import NUM_FEATURES
from blanktrap.core.statistics.calibration import TemperatureMap
from blanktrap.core.vocabulary import Status
from blanktrap.vision.scorer import PRECISION_TOLERANCE, Scorer, has_fast_bfloat16

SMALL = Preprocessing(width_px=64, height_px=48)


def _normalise(pixels: np.ndarray) -> torch.Tensor:
    images = (pixels / 255.0 - np.array(SMALL.mean)) / np.array(SMALL.std)
    return torch.from_numpy(images.transpose(0, 3, 1, 2)).float()


def plainly(network: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """The definition: normalise, run the unfolded float32 network, take the sigmoid."""
    with torch.inference_mode():
        return torch.sigmoid(network(_normalise(pixels))).squeeze(1).numpy()


def test_float32_scores_are_the_networks_own(taught_network: nn.Module, pixels: np.ndarray) -> None:
    found = Scorer(taught_network, SMALL, device="cpu", precision="float32").score_pixels(pixels)
    expected = plainly(taught_network, pixels)
    assert found.dtype == np.float32
    assert np.ptp(expected) > 0.5  # else agreement says little
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-3), ("bfloat16", 0.05)])
def test_features_are_what_the_score_is_made_of(
    taught_network: nn.Module, pixels: np.ndarray, precision: Precision, tolerance: float
) -> None:
    seen = Scorer(taught_network, SMALL, device="cpu", precision=precision).look_at(pixels)
    assert seen.features.dtype == np.float16
    assert seen.features.shape == (len(pixels), NUM_FEATURES)
    weight = taught_network.fc.weight.detach().numpy()[0]  # type: ignore[union-attr]
    logits = seen.features.astype(np.float32) @ weight + taught_network.fc.bias.item()  # type: ignore[union-attr]
    assert np.abs(1.0 / (1.0 + np.exp(-logits)) - seen.p_nonblank).max() <= tolerance
    assert np.ptp(seen.features, axis=0).max() > 0.1  # they differ from image to image


def test_bfloat16_agrees_with_float32(taught_network: nn.Module, pixels: np.ndarray) -> None:
    found = Scorer(taught_network, SMALL, device="cpu", precision="bfloat16").score_pixels(pixels)
    assert np.abs(found - plainly(taught_network, pixels)).max() <= PRECISION_TOLERANCE


def test_the_portable_layout_agrees_with_the_blocked_one(
    taught_network: nn.Module, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Scorer(taught_network, SMALL, device="cpu", precision="bfloat16").score_pixels(pixels)
    monkeypatch.setattr("blanktrap.vision.scorer.has_fast_bfloat16", lambda: False)
    elsewhere = Scorer(taught_network, SMALL, device="cpu", precision="bfloat16").score_pixels(pixels)
    assert np.abs(here - elsewhere).max() <= PRECISION_TOLERANCE


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("auto", 0.005)])
def test_company_does_not_change_a_score(
    taught_network: nn.Module, pixels: np.ndarray, precision: str, tolerance: float
) -> None:
    scorer = Scorer(taught_network, SMALL, device="cpu", precision=precision)
    together = scorer.score_pixels(pixels)
    alone = np.concatenate([scorer.score_pixels(pixels[at : at + 1]) for at in range(len(pixels))])
    backwards = scorer.score_pixels(pixels[::-1])[::-1]
    assert np.abs(together - alone).max() <= tolerance
    assert np.abs(together - backwards).max() <= tolerance


def test_the_same_batch_gives_the_same_bits(taught_network: nn.Module, pixels: np.ndarray) -> None:
    scorer = Scorer(taught_network, SMALL, device="cpu")
    assert (scorer.score_pixels(pixels) == scorer.score_pixels(pixels)).all()


def test_auto_takes_bfloat16_where_the_processor_has_it(
    taught_network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = torch.bfloat16 if has_fast_bfloat16() else torch.float32
    assert Scorer(taught_network, SMALL, device="cpu").dtype is expected
    monkeypatch.setattr("blanktrap.vision.scorer.has_fast_bfloat16", lambda: False)
    assert Scorer(taught_network, SMALL, device="cpu").dtype is torch.float32


def test_the_network_and_the_threads_are_left_alone(taught_network: nn.Module, pixels: np.ndarray) -> None:
    before, threads = plainly(taught_network, pixels), torch.get_num_threads()
    Scorer(taught_network, SMALL, device="cpu", precision="bfloat16").score_pixels(pixels)
    assert (plainly(taught_network, pixels) == before).all()
    assert next(taught_network.parameters()).dtype is torch.float32
    assert torch.get_num_threads() == threads


def test_read_only_and_empty_pixels_are_fine(taught_network: nn.Module, pixels: np.ndarray) -> None:
    scorer = Scorer(taught_network, SMALL, device="cpu")
    locked = pixels.copy()
    locked.flags.writeable = False
    assert (scorer.score_pixels(locked) == scorer.score_pixels(pixels)).all()
    assert scorer.score_pixels(pixels[:0]).shape == (0,)


@pytest.mark.parametrize("shape", [(2, 64, 48, 3), (48, 64, 3), (2, 3, 48, 64)])
def test_pixels_of_another_size_are_refused(taught_network: nn.Module, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected uint8 pixels"):
        Scorer(taught_network, SMALL, device="cpu").score_pixels(np.zeros(shape, dtype=np.uint8))


def test_every_encoded_image_gets_a_result(taught_network: nn.Module) -> None:
    sink = io.BytesIO()
    Image.new("RGB", (80, 60), (200, 10, 10)).save(sink, "JPEG")
    scorer = Scorer(taught_network, SMALL, device="cpu")
    found = scorer.score_encoded([sink.getvalue(), b"", b"GIF89a", sink.getvalue()])
    assert [result.status for result in found] == [
        Status.OK,
        Status.UNREADABLE,
        Status.UNSUPPORTED,
        Status.OK,
    ]
    assert [result.p_nonblank is None for result in found] == [False, True, True, False]
    tight = scorer.score_encoded([sink.getvalue()], DecodeLimits(max_pixels=100))
    assert tight[0].status is Status.TOO_LARGE


def test_impossible_wishes_are_refused(taught_network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="float16 is for GPUs"):
        Scorer(taught_network, SMALL, device="cpu", precision="float16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no GPU"):
        Scorer(taught_network, SMALL, device="cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["auto", "float32", "float16"])
def test_a_gpu_agrees_with_the_cpu(taught_network: nn.Module, pixels: np.ndarray, precision: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU here")
    found = Scorer(taught_network, SMALL, device="cuda", precision=precision).score_pixels(pixels)
    tolerance = 1e-3 if precision == "float32" else PRECISION_TOLERANCE
    assert np.abs(found - plainly(taught_network, pixels)).max() <= tolerance


def test_a_calibration_is_applied_to_every_score(taught_network: nn.Module, pixels: np.ndarray) -> None:
    calibration = TemperatureMap(slope=0.5, shift=-1.0)
    plain = Scorer(taught_network, SMALL, device="cpu").score_pixels(pixels)
    found = Scorer(taught_network, SMALL, device="cpu", calibration=calibration).score_pixels(pixels)
    assert found.dtype == np.float32
    assert (found == calibration.apply(plain)).all()
    assert np.abs(found - plain).max() > 0.1
    assert (np.argsort(found, kind="stable") == np.argsort(plain, kind="stable")).all()


def test_what_is_no_number_stays_none(taught_network: nn.Module, pixels: np.ndarray) -> None:
    broken = copy.deepcopy(taught_network)
    torch.nn.init.constant_(broken.fc.bias, float("nan"))
    calibration = TemperatureMap(slope=0.5, shift=-1.0)
    assert np.isnan(Scorer(broken, SMALL, device="cpu", calibration=calibration).score_pixels(pixels)).all()
