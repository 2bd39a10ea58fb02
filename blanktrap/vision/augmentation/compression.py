"""What a camera loses to save room on its card.

Owns: JPEG at low quality, by Pillow: torchvision gives its own up (deprecated in 0.29). Refuses: devices:
JPEG is made on the CPU, before the pixels leave it.
"""

import io

import torch
from PIL import Image

WORST_QUALITY, BEST_QUALITY = 20, 70
"""Of 100, as libjpeg counts. Cameras write 70 to 95 at full size; what was sent by radio is worse."""


def compress(pixels: torch.Tensor, lots: torch.Tensor) -> torch.Tensor:
    """Write images as JPEG and read them back.

    Args:
        pixels: red, green, blue, uint8 on the CPU, shape (num_media, height_px, width_px, 3).
        lots: in [0, 1), shape (num_media,).

    Returns:
        The same shape and type.
    """
    span = BEST_QUALITY - WORST_QUALITY + 1
    qualities = (WORST_QUALITY + lots * span).long().tolist()
    lossy = [_as_jpeg(image, quality) for image, quality in zip(pixels, qualities, strict=True)]
    return torch.stack(lossy)


def _as_jpeg(image: torch.Tensor, quality: int) -> torch.Tensor:
    file = io.BytesIO()
    Image.fromarray(image.numpy()).save(file, "JPEG", quality=quality)
    return torch.frombuffer(bytearray(Image.open(file).tobytes()), dtype=torch.uint8).view_as(image)
