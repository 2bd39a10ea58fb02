"""ResNet34 that also sees what changed at the place: early, in its first convolution, and late, in its head.

Owns: the parts that a network with background has more than torchvision's. Refuses: first weights and the
form for inference, which are those of `network`.

The head is shown how strong the change is where it is strongest, at five sizes of block. A few hundred
labelled media teach that much at once, long before the layers below know what an animal is; measured by
benchmarks/background_ablation.py.
"""

from typing import cast

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import ResNet

from blanktrap.core.config import CHANGE_SPREAD, NUM_COLOURS
from blanktrap.vision.background import NO_CHANGE

_BLOCK_SHARES = (1.0 / 64.0, 1.0 / 32.0, 1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0)
"""Sides of the blocks, as shares of the long side: from a bird far away to a deer before the camera."""
_NUM_PEAKS = len(_BLOCK_SHARES)
_NUM_CHANGES = _NUM_PEAKS + 2
"""Peaks, the mean change, and the share of the frame whose background is known."""
_LEAST = 0.05
"""Change, as a share of the strongest code, below which differences are of no interest."""
_USUAL, _USUAL_SPREAD = (2.2, 2.1, 1.8, 1.5, 1.15, 0.6), 0.55
"""What log1p(change / _LEAST) is like on real media, measured on Missouri Camera Traps: what is shown to the
head lies around 0 with a spread near 1, as its learning rate expects."""
_NUM_HIDDEN = 64


class WideStem(nn.Module):
    """A first convolution over colours, and one over what changed at the place, added.

    Learned weights of the colours keep their meaning, and what is new learns as fast as the last layer.
    """

    def __init__(self, colours: nn.Conv2d, num_channels: int) -> None:
        """Args: colours: of red, green, blue. num_channels: of both together. The new weights are random."""
        super().__init__()
        self.colours = colours
        self.changes = _convolution_like(colours, num_channels - NUM_COLOURS)
        nn.init.kaiming_normal_(self.changes.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.colours(images[:, :NUM_COLOURS]) + self.changes(images[:, NUM_COLOURS:])
        return found

    def as_one(self) -> nn.Conv2d:
        """The same as a single convolution, for inference."""
        weight = torch.cat([self.colours.weight, self.changes.weight], 1).detach()
        one = _convolution_like(self.colours, weight.shape[1])
        one.weight = nn.Parameter(weight, requires_grad=False)
        return one


def _convolution_like(other: nn.Conv2d, num_channels: int) -> nn.Conv2d:
    """A new convolution that takes so many channels and is like another one in all else."""
    return nn.Conv2d(
        num_channels,
        other.out_channels,
        kernel_size=cast("tuple[int, int]", other.kernel_size),
        stride=cast("tuple[int, int]", other.stride),
        padding=cast("tuple[int, int]", other.padding),
        bias=False,
    )


class PlacePooling(nn.Module):
    """From a map to what the head sees: means of features and of change, peaks of change."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Args: maps: of `join_changes`. Returns: shape (num_media, features + _NUM_CHANGES)."""
        num_means = maps.shape[1] - _NUM_PEAKS
        means, peaks = maps.split([num_means, _NUM_PEAKS], 1)
        return torch.cat([means.mean((2, 3)), peaks.amax((2, 3))], 1)


class PlaceHead(nn.Module):
    """One logit: what the network makes of the frame, and what the strength of the change says, added."""

    def __init__(self, frame: nn.Linear) -> None:
        """Args: frame: torchvision's last layer, of one logit; it is kept."""
        super().__init__()
        self.frame = frame
        self.changes = nn.Sequential(
            nn.Linear(_NUM_CHANGES, _NUM_HIDDEN), nn.ReLU(), nn.Linear(_NUM_HIDDEN, 1, bias=False)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Args: features: of `PlacePooling`. Returns: logits, shape (num_media, 1)."""
        frame, known, mean, peaks = features.split([self.frame.in_features, 1, 1, _NUM_PEAKS], 1)
        usual = torch.tensor(_USUAL, dtype=features.dtype, device=features.device)
        strength = torch.log1p(torch.cat([peaks, mean], 1) / _LEAST)
        # Where no background is known nothing is said, not even "no change".
        shown = torch.cat([known * (strength - usual) / _USUAL_SPREAD, known], 1)
        found: torch.Tensor = self.frame(frame) + self.changes(shown)
        return found


class PlaceNetwork(nn.Module):
    """torchvision's ResNet34 of one logit with a wide stem and a head that is shown the change.

    Its layers keep torchvision's names and order.
    """

    def __init__(self, network: ResNet, num_channels: int) -> None:
        """Args: network: without background; its layers are taken over. num_channels: of the new input."""
        super().__init__()
        stem, head = WideStem(network.conv1, num_channels), PlaceHead(network.fc)
        new = {"conv1": stem, "avgpool": PlacePooling(), "fc": head}
        for name, layer in network.named_children():
            self.add_module(name, new.get(name, layer))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Args: images: shape (num_media, num_channels, …). Returns: logits, shape (num_media, 1)."""
        *layers, pooling, head = self.children()
        maps = images
        for layer in layers:
            maps = layer(maps)
        found: torch.Tensor = head(pooling(join_changes(maps, images)))
        return found

    def see_nothing_new(self) -> None:
        """Let the change have no say until it has been learned from: what is new begins at zero."""
        nn.init.zeros_(cast("WideStem", self.conv1).changes.weight)
        nn.init.zeros_(cast("nn.Linear", cast("PlaceHead", self.fc).changes[-1]).weight)


def join_changes(maps: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Lay the change beside the last feature map, cell by cell.

    Args:
        maps: of the network's layers, shape (num_media, features, rows, columns).
        images: the network's input. Without a change among its channels the maps are returned as they are.

    Returns:
        shape (num_media, features + _NUM_CHANGES, rows, columns): the map; the share of each cell whose
        background is known; its mean change; and the strongest mean of a block in it for each size of block.
        Changes are shares of the strongest code, in [0, 1].
    """
    if images.shape[1] == NUM_COLOURS:
        return maps
    # Sums of many small numbers: in float32, whatever the network computes in.
    change, known = images[:, NUM_COLOURS:].float().split(1, 1)
    change = change.abs() * (CHANGE_SPREAD / NO_CHANGE)
    cells = (maps.shape[2], maps.shape[3])
    found = [maps, *(functional.adaptive_avg_pool2d(one, cells).to(maps.dtype) for one in (known, change))]
    height_px, width_px = change.shape[-2:]
    for share in _BLOCK_SHARES:
        side = min(max(1, round(share * max(height_px, width_px))), height_px, width_px)
        blocks = functional.avg_pool2d(change, side, max(1, side // 2), ceil_mode=True)
        found.append(functional.adaptive_max_pool2d(blocks, cells).to(maps.dtype))
    return torch.cat(found, 1)
