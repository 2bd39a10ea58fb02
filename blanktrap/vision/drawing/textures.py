"""Noise that looks like nature, for drawn pictures.

Owns: random fields of several octaves. Refuses: colours and shapes; those belong to what is drawn.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


def tileable_noise(rng: np.random.Generator, size_px: int, *, roughness: float = 1.6) -> Field:
    """Noise without seams: white noise whose spectrum falls with frequency.

    Args:
        rng: where the chance comes from.
        size_px: side of the square.
        roughness: exponent of the fall; 0 is white, 2 is cloud-like.

    Returns:
        Mean 0, standard deviation 1, shape (size_px, size_px).
    """
    spectrum = np.fft.rfft2(rng.standard_normal((size_px, size_px)))
    rows = np.fft.fftfreq(size_px)[:, None] * size_px
    columns = np.fft.rfftfreq(size_px)[None, :] * size_px
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(spectrum / frequency**roughness, s=(size_px, size_px))
    return (field / field.std()).astype(np.float32)


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], *, cell_px: tuple[float, float], octaves: int = 1
) -> Field:
    """Noise of one or more octaves, each half as large and half as strong as the one before.

    Args:
        rng: where the chance comes from.
        shape: rows and columns of the result.
        cell_px: height and width of the largest blobs; unequal ones give streaks.
        octaves: how many.

    Returns:
        Roughly in [-1, 1], of the given shape.
    """
    total = np.zeros(shape, dtype=np.float32)
    strength = 1.0
    for octave in range(octaves):
        rows = max(2, round(shape[0] / cell_px[0] * 2**octave) + 1)
        columns = max(2, round(shape[1] / cell_px[1] * 2**octave) + 1)
        grid = rng.uniform(-1.0, 1.0, (min(rows, shape[0]), min(columns, shape[1]))).astype(np.float32)
        total += strength * enlarge(grid, shape)
        strength *= 0.5
    return total / np.float32(2.0 - 2.0 * strength)


def enlarge(field: Field, shape: tuple[int, int]) -> Field:
    """Resize a field smoothly to rows and columns."""
    image = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def soft_step(field: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((field - low) / (high - low), 0.0, 1.0)
    return (share * share * (3.0 - 2.0 * share)).astype(np.float32)
