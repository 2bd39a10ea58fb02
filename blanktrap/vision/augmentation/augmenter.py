"""The changes of a training batch, in the order in which light becomes a file.

Owns: which image meets which circumstance, and the order. Refuses: how a circumstance looks; each has its own
module in this room.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from blanktrap.core.config import NUM_COLOURS, AugmentConfig
from blanktrap.core.light import INFRARED_CHROMA
from blanktrap.vision.augmentation.blur import defocus, motion_blur
from blanktrap.vision.augmentation.compression import compress
from blanktrap.vision.augmentation.draw import NUM_LOTS, Draw
from blanktrap.vision.augmentation.grass import grass
from blanktrap.vision.augmentation.light import exposure, light, sun_flare
from blanktrap.vision.augmentation.night import infrared
from blanktrap.vision.augmentation.view import crop, flip, mirrored
from blanktrap.vision.augmentation.weather import drops, fog, rain

_VIEWS = ("flip", "crop")
"""What befalls all channels of an image: what is known of a pixel stays with it."""

Change = Callable[[torch.Tensor, Draw], torch.Tensor]


class Augmenter:
    """Changes each image of a batch by chance and on its own.

    Neither the other images of a batch nor the chances of other circumstances change what happens to an
    image. The same generator state gives the same images on the same kind of device. An image without colour
    gets none. With all chances 0 the images come back as they are.
    """

    def __init__(self, config: AugmentConfig) -> None:
        self._config = config
        self._changes: dict[str, Change] = {
            "flip": flip,
            "crop": partial(crop, max_cut=config.max_cut),
            "grass": grass,
            "fog": fog,
            "rain": rain,
            "drops": drops,
            "sun_flare": sun_flare,
            "motion_blur": motion_blur,
            "defocus": defocus,
            "light": light,
            "exposure": exposure,
            "infrared": infrared,
        }

    def __call__(
        self,
        pixels: torch.Tensor,
        device: torch.device,
        chance: torch.Generator,
        boxes: Sequence[torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Change a batch.

        Args:
            pixels: red, green, blue, uint8 on the CPU, shape (num_media, height_px, width_px, 3). Where more
                channels follow, they are mirrored and moved along, and nothing else befalls them.
            device: where the images are wanted, and where the changes are computed.
            chance: source of chance, on the CPU.
            boxes: for each image, boxes of its animals that `crop` must spare: left, top, right, bottom as
                shares of width and height, shape (num_boxes, 4); see `view.crop` for what holds without.

        Returns:
            Values in [0, 255], float32 on the device, shape (num_media, channels, height_px, width_px).
        """
        names = ["jpeg", *self._changes]
        shape = (len(names), len(pixels), 1 + NUM_LOTS)
        lots = dict(zip(names, torch.rand(shape, dtype=torch.float64, generator=chance), strict=True))
        is_infrared = _without_colour(pixels)
        compressed = self._befallen("jpeg", lots)
        if len(compressed):
            pixels = pixels.clone()
            colours = pixels[compressed, ..., :NUM_COLOURS].contiguous()
            pixels[compressed, ..., :NUM_COLOURS] = compress(colours, lots["jpeg"][compressed, 1])
        images = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
        for name, change in self._changes.items():
            befallen = self._befallen(name, lots)
            if not len(befallen):
                continue
            if name == "flip" and boxes is not None:
                boxes = [mirrored(one) if media in befallen else one for media, one in enumerate(boxes)]
            draw = Draw(
                lots=lots[name][befallen, 1:],
                is_infrared=is_infrared[befallen],
                boxes=None if boxes is None else [boxes[media] for media in befallen.tolist()],
                device=device,
            )
            where = befallen.to(device, non_blocking=True)
            if name in _VIEWS:
                images[where] = change(images[where], draw)
            else:
                images[where, :NUM_COLOURS] = change(images[where, :NUM_COLOURS], draw)
        return images

    def _befallen(self, name: str, lots: dict[str, torch.Tensor]) -> torch.Tensor:
        """Positions of the images that meet a circumstance, on the CPU: waiting for a GPU would cost more."""
        return (lots[name][:, 0] < getattr(self._config, name)).nonzero().squeeze(1)


def _without_colour(pixels: torch.Tensor) -> torch.Tensor:
    """Which images are infrared, as `core.light.is_colourless` says it; boolean, shape (num_media,)."""
    red, green, blue = pixels[:, ::3, ::3, :NUM_COLOURS].unbind(3)
    highest = torch.maximum(torch.maximum(red, green), blue)
    lowest = torch.minimum(torch.minimum(red, green), blue)
    return (highest - lowest).float().mean((1, 2)) / 255.0 < INFRARED_CHROMA
