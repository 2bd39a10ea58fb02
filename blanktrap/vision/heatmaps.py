"""Heatmaps: which parts of an image speak for an animal, in the network's opinion (Grad-CAM).

Owns: the evidence of each cell of the last feature map, its place in the image, and the peak. Refuses: scores
of its own (`p_nonblank` is the scorer's), files, and drawing.

A cell's evidence is signed: above 0 it speaks for nonblank, below 0 for blank, in units of the network's own
logit (calibration comes after it, and moves no cell). The heatmap shows what speaks for nonblank, on a scale
of its own for each image: 1 is the strongest cell of that image, however weak. So a blank image has a heatmap
too; what its colours are worth, the evidence says.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from blanktrap.core.config import Precision
from blanktrap.files.storage import Storage
from blanktrap.vision.checkpoints import load_network
from blanktrap.vision.network import fold_batch_norm, split_at_last_map
from blanktrap.vision.scorer import Scorer

_BATCH = 8
# Evidence that differs by less from cell to cell is rounding.
_FLAT_SPREAD = 1e-5

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Heatmap:
    """What one image shows the network."""

    p_nonblank: float
    """As the scorer gives it."""
    evidence: Floats
    """Of each cell of the last feature map, signed, in units of the logit, shape (rows, columns). With mean
    pooling all cells sum to the logit less the last layer's bias."""
    heat: Floats
    """In [0, 1] at input size, shape (height_px, width_px): evidence for nonblank over its maximum; 0 where
    there is none."""
    peak: tuple[float, float] | None
    """Column and row of the strongest cell's middle, each in (0, 1) of the input; None where the heatmap is
    flat: nothing speaks for nonblank, or everything does alike."""


class Heatmaps:
    """Makes heatmaps with the network and the preprocessing that scores."""

    def __init__(self, network: nn.Module, scorer: Scorer) -> None:
        """Prepare a copy of the network.

        Args:
            network: as `build_network` makes it, float32; it is not changed.
            scorer: of the same network; its device and number format are used.
        """
        self.scorer = scorer
        body, head = split_at_last_map(fold_batch_norm(network).requires_grad_(False))
        self._body = body.to(scorer.device, scorer.dtype).to(memory_format=torch.channels_last)
        self._head = head.to(scorer.device).float()

    @classmethod
    def load(
        cls, storage: Storage, location: str, device: str | None = None, precision: Precision = "auto"
    ) -> "Heatmaps":
        """Load a checkpoint. Raises CheckpointError, SourceError, UsageError."""
        network, card = load_network(storage, location)
        return cls(network, Scorer.of(network, card, device=device, precision=precision))

    def of_pixels(self, pixels: np.ndarray) -> list[Heatmap]:
        """Heatmaps of decoded images.

        Args:
            pixels: uint8, shape (num_media, height_px, width_px, 3), as `decode_image` gives them.

        Raises:
            ValueError: the pixels are not of the input size, or not bytes.
        """
        scores = self.scorer.score_pixels(pixels)
        found: list[Heatmap] = []
        for start in range(0, len(pixels), _BATCH):
            batch = torch.from_numpy(pixels[start : start + _BATCH].copy())
            with torch.no_grad():
                features = self._body(self.scorer.as_input(batch))
            evidence = grad_cam(features, self._head).cpu().numpy()
            for one, p_nonblank in zip(evidence, scores[start : start + _BATCH], strict=True):
                found.append(_heatmap(float(p_nonblank), one, pixels.shape[1:3]))
        return found


def grad_cam(features: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Signed evidence of each cell of a feature map.

    A channel's weight is the mean, over cells, of the logit's derivative by the channel; the evidence of a
    cell is its features weighed so, without the source's rectifier, which would hide what speaks for blank.
    How the map is pooled is derived, not assumed; with mean pooling the evidence sums to the logit less bias.

    Args:
        features: the map, of any float type, shape (num_media, channels, rows, columns).
        head: from feature maps to logits, shape (num_media, 1), image by image.

    Returns:
        float32, shape (num_media, rows, columns).

    Source: Selvaraju et al. 2017, Grad-CAM, eq. 1 and 2.
    """
    with torch.enable_grad():
        leaf = features.detach().float().requires_grad_(True)
        # No image's logit depends on another's map, so that one sum gives each its own derivative.
        [gradient] = torch.autograd.grad(head(leaf).sum(), leaf)
    return (gradient.mean((2, 3), keepdim=True) * leaf.detach()).sum(1)


def cell_middles(num_cells: int, size_px: int) -> NDArray[np.float64]:
    """Where cells of the feature map lie along one side of the input, in pixels from its edge.

    A cell of a ResNet's last map looks at a field around pixel 32 i, not at the i-th of equal parts: to
    stretch the map over the image moves it by half a cell. Measured by the derivative by the input of a
    trained network, 640 by 480: inner cells look within 6 px of 32 i, 10 px and more from where stretching
    puts them. The first cell's field is cut off at the edge, so its middle lies further in (7 to 8 px).

    Args:
        num_cells: cells along the side.
        size_px: the input's side.

    Returns:
        Ascending positions in (0, size_px), shape (num_cells,).
    """
    stride = 1
    while -(-size_px // stride) > num_cells:
        stride *= 2
    middles = np.arange(num_cells) * stride + 0.5
    low, high = np.maximum(middles - stride / 2, 0.0), np.minimum(middles + stride / 2, size_px)
    return (low + high) / 2.0


def _heatmap(p_nonblank: float, evidence: Floats, size: tuple[int, int]) -> Heatmap:
    height_px, width_px = size
    rows, columns = (
        cell_middles(number, side) for number, side in zip(evidence.shape, (height_px, width_px), strict=True)
    )
    # Overflow in a narrow number format leaves nothing that could be shown.
    is_finite = bool(np.isfinite(evidence).all())
    strongest = float(evidence.max()) if is_finite else 0.0
    is_flat = strongest <= 0.0 or strongest - float(evidence.min()) <= _FLAT_SPREAD * strongest
    if is_flat:
        heat = np.zeros((height_px, width_px), np.float32)
        return Heatmap(p_nonblank=p_nonblank, evidence=evidence, heat=heat, peak=None)
    cells = np.maximum(evidence, 0.0) / strongest
    # The share of each cell at each pixel: linear between the cells' middles, level beyond them.
    across, down = (
        np.stack([np.interp(np.arange(side) + 0.5, middles, unit) for unit in np.eye(middles.size)])
        for side, middles in ((width_px, columns), (height_px, rows))
    )
    row, column = np.unravel_index(int(evidence.argmax()), evidence.shape)
    return Heatmap(
        p_nonblank=p_nonblank,
        evidence=evidence,
        heat=(down.T @ cells @ across).astype(np.float32).clip(0.0, 1.0),
        peak=(float(columns[column]) / width_px, float(rows[row]) / height_px),
    )
