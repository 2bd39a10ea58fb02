"""Camtrap DP packages as files: folders, zips and Parquet, versions, and broken descriptors."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import AnnotationError
from tests.files.camtrap_packages import COLUMNS, PROFILE, media, seen, table, write_package


@pytest.mark.parametrize("kind", ["folder", "zip", "gz", "parquet", "lists", "tables"])
def test_a_package_is_read_however_it_is_kept(
    tmp_path: Path, index_archive: Callable[..., Any], kind: str
) -> None:
    folder = tmp_path / "p"
    given = write_package(folder, [media("a"), media("b")], [seen("a", "blank"), seen("b", "animal")])
    if kind == "folder":
        given = folder
    elif kind == "zip":
        given = tmp_path / "p.zip"
        with zipfile.ZipFile(given, "w") as packed:
            for path in folder.iterdir():
                packed.write(path, f"package/{path.name}")
    elif kind == "gz":
        for name in COLUMNS:
            plain = folder / f"{name}.csv"
            (folder / f"{name}.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
            plain.unlink()
        write_descriptor(folder, {name: f"{name}.csv.gz" for name in COLUMNS})
    elif kind == "parquet":
        for name in COLUMNS:
            plain = folder / f"{name}.csv"
            pq.write_table(pacsv.read_csv(plain), folder / f"{name}.parquet")
            plain.unlink()
        write_descriptor(folder, {name: f"{name}.parquet" for name in COLUMNS})
    elif kind == "lists":
        (folder / "media.csv").write_text(table("media", [media("a")]))
        (folder / "more.csv").write_text(table("media", [media("b")]))
        write_descriptor(
            folder, {**{name: f"{name}.csv" for name in COLUMNS}, "media": ["media.csv", "more.csv"]}
        )
    elif kind == "tables":
        given.unlink()
        given = folder / "observations.csv"
    rows, summary = index_archive(["a.jpg", "b.jpg"], given)
    assert summary.by_label == {"blank": 1, "nonblank": 1}
    assert rows["a.jpg"]["location_id"] == "L1"


def write_descriptor(folder: Path, paths: dict[str, Any]) -> Path:
    resources = [{"name": name, "path": path} for name, path in paths.items()]
    (folder / "datapackage.json").write_text(json.dumps({"profile": PROFILE, "resources": resources}))
    return folder / "datapackage.json"


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("https://rs.gbif.org/sandbox/camtrap-dp/0.6/profile/camtrap-dp-profile.json", r"Camtrap DP 0\.6"),
        ("https://example.org/camtrap-dp/2.0/camtrap-dp-profile.json", r"Camtrap DP 2\.0"),
    ],
)
def test_versions_with_other_tables_are_refused(
    tmp_path: Path, index_archive: Callable[..., Any], profile: str, words: str
) -> None:
    package = write_package(tmp_path / "p", [media("a")], [seen("a", "blank")], profile=profile)
    with pytest.raises(AnnotationError, match=words):
        index_archive(["a.jpg"], package)
    (tmp_path / "p" / "media.csv").rename(tmp_path / "p" / "multimedia.csv")
    with pytest.raises(AnnotationError, match=words):
        index_archive(["a.jpg"], package)


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (None, "package that names no Camtrap DP version, read as 1.0"),
        (PROFILE.replace("1.0.2", "1.1"), "package of a later version, read as 1.0"),
    ],
)
def test_versions_that_are_not_quite_known_are_read_and_said(
    tmp_path: Path, index_archive: Callable[..., Any], profile: str | None, reason: str
) -> None:
    package = write_package(tmp_path / "p", [media("a")], [seen("a", "blank")], profile=profile)
    _, summary = index_archive(["a.jpg"], package)
    assert (summary.by_label, summary.annotations[0].problems) == ({"blank": 1}, {reason: 1})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"resources": [', "broken JSON"),
        ("[" * 100_000, "no known annotation format"),
        ('{"a":' * 100_000, "broken JSON"),
        ('{"resources": {}}', "no list of resources"),
        ('{"resources": []}', "no resource deployments"),
        ('{"resources": [{"name": "deployments", "data": []}]}', "names no file"),
        ('{"resources": [{"name": "deployments", "path": ["deployments.csv", 7]}]}', "names no file"),
        ('{"resources": [{"name": "deployments", "path": "gone.csv"}]}', r"gone\.csv, which is not there"),
        ('{"resources": [{"name": "deployments", "path": "../../etc/passwd"}]}', "which is not there"),
        ('{"resources": [{"name": "deployments", "path": "https://x.org/d.csv"}]}', "download it"),
    ],
)
def test_a_broken_descriptor_gets_one_line(
    tmp_path: Path, index_archive: Callable[..., Any], content: str, words: str
) -> None:
    package = write_package(tmp_path / "p", [media("a")], [seen("a", "blank")])
    package.write_text(content)
    with pytest.raises(AnnotationError, match=words) as caught:
        index_archive(["a.jpg"], package)
    assert str(package) in str(caught.value)
    assert "\n" not in str(caught.value)
