"""Shared fixtures: a real S3 server of our own, small real images, the real data where it is there."""

import io
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from blanktrap.files.storage import Storage

# How long an example takes says something of the machine, not of the code.
settings.register_profile("blanktrap", deadline=None)
settings.load_profile("blanktrap")

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

SERVER = Path(__file__).resolve().parents[1] / "benchmarks" / "s3_server.py"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server in a process of its own; the AWS environment points at it."""
    process = subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()  # printed once the socket listens
        assert port.isdigit(), "the S3 server did not start"
        address = f"http://127.0.0.1:{port}"
        settings = {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in settings.items():
                patch.setenv(name, value)
            yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def s3_bucket(s3_server: str) -> str:
    """The name of a fresh, empty bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    Storage().client().create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images and annotations."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"the real data is not there ({REAL_DATA})")
    return REAL_DATA


@pytest.fixture(scope="session")
def make_jpeg() -> Callable[..., bytes]:
    """Draws a small real JPEG: the same seed, size and time give the same bytes."""

    def draw(
        seed: int = 0,
        *,
        width_px: int = 64,
        height_px: int = 48,
        taken: datetime | None = None,
        subsecond: str | None = None,
    ) -> bytes:
        noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        image = Image.fromarray(noise).resize((width_px, height_px), Image.Resampling.BICUBIC)
        exif = Image.Exif()
        if taken is not None:
            details = exif.get_ifd(0x8769)
            details[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
            if subsecond is not None:
                details[0x9291] = subsecond
        sink = io.BytesIO()
        image.save(sink, "JPEG", quality=90, exif=exif)
        return sink.getvalue()

    return draw
