"""Every colour mode of a still image becomes 8-bit red, green, blue; and what its light says.

Owns: the conversion of greyscale, palette, transparent, CMYK and 16-bit images, levels of luminance,
automatic gamma, and the finding that a photograph was taken at night. Refuses: geometry and files.
"""

import numpy as np
from PIL import Image

from blanktrap.core.config import Channel
from blanktrap.core.errors import DecodeError
from blanktrap.core.exposure import gamma_for, gamma_table
from blanktrap.core.light import is_colourless
from blanktrap.core.vocabulary import Status

_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")


def to_eight_bit(image: Image.Image, background: Channel) -> Image.Image:
    """Convert a loaded image to mode `L` or `RGB`.

    Samples of 16 bits are divided by 257, so that 65,535 is white. Transparent places show the
    background. CMYK is converted without a colour profile; Adobe's inverted form is known to Pillow.

    Args:
        image: a loaded image of any mode.
        background: red, green, blue in [0, 1] behind transparent places.

    Raises:
        DecodeError: `unsupported`, for 32-bit samples beyond 16 bits or floats outside [0, 1], and for
            colour spaces that cannot be converted: nobody says there what is white.
    """
    if image.mode in ("L", "RGB"):
        return image
    if image.mode in (*_SIXTEEN_BIT_MODES, "I", "F"):
        return _from_wide_samples(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or (
        image.mode == "P" and "transparency" in image.info
    ):
        colours = tuple(round(255 * channel) for channel in background)
        canvas = Image.new("RGBA", image.size, (*colours, 255))
        return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("P", "CMYK", "YCbCr", "RGBX"):
        return image.convert("RGB")
    raise DecodeError(Status.UNSUPPORTED, f"colour mode {image.mode} of a {image.format}")


def _from_wide_samples(image: Image.Image) -> Image.Image:
    samples = np.asarray(image)
    top = 1.0 if image.mode == "F" else 65535.0
    low, high = float(samples.min()), float(samples.max())
    if not (low >= 0.0 and high <= top):
        raise DecodeError(
            Status.UNSUPPORTED,
            f"{image.mode} samples from {low:g} to {high:g}: 16 bits, or floats from 0 to 1, are supported",
        )
    return Image.fromarray(np.rint(samples.astype(np.float32) * (255.0 / top)).astype(np.uint8))


def levels_of(image: Image.Image) -> list[int]:
    """Pixels of an `L` or `RGB` image at each of 256 levels of luminance (Rec. 601 weights)."""
    return image.convert("L").histogram()


def mend_exposure(image: Image.Image) -> Image.Image:
    """An `L` or `RGB` image under the power that `core.exposure.gamma_for` gives its luminance.

    Each channel alike, so that grey stays grey; an image that is well exposed comes back as it is.
    """
    gamma = gamma_for(levels_of(image))
    if gamma == 1.0:
        return image
    return image.point(gamma_table(gamma).tolist() * len(image.getbands()))


def is_infrared(image: Image.Image) -> bool:
    """Whether an `L` or `RGB` image has practically no colour; see `core.light.is_colourless`."""
    # Every third pixel each way is enough for a mean, and nine times cheaper.
    return image.mode == "L" or is_colourless(np.asarray(image)[::3, ::3])
