"""What tests of storage have in common: the error that must come, what is staged, and what is sent."""

import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from blanktrap.core.errors import SourceError
from blanktrap.files.storage import Storage

STORAGE = Storage()
OBJECT = "s3://archive/S1/IMG 1.JPG"
BODY = bytes(range(256)) * 40
STRANGE_KEYS = [
    "a b.jpg",
    "per%20cent.jpg",
    "100%.jpg",
    "up/../down.jpg",
    "what?size=1.jpg",
    "no#1.jpg",
    "two//slashes.jpg",
    "ñandú/日本.jpg",
    "new\nline.jpg",
    "a+b=c&d;e,f.jpg",
    "~tilde'\"`$.jpg",
]


def line_of(kind: type[SourceError], act: Callable[[], object]) -> str:
    """The message of the error that must come: of this very class, and one line."""
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind
    text = str(caught.value)
    assert text
    assert "\n" not in text
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args  # noqa: S301
    return text


def staged_in(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".blanktrap-")]


@contextmanager
def sent(storage: Storage = STORAGE) -> Iterator[list[Any]]:
    """The requests that leave for S3 while the block runs, retries included."""
    requests: list[Any] = []
    events = storage.client().meta.events

    def keep(request: Any, **_: object) -> None:
        requests.append(request)

    events.register("before-send.s3", keep)
    try:
        yield requests
    finally:
        events.unregister("before-send.s3", keep)


READERS: dict[str, Callable[[str, Path], object]] = {
    "read_bytes": lambda uri, _: STORAGE.read_bytes(uri),
    "read_range": lambda uri, _: STORAGE.read_range(uri, 0, 4),
    "download": lambda uri, folder: STORAGE.download(uri, folder / "copy"),
    "open_random": lambda uri, _: STORAGE.open_random(uri),
}
WRITERS: dict[str, Callable[[str, Path], object]] = {
    "write_bytes": lambda uri, _: STORAGE.write_bytes(uri, BODY),
    "upload": lambda uri, folder: STORAGE.upload(folder / "file", uri),
}
