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
"""A shift is believed if it lowers the mean difference to this share: an animal that walks is no shift."""
_LEAST_ALIKE, _ALIKE_SHARE = 0.1, 0.5
"""Correlation of two images of one view: the least, and as a share of the best neighbour's."""


def find_shifts(frame: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each neighbour must be moved to lie on the frame, and whether it shows the same view then.

    Args:
        frame: local contrast, int16, shape (height, width).
        frames: the same, shape (num_neighbours, height, width).

    Returns:
        Rows and columns, int64, shape (num_neighbours, 2), 0 where nothing is gained by moving; and boolean,
        shape (num_neighbours,).

    Source: phase correlation, Kuglin & Hines 1975.
    """
    factor = -(-max(frame.shape) // _COARSE_PX)
    now, others = shrink(frame, factor), shrink(frames, factor)
    shifts = _shifts_between(frame, frames, _peaks(now, others))
    if shifts.any():
        others = shrink(lay_over(frames, shifts)[0], factor)
    return shifts, _same_views(now, others)


def _shifts_between(frame: np.ndarray, frames: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Whole shifts of those that seem shifted coarsely, `coarse` being shifts of the coarse images."""
    shifts = np.zeros((len(frames), 2), np.int64)
    furthest = _FURTHEST * max(frame.shape)
    for index in np.flatnonzero(np.abs(coarse).max(axis=1) > _STILL_PX):
        found = np.rint(_peaks(frame, frames[index : index + 1])[0]).astype(np.int64)
        if np.abs(found).max() > furthest:
            continue
        # The peak of a smooth picture is wide: what lies beside it may fit better.
        tried = found + np.array([(down, right) for down in (0, -1, 1) for right in (0, -1, 1)])
        apart = [_apart(frame, frames[index], one) for one in tried]
        best = int(np.argmin(apart))
        if apart[best] < _GAIN * _apart(frame, frames[index], shifts[index]):
            shifts[index] = tried[best]
    return shifts


def _apart(frame: np.ndarray, other: np.ndarray, shift: np.ndarray) -> float:
    """The mean difference where an image that is moved so covers the frame."""
    moved, is_covered = lay_over(other[None], shift[None])
    return float(np.abs(frame - moved[0])[is_covered].mean())


def _same_views(now: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which coarse images, moved, show what the frame's shows; boolean, shape (num_neighbours,)."""
    now, others = now.ravel(), others.reshape(len(others), -1)
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


def shrink(images: np.ndarray, factor: int) -> np.ndarray:
    """Means of squares of so many pixels, float32, over the last two axes.

    Rows of squares are added up image by image: numpy's sum over axes within takes eight times as long.
    """
    rows, columns = images.shape[-2] // factor, images.shape[-1] // factor
    cut = images[..., : rows * factor, : columns * factor]
    lines = np.zeros((*images.shape[:-2], rows, columns * factor), np.int32)
    for down in range(factor):
        lines += cut[..., down::factor, :]
    total = lines[..., ::factor].copy()
    for right in range(1, factor):
        total += lines[..., right::factor]
    return total.astype(np.float32) / factor**2


def _peaks(frame: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Shifts of highest phase correlation, to parts of a pixel, float64, shape (num_frames, 2)."""
    # Sizes that the transform is fast at.
    height, width = (size - size % 8 if size >= 16 else size for size in frame.shape)
    frame, frames = frame[:height, :width], frames[:, :height, :width]
    window = (np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[1:-1]).astype(np.float32)
    now, others = (np.fft.rfft2(images * window) for images in (frame, frames))
    cross = now * np.conj(others)
    # Halfway to phase alone: with all frequencies alike, noise outweighs smooth scenes.
    surface = np.fft.irfft2(cross / np.sqrt(np.maximum(np.abs(cross), 1e-6)), s=(height, width))
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
