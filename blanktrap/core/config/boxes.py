"""`blanktrap train --boxes`: where people or a detector saw the animals."""

from blanktrap.core.config.base import Config, Share


class BoxesConfig(Config):
    """Boxes of the labelled media. No part of the recipe: like labels, they belong to the media."""

    files: tuple[str, ...] = ()
    """COCO Camera Traps files and MegaDetector results, local or S3."""
    min_confidence: Share = 0.2
    """Detections below it are no boxes: what MegaDetector 5's authors recommend for most projects."""
