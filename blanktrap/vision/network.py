"""The network: torchvision's ResNet34 with one logit for nonblank.

Owns: its shape, its first weights, and its form for inference. Refuses: checkpoints, pixels, scores.
"""

import copy
from typing import cast

import torch
import torchvision
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from blanktrap.core.errors import CheckpointError


def build_network(weights: str) -> nn.Module:
    """Build the network, in training mode, on the CPU.

    Args:
        weights: `imagenet` (downloaded by torchvision, once a user) or `none` (random, from torch's
            generator: seed it first).

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
    return cast("nn.Module", network)


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


def split_at_last_map(network: nn.Module) -> tuple[nn.Sequential, nn.Sequential]:
    """Cut the network in two, sharing its layers.

    Returns:
        Images to the last feature map, shape (num_media, channels, rows, columns); and from there, pooling
        first, to logits, shape (num_media, 1).
    """
    *body, pooling, last = network.children()
    return nn.Sequential(*body), nn.Sequential(pooling, nn.Flatten(1), last)


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Return a copy for inference whose convolutions have taken in the batch norms that follow them.

    Logits agree with the original in evaluation mode up to rounding (1e-4 of their size in float32).
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        convolution: tuple[str, nn.Conv2d] | None = None
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d) and convolution:
                setattr(module, convolution[0], fuse_conv_bn_eval(convolution[1], child))
                setattr(module, name, nn.Identity())
            convolution = (name, child) if isinstance(child, nn.Conv2d) else None
    return folded
