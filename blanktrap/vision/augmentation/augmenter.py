"""The changes of a training batch, in the order in which light becomes a file.

Owns: which image meets which circumstance, and the order. Refuses: how a circumstance looks; each has its own
module in this room.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from blanktrap.core.config import AugmentConfig
from blanktrap.core.light import INFRARED_CHROMA
from blanktrap.vision.augmentation.draw import NUM_LOTS, Draw
from blanktrap.vision.augmentation.light import light
from blanktrap.vision.augmentation.view import crop, flip, mirrored

Change = Callable[[torch.Tensor, Draw], torch.Tensor]


class Augmenter:
    """Changes each image of a batch by chance and on its own.

    Neither the other images of a batch nor the chances of other circumstances change what happens to an
    image. The same generator state gives the same images on the same kind of device. An image without colour
    gets none. With all chances 0 the images come back as they are.
    """

    def __init__(self, config: AugmentConfig) -> None:
        changes: dict[str, Change] = {
            "flip": flip,
            "crop": partial(crop, max_cut=config.max_cut),
            "light": light,
        }
        self._changes = [(name, getattr(config, name), change) for name, change in changes.items()]

    def __call__(
        self,
        pixels: torch.Tensor,
        device: torch.device,
        chance: torch.Generator,
        boxes: Sequence[torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Change a batch.

        Args:
            pixels: red, green, blue, uint8 on the CPU, shape (num_media, height_px, width_px, 3).
            device: where the images are wanted, and where the changes are computed.
            chance: source of chance, on the CPU.
            boxes: for each image, boxes of its animals that `crop` must spare: left, top, right, bottom as
                shares of width and height, shape (num_boxes, 4); see `view.crop` for what holds without.

        Returns:
            Values in [0, 255], float32 on the device, shape (num_media, 3, height_px, width_px).
        """
        lots = torch.rand(
            len(pixels), len(self._changes), 1 + NUM_LOTS, dtype=torch.float64, generator=chance
        )
        is_infrared = _without_colour(pixels)
        images = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
        for number, (name, share, change) in enumerate(self._changes):
            befalls = lots[:, number, 0] < share
            chosen = befalls.nonzero().squeeze(1)
            if not len(chosen):
                continue
            if name == "flip" and boxes is not None:
                boxes = [mirrored(one) if hit else one for one, hit in zip(boxes, befalls, strict=True)]
            draw = Draw(
                lots=lots[chosen, number, 1:],
                is_infrared=is_infrared[chosen],
                boxes=None if boxes is None else [boxes[media] for media in chosen.tolist()],
                device=device,
            )
            where = chosen.to(device, non_blocking=True)
            images[where] = change(images[where], draw)
        return images


def _without_colour(pixels: torch.Tensor) -> torch.Tensor:
    """Which images are infrared, as `core.light.is_colourless` says it; boolean, shape (num_media,)."""
    red, green, blue = pixels[:, ::3, ::3].unbind(3)
    highest = torch.maximum(torch.maximum(red, green), blue)
    lowest = torch.minimum(torch.minimum(red, green), blue)
    return (highest - lowest).float().mean((1, 2)) / 255.0 < INFRARED_CHROMA
