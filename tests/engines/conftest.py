"""A small model, a small archive with every kind of bad file, and ways to start and end Ray."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blanktrap.core.config import IndexConfig, Preprocessing
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from tests.engines.runs import NUM_MEDIA, STORAGE, Driver, save_random_model


@pytest.fixture(autouse=True, scope="session")
def quiet_ray() -> None:
    """Keep Ray's thousand lines an execution out of what a failing test shows."""
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint with random weights and an input large enough that a run takes seconds."""
    preprocessing = Preprocessing(width_px=224, height_px=168, banner_bottom=0.06)
    return save_random_model(tmp_path_factory.mktemp("model") / "checkpoint", preprocessing=preprocessing)


@pytest.fixture(scope="session")
def comparing_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same, looking at the background of the place as well."""
    preprocessing = Preprocessing(width_px=224, height_px=168, banner_bottom=0.06, background="location")
    return save_random_model(tmp_path_factory.mktemp("comparing") / "checkpoint", preprocessing=preprocessing)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, make_jpeg: Callable[..., bytes]) -> Path:
    """240 images at 8 places, odd names and bad files among them."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(240):
        path = folder / f"site {number % 8}" / f"IMG_{number:04d}.JPG"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(make_jpeg(number, width_px=640, height_px=480))
    whole = (folder / "site 0" / "IMG_0000.JPG").read_bytes()
    bad = {
        "zero_bytes.jpg": b"",
        "truncated.jpg": whole[: len(whole) // 2],
        "words.jpg": b"no image at all, only words",
        "100 %, ünï & <b>'quoted'\".jpg": whole,
    }
    for name, data in bad.items():
        (folder / "site 1" / name).write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory, archive: Path) -> str:
    """The archive's manifest; one of its files is removed after indexing."""
    out = str(tmp_path_factory.mktemp("manifest") / "manifest")
    (archive / "site 2" / "gone.jpg").write_bytes((archive / "site 0" / "IMG_0000.JPG").read_bytes())
    config = IndexConfig(path_pattern="{location}/{}")
    build_manifest([str(archive)], out, annotations=[], inventory=None, config=config, storage=STORAGE)
    (archive / "site 2" / "gone.jpg").unlink()
    assert open_manifest(STORAGE, out).num_media == NUM_MEDIA
    return out


@pytest.fixture
def start_driver() -> Iterator[Callable[..., Driver]]:
    """Starts drivers; whatever a failed test leaves running is ended by its process id."""
    started: list[Driver] = []

    def start(*arguments: str, command: str = "score") -> Driver:
        started.append(Driver(*arguments, command=command))
        return started[-1]

    yield start
    for driver in started:
        family = driver.descendants()
        if driver.process.poll() is None:
            driver.process.kill()
            driver.process.communicate()
        for process in family:
            if process.is_running():
                process.kill()
