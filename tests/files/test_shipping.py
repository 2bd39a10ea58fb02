"""What goes to a cluster is the package and nothing else."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from blanktrap.core.errors import SourceError, UsageError
from blanktrap.files import shipping
from blanktrap.files.shipping import build_wheel, copy_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which somebody works: data, an environment, secrets and links lie about."""
    root = tmp_path / "checkout"
    for name in [
        "pyproject.toml",
        "blanktrap/__init__.py",
        "blanktrap/core/words.py",
        "blanktrap/core/__pycache__/words.pyc",
        "blanktrap/.env",
        "jobs/score.py",
        "data/IMG_0001.JPG",
        ".venv/bin/python",
        ".git/config",
        ".aws/credentials",
        "scores/run.json",
    ]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "blanktrap" / "photos").symlink_to(root / "data")
    return root


def test_a_checkout_ships_its_package_and_jobs_alone(tmp_path: Path, checkout: Path) -> None:
    num_bytes = copy_checkout(tmp_path / "shipped", root=checkout)
    shipped = {
        str(path.relative_to(tmp_path / "shipped"))
        for path in (tmp_path / "shipped").rglob("*")
        if path.is_file()
    }
    wanted = {"pyproject.toml", "blanktrap/__init__.py", "blanktrap/core/words.py", "jobs/score.py"}
    assert shipped == wanted
    assert num_bytes == sum(map(len, wanted))


def test_data_among_the_packages_files_are_refused(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "MAX_BYTES", 60)
    (checkout / "blanktrap" / "archive.zip").write_bytes(bytes(100))
    with pytest.raises(SourceError, match="data among the package's files"):
        copy_checkout(tmp_path / "shipped", root=checkout)
    with pytest.raises(SourceError, match="data among the package's files"):
        build_wheel(tmp_path, package=checkout / "blanktrap")


def test_an_installed_package_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use --ship wheel"):
        copy_checkout(tmp_path / "shipped", root=tmp_path)


def test_a_wheel_installs_without_a_download_and_is_the_package(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path)
    target = tmp_path / "target"
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--target", str(target), str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    ours = {path.relative_to(shipping.PACKAGE): path for path in shipping.PACKAGE.rglob("*.py")}
    theirs = {path.relative_to(target / "blanktrap"): path for path in (target / "blanktrap").rglob("*.py")}
    assert ours.keys() == theirs.keys()
    assert all(ours[name].read_bytes() == theirs[name].read_bytes() for name in ours)


def test_the_same_files_make_the_same_wheel(tmp_path: Path, checkout: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        wheel = build_wheel(tmp_path / name, package=checkout / "blanktrap")
        digests.add(hashlib.sha256(wheel.read_bytes()).hexdigest())
        assert not any("photos" in entry or ".env" in entry for entry in zipfile.ZipFile(wheel).namelist())
    assert len(digests) == 1
