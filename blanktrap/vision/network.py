"""The network: torchvision's ResNet34 with one logit for nonblank.

Owns: its shape, its first weights, and its form for inference. Refuses: checkpoints, pixels, scores, and what
a network with background has more than others, which is in `place_network`.
"""

import copy
from typing import cast

import torch
import torchvision
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from blanktrap.core.config import NUM_COLOURS
from blanktrap.core.errors import CheckpointError
from blanktrap.vision.place_network import PlaceNetwork, WideStem, join_changes


def build_network(weights: str, num_channels: int = NUM_COLOURS) -> nn.Module:
    """Build the network, in training mode, on the CPU.

    Args:
        weights: `imagenet` (downloaded by torchvision, once a user) or `none` (random, from torch's
            generator: seed it first).
        num_channels: of its input, as `Preprocessing.num_channels` says. What learned weights do not know of
            begins at zero: until it has learned, the network sees what it saw without.

    Raises:
        CheckpointError: the weights cannot be downloaded, or `weights` is neither of the two.
    """
    if weights not in ("imagenet", "none"):
        raise CheckpointError(f"no such first weights: {weights!r}; use imagenet, none, or a model's folder")
    # Residual branches that begin as nothing let a deep network learn from few steps.
    network = torchvision.models.resnet34(weights=None, zero_init_residual=weights == "none")
    if weights == "imagenet":
        network.load_state_dict(_download_imagenet())
    network.fc = nn.Linear(network.fc.in_features, 1)
    nn.init.zeros_(network.fc.bias)
    if num_channels > NUM_COLOURS:
        return widen(network, num_channels, from_zero=weights == "imagenet")
    return cast("nn.Module", network)


def widen(network: nn.Module, num_channels: int, *, from_zero: bool) -> nn.Module:
    """A network that compares with the background, made of the layers of one that does not.

    Args:
        network: without background; its layers are taken over.
        num_channels: of the new input.
        from_zero: what is new begins at zero, so that the network sees what it saw.
    """
    wide = PlaceNetwork(cast("torchvision.models.ResNet", network), num_channels)
    if from_zero:
        wide.see_nothing_new()
    return wide


def channels_of(network: nn.Module) -> int:
    """Channels of its input."""
    stem = network.conv1
    if isinstance(stem, WideStem):
        return stem.colours.in_channels + stem.changes.in_channels
    return cast("nn.Conv2d", stem).in_channels


def _download_imagenet() -> dict[str, torch.Tensor]:
    source = torchvision.models.ResNet34_Weights.IMAGENET1K_V1
    try:
        # The published file is a pickle: its hash is checked, and nothing but tensors is taken out of it.
        return cast(
            "dict[str, torch.Tensor]",
            source.get_state_dict(progress=False, check_hash=True, weights_only=True),
        )
    except (OSError, RuntimeError) as problem:
        reason = " ".join(str(problem).split())
        raise CheckpointError(
            f"the ImageNet weights cannot be downloaded from {source.url} ({reason}): "
            f"check the network, or use --weights none or --weights MODEL_FOLDER"
        ) from problem


class LastMap(nn.Module):
    """A network up to its last feature map, with the change beside it where there is one."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Args: images: the network's input. Returns: shape (num_media, channels, rows, columns)."""
        return join_changes(self.layers(images), images)


def split_at_last_map(network: nn.Module) -> tuple[LastMap, nn.Sequential]:
    """Cut the network in two, sharing its layers.

    Returns:
        Images to the last feature map, shape (num_media, channels, rows, columns); and from there, pooling
        first, to logits, shape (num_media, 1).
    """
    *body, pooling, last = network.children()
    return LastMap(nn.Sequential(*body)), nn.Sequential(pooling, nn.Flatten(1), last)


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Return a copy for inference whose convolutions have taken in the batch norms that follow them.

    Logits agree with the original in evaluation mode up to rounding (1e-4 of their size in float32).
    """
    folded = copy.deepcopy(network)
    for name, child in list(folded.named_children()):
        if isinstance(child, WideStem):
            setattr(folded, name, child.as_one())
    folded.eval()
    for module in folded.modules():
        convolution: tuple[str, nn.Conv2d] | None = None
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d) and convolution:
                setattr(module, convolution[0], fuse_conv_bn_eval(convolution[1], child))
                setattr(module, name, nn.Identity())
            convolution = (name, child) if isinstance(child, nn.Conv2d) else None
    return folded
