"""Another view of the same scene: mirrored, moved, nearer or further.

Owns: what a view may cut off, with boxes of the animals and without. Refuses: turning: a camera that
hangs askew is set straight, and corners without picture would tell that it was turned.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torchvision.transforms.v2 import functional

from blanktrap.vision.augmentation.draw import Draw

MAX_MARGIN = 0.1
"""Largest share of width and height that a view may show beyond the picture, where it is mirrored."""

_SIDES = 2


def flip(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Mirror left to right."""
    return functional.horizontal_flip(images)


def mirrored(boxes: torch.Tensor) -> torch.Tensor:
    """Boxes (left, top, right, bottom in [0, 1], shape (num_boxes, 4)) of a mirrored image."""
    left, top, right, bottom = boxes.unbind(1)
    return torch.stack([1.0 - right, top, 1.0 - left, bottom], 1)


def crop(images: torch.Tensor, draw: Draw, max_cut: float) -> torch.Tensor:
    """Move and scale the view; shape and meaning of the images stay.

    Without boxes at most `max_cut` of the width and of the height are cut off, left and right (above and
    below) together. What lies within that strip may be lost, and a small animal at the border with it; an
    animal that reaches at least twice as far into the picture keeps half of its length and more.
    With boxes, every one of them also keeps at least 1 - `max_cut` of its area.

    Args:
        images: shape (num_media, 3, height_px, width_px).
        draw: lots 0 to 2 are used.
        max_cut: the stated share, in [0, 0.5].
    """
    size = draw.lots[:, 0] * (max_cut + MAX_MARGIN) + 1.0 - max_cut
    starts, ends = [], []
    for axis in range(_SIDES):
        # The cut of both sides together is at most max_cut, the margin of each at most MAX_MARGIN.
        first = torch.maximum(1.0 - size - max_cut, torch.full_like(size, -MAX_MARGIN))
        last = torch.minimum(1.0 - size + MAX_MARGIN, torch.full_like(size, max_cut))
        start = first + draw.lots[:, 1 + axis] * (last - first)
        end = start + size
        if draw.boxes is not None:
            start, end = _spare(start, end, draw.boxes, axis, max_cut)
        starts.append(start)
        ends.append(end)
    start, end = torch.stack(starts, 1), torch.stack(ends, 1)
    # A sampling grid spans -1 to 1 over the picture.
    moves = torch.zeros(len(images), _SIDES, _SIDES + 1, dtype=torch.float64)
    moves[:, range(_SIDES), range(_SIDES)] = end - start
    moves[:, :, _SIDES] = start + end - 1.0
    moves = moves.float().to(images.device, non_blocking=True)
    grid = nn.functional.affine_grid(moves, list(images.shape), align_corners=False)
    return nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _spare(
    start: torch.Tensor, end: torch.Tensor, boxes: Sequence[torch.Tensor], axis: int, max_cut: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Widen views along one axis until every box keeps its share.

    A box that keeps 1 - f of its width and of its height keeps (1 - f)² of its area: f = 1 - √(1 - max_cut),
    half of it for each side, since both may cut.
    """
    each_side = (1.0 - (1.0 - max_cut) ** 0.5) / 2.0
    start, end = start.clone(), end.clone()
    for media, inside in enumerate(boxes):
        if len(inside):
            first, last = inside[:, axis].double(), inside[:, axis + _SIDES].double()
            spared = each_side * (last - first)
            start[media] = torch.minimum(start[media], (first + spared).min())
            end[media] = torch.maximum(end[media], (last - spared).max())
    return start, end
