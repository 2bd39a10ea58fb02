"""Small images of one place laid over each other, where a camera was knocked or sags on its strap.

Owns: the shift between two images, whether they show the same view at all, and what a shift leaves uncovered.
Refuses: turning and zooming; a camera that was turned shows another view.

Almost all pairs are not shifted. All are compared coarsely, by images of a few thousand pixels; only those
that seem shifted are compared at full size.
"""

import numpy as np

_COARSE_PX = 64
"""Long side of the coarse images, at the most."""
_FURTHEST = 0.08
"""Largest shift, as a share of the long side: further away another view begins."""
_STILL_PX = 0.35
"""Coarse pixels below which a pair counts as not shifted."""
_GAIN = 0.9
"""A shift is believed if it lowers the median difference to this share: an animal that walks is no shift."""
_LEAST_ALIKE, _ALIKE_SHARE = 0.1, 0.5
"""Correlation of two images of one view: the least, and as a share of the best neighbour's."""


def shifts_between(frame: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """How far each neighbour must be moved, in rows and columns, to lie on the frame.

    Args:
        frame: local contrast, int16, shape (height, width).
        frames: the same, shape (num_neighbours, height, width).

    Returns:
        int64, shape (num_neighbours, 2); 0 where nothing is gained by moving.

    Source: phase correlation, Kuglin & Hines 1975.
    """
    shifts = np.zeros((len(frames), 2), np.int64)
    factor = -(-max(frame.shape) // _COARSE_PX)
    coarse = _peaks(_coarse(frame, factor), _coarse(frames, factor))
    furthest = _FURTHEST * max(frame.shape)
    for index in np.flatnonzero(np.abs(coarse).max(axis=1) > _STILL_PX):
        found = np.rint(_peaks(frame, frames[index : index + 1])[0]).astype(np.int64)
        if not found.any() or np.abs(found).max() > furthest:
            continue
        moved, is_covered = lay_over(frames[index : index + 1], found[None])
        before, after = (np.median(np.abs(frame - other)[is_covered]) for other in (frames[index], moved[0]))
        if after < _GAIN * before:
            shifts[index] = found
    return shifts


def same_views(frame: np.ndarray, frames: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Which neighbours, moved, show what the frame shows; boolean, shape (num_neighbours,)."""
    factor = -(-max(frame.shape) // _COARSE_PX)
    laid = lay_over(frames, shifts)[0] if shifts.any() else frames
    now, others = _coarse(frame, factor).ravel(), _coarse(laid, factor).reshape(len(frames), -1)
    now, others = now - now.mean(), others - others.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(others, axis=1) * np.linalg.norm(now)
    alike = (others @ now) / np.maximum(norms, 1.0)
    is_flat = norms <= 1.0
    found: np.ndarray = is_flat | (alike >= max(_LEAST_ALIKE, _ALIKE_SHARE * alike.max()))
    return found


def lay_over(frames: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move images by whole pixels.

    Args:
        frames: shape (num_frames, height, width).
        shifts: in rows and columns, shape (num_frames, 2).

    Returns:
        The moved images, the same shape, and which pixels all of them cover, boolean, shape (height, width).
    """
    height, width = frames.shape[1:]
    is_covered = np.ones((height, width), bool)
    if not shifts.any():
        return frames, is_covered
    moved = frames.copy()
    for index, (down, right) in enumerate(shifts.tolist()):
        if down or right:
            moved[index] = np.roll(frames[index], (down, right), (0, 1))
            is_covered[: max(down, 0)] = is_covered[height + min(down, 0) :] = False
            is_covered[:, : max(right, 0)] = is_covered[:, width + min(right, 0) :] = False
    return moved, is_covered


def _coarse(images: np.ndarray, factor: int) -> np.ndarray:
    """Means of squares of so many pixels, float32, over the last two axes."""
    rows, columns = images.shape[-2] // factor, images.shape[-1] // factor
    cut = images[..., : rows * factor, : columns * factor]
    cells = cut.reshape(*images.shape[:-2], rows, factor, columns, factor)
    return cells.sum(axis=(-3, -1), dtype=np.int32).astype(np.float32) / factor**2


def _peaks(frame: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Shifts of highest phase correlation, to parts of a pixel, float64, shape (num_frames, 2)."""
    height, width = frame.shape
    window = (np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[1:-1]).astype(np.float32)
    now, others = (np.fft.rfft2(images * window) for images in (frame, frames))
    cross = now * np.conj(others)
    surface = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-6), s=(height, width))
    tops = surface.reshape(len(frames), -1).argmax(axis=1)
    found = np.empty((len(frames), 2))
    for index, (row, column) in enumerate(zip(*np.unravel_index(tops, (height, width)), strict=True)):
        beside = surface[index]
        for axis, (at, size) in enumerate(((row, height), (column, width))):
            line = beside[:, column] if axis == 0 else beside[row]
            before, top, after = line[(at - 1) % size], line[at], line[(at + 1) % size]
            bend = before - 2.0 * top + after
            part = 0.5 * (before - after) / bend if bend else 0.0
            found[index, axis] = (at + part + size / 2.0) % size - size / 2.0
    return found
