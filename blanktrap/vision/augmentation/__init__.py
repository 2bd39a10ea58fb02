"""What may happen to a camera-trap photograph without changing its label.

Owns: changes of a training batch, each tied to a circumstance of the field (`AugmentConfig` names them), by
chance and apart for each image. Refuses: labels, files, and changes of hue.
"""

from blanktrap.vision.augmentation.augmenter import Augmenter

__all__ = ["Augmenter"]
