"""The scorer: pixels in, `p_nonblank` out. Engine-free: an actor wraps it, a notebook calls it.

Owns: the network's form for inference on this machine (precision, layout, micro-batches) and the scores.
Refuses: Ray, manifests, and the number of threads: the caller decides with `torch.set_num_threads`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from blanktrap.core.config import NUM_COLOURS, DecodeLimits, Precision, Preprocessing
from blanktrap.core.errors import DecodeError, UsageError
from blanktrap.core.model_card import ModelCard
from blanktrap.core.schemas import NUM_FEATURES
from blanktrap.core.statistics.calibration import CalibrationMap
from blanktrap.core.vocabulary import Status
from blanktrap.files.storage import Storage
from blanktrap.vision.background import without_background
from blanktrap.vision.checkpoints import load_network
from blanktrap.vision.decoding import DecodedImage, decode_image
from blanktrap.vision.network import fold_batch_norm, split_at_last_map
from blanktrap.vision.place_network import join_changes

PRECISION_TOLERANCE = 0.02
"""Largest difference between bfloat16 or float16 and float32 of the network's score, before calibration."""

_CPU_BATCH = 4
"""Images that pass the network at once on a CPU: their activations still fit the cache. Measured on one
core with AMX at 500 by 375: 42 images/s with 4, 32 with 1, 36 with 8."""
_GPU_BATCH = 256
"""The same on a GPU, where it bounds memory."""
_HIGHEST_FLOAT16 = float(np.finfo(np.float16).max)


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenImages:
    """What the network makes of some images, in one pass."""

    p_nonblank: np.ndarray
    """In [0, 1], float32, shape (num_media,)."""
    features: np.ndarray
    """The mean of the network's last feature map; float16, shape (num_media, 512)."""


@dataclass(frozen=True, kw_only=True)
class ScoredImage:
    """What became of one encoded image. Only `ok` has a score and a decoded image."""

    status: Status
    error: str | None
    p_nonblank: float | None
    image: DecodedImage | None


class Scorer:
    """Turns images into `p_nonblank`, the same on every path that leads here.

    Attributes:
        preprocessing: what the pixels must have been through.
        model_id: the model's name, empty for a network without a card.
        device: `cpu` or `cuda`.
        dtype: the number format of inference.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Preprocessing,
        *,
        device: str | None = None,
        precision: Precision = "auto",
        model_id: str = "",
        calibration: CalibrationMap | None = None,
    ) -> None:
        """Prepare a copy of the network for inference.

        Args:
            network: as `build_network` makes it, float32; it is not changed.
            preprocessing: what the network was trained with.
            device: `cpu`, `cuda` or `cuda:1`; None takes a GPU where there is one.
            precision: `auto` takes bfloat16 where the processor computes in it, float16 on older GPUs.
            model_id: the name that scores carry.
            calibration: from the network's scores to `p_nonblank`; None: they are the same.

        Raises:
            UsageError: the device is not there, or float16 is asked of a CPU.
        """
        self.preprocessing = preprocessing
        self.model_id = model_id
        self._calibration = calibration
        self.device = _choose_device(device)
        self.dtype = choose_dtype(self.device, precision)
        with torch.inference_mode():
            folded = fold_batch_norm(network).to(self.device, self.dtype)
            self._blocked = self.device.type == "cpu" and self.dtype is torch.bfloat16 and has_fast_bfloat16()
            self._network = (
                _BlockedNetwork(folded)
                if self._blocked
                else _TwoParts(folded.to(memory_format=torch.channels_last))
            )
            mean, std = (
                255.0 * torch.tensor(values, dtype=torch.float32, device=self.device).view(1, -1, 1, 1)
                for values in (preprocessing.channel_means, preprocessing.channel_stds)
            )
            self._mean, self._scale = mean, 1.0 / std
        self._batch = _CPU_BATCH if self.device.type == "cpu" else _GPU_BATCH

    @property
    def number_format(self) -> str:
        """The number format of inference, such as `bfloat16`."""
        return str(self.dtype).removeprefix("torch.")

    @classmethod
    def load(
        cls, storage: Storage, location: str, device: str | None = None, precision: Precision = "auto"
    ) -> "Scorer":
        """Load a checkpoint for scoring. Raises CheckpointError, SourceError, UsageError."""
        return cls.of(*load_network(storage, location), device=device, precision=precision)

    @classmethod
    def of(
        cls, network: nn.Module, card: ModelCard, *, device: str | None = None, precision: Precision = "auto"
    ) -> "Scorer":
        """A scorer of a network with its card; all that the card says of scoring is obeyed here."""
        return cls(
            network,
            card.preprocessing,
            device=device,
            precision=precision,
            model_id=card.model_id,
            calibration=card.calibration_map,
        )

    def score_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Score decoded images: the `p_nonblank` of `look_at`, float32, shape (num_media,)."""
        return self.look_at(pixels).p_nonblank

    def look_at(self, pixels: np.ndarray) -> SeenImages:
        """Score decoded images, and keep what the network saw in them.

        Args:
            pixels: uint8, shape (num_media, height_px, width_px, num_channels); where a model compares media
                with their background those of `decode_image` will do, as media that have none.

        Raises:
            ValueError: the pixels are not of the input size, or not bytes.
        """
        shape = self.preprocessing
        if pixels.shape[3:] == (NUM_COLOURS,) and shape.num_channels > NUM_COLOURS:
            pixels = without_background(pixels)
        expected = (shape.height_px, shape.width_px, shape.num_channels)
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != expected:
            raise ValueError(f"expected uint8 pixels (n, {expected}), got {pixels.dtype} {pixels.shape}")
        p_nonblank = np.empty(len(pixels), dtype=np.float32)
        features = np.empty((len(pixels), NUM_FEATURES), dtype=np.float16)
        with torch.inference_mode():
            for start in range(0, len(pixels), self._batch):
                part = pixels[start : start + self._batch]
                # Copied: what comes from shared memory is not writable. On a CPU a short batch is filled up,
                # since rounding depends on its size and a score must not depend on its neighbours.
                size = self._batch if self.device.type == "cpu" else len(part)
                batch = np.zeros((size, *part.shape[1:]), np.uint8)
                batch[: len(part)] = part
                scores, seen = self._score_batch(torch.from_numpy(batch))
                p_nonblank[start : start + self._batch] = scores[: len(part)]
                features[start : start + self._batch] = seen[: len(part)]
        if self._calibration is not None:
            # What is no number stays none: the caller says of which media.
            is_number = np.isfinite(p_nonblank)
            p_nonblank[is_number] = self._calibration.apply(p_nonblank[is_number])
        return SeenImages(p_nonblank=p_nonblank, features=features)

    def as_input(self, batch: torch.Tensor) -> torch.Tensor:
        """Bytes of shape (n, height_px, width_px, channels) as the network takes them: (n, channels, …)."""
        # (n, height, width, channels) seen as (n, channels, height, width) is channels-last already.
        images = batch.to(self.device, non_blocking=True).permute(0, 3, 1, 2).to(torch.float32)
        return images.sub_(self._mean).mul_(self._scale).to(self.dtype)

    def _score_batch(self, batch: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        features, logits = self._network(self.as_input(batch))
        scores = torch.sigmoid(logits.float()).squeeze(1)
        seen = features[:, :NUM_FEATURES].float().clamp(max=_HIGHEST_FLOAT16)
        return scores.cpu().numpy(), seen.half().cpu().numpy()

    def score_encoded(
        self, encoded: Sequence[bytes], limits: DecodeLimits | None = None
    ) -> list[ScoredImage]:
        """Decode and score a few encoded images, one result each, whatever they are.

        Args:
            encoded: whole files, shape (num_media,).
            limits: what is too large; None takes the defaults.
        """
        results: list[ScoredImage] = []
        for data in encoded:
            try:
                image = decode_image(data, self.preprocessing, limits or DecodeLimits())
            except DecodeError as problem:
                results.append(
                    ScoredImage(
                        status=Status(problem.status), error=str(problem), p_nonblank=None, image=None
                    )
                )
                continue
            p_nonblank = float(self.score_pixels(image.pixels[None])[0])
            results.append(ScoredImage(status=Status.OK, error=None, p_nonblank=p_nonblank, image=image))
        return results


class _TwoParts(nn.Module):
    """The network as its features, pooled from its last map, and the logits that are made of them."""

    def __init__(self, folded: nn.Module) -> None:
        super().__init__()
        self.body, head = split_at_last_map(folded)
        self.pooling, self.last = head[:-1], head[-1]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.pooling(self.map_of(images))
        return features, self.last(features)

    def map_of(self, images: torch.Tensor) -> torch.Tensor:
        """The last feature map, shape (num_media, channels, rows, columns)."""
        found: torch.Tensor = self.body(images)
        return found


class _BlockedConvolution(nn.Module):
    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        assert convolution.bias is not None  # folding gave it one
        self.weight = convolution.weight.detach().contiguous().to_mkldnn()
        self.bias = convolution.bias.detach().to_mkldnn()
        self.stride, self.padding = convolution.stride, convolution.padding

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(images, self.weight, self.bias, self.stride, self.padding)


class _BlockedNetwork(_TwoParts):
    """The folded network on oneDNN tensors, whose blocked layout stays from one layer to the next.

    Measured on one core with AMX, bfloat16, 4 images of 500 by 375: 42 images/s, against 30 on
    channels-last tensors; float32 gains nothing.
    """

    def __init__(self, folded: nn.Module) -> None:
        super().__init__(folded)
        self.last.float()
        for module in list(self.body.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Conv2d):
                    setattr(module, name, _BlockedConvolution(child))

    def map_of(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body.layers(images.contiguous().to_mkldnn()).to_dense().float()
        return join_changes(found, images)


def has_fast_bfloat16() -> bool:
    """Whether this CPU computes in bfloat16 (AVX-512 BF16 or AMX) and torch can use it."""
    if not torch.backends.mkldnn.is_available():
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)


def _choose_device(device: str | None) -> torch.device:
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {device}: torch sees no GPU here; use the CPU")
    return chosen


def choose_dtype(device: torch.device, precision: Precision) -> torch.dtype:
    """The number format that a precision means on a device. Raises UsageError: float16 on a CPU."""
    if precision == "auto":
        if device.type == "cpu":
            return torch.bfloat16 if has_fast_bfloat16() else torch.float32
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    if precision == "float16" and device.type == "cpu":
        raise UsageError("precision float16 is for GPUs: use bfloat16 or float32 on a CPU")
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
