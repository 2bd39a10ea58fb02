"""Images as files, and what becomes of them."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.errors import DecodeError
from blanktrap.core.vocabulary import Status
from blanktrap.vision.decoding import (
    DecodedImage,
    decode_image,
)

SMALL = Preprocessing(width_px=64, height_px=48)
LIMITS = DecodeLimits()
Scene = Callable[..., Image.Image]


def encode(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    sink = io.BytesIO()
    if kind == "JPEG":
        options.setdefault("quality", 90)
    image.save(sink, kind, **options)
    return sink.getvalue()


def decode(data: bytes, preprocessing: Preprocessing = SMALL, limits: DecodeLimits = LIMITS) -> DecodedImage:
    return decode_image(data, preprocessing, limits)


def status_of(data: bytes, limits: DecodeLimits = LIMITS) -> tuple[Status, str]:
    with pytest.raises(DecodeError) as caught:
        decode(data, limits=limits)
    reason = str(caught.value)
    assert reason
    assert "\n" not in reason
    return Status(caught.value.status), reason


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one.astype(int) - other.astype(int))


def first_scan(data: bytes) -> int:
    return data.index(b"\xff\xda")
