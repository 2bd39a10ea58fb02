"""Small Camtrap DP packages."""

import json
from pathlib import Path
from typing import Any

PROFILE = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/camtrap-dp-profile.json"
COLUMNS = {
    "deployments": ["deploymentID", "locationID", "locationName", "latitude", "longitude"],
    "media": ["mediaID", "deploymentID", "timestamp", "filePath", "fileName"],
    "observations": [
        "deploymentID",
        "mediaID",
        "eventID",
        "eventStart",
        "eventEnd",
        "observationLevel",
        "observationType",
        "scientificName",
        "classificationMethod",
    ],
}
DEPLOYMENTS = ["D1,L1,hill,1,2", "D2,L1,hill,1,2", "D3,NA,dale,1,2", "D4,,,51.5,4.25"]


def table(name: str, rows: list[str]) -> str:
    return ",".join(COLUMNS[name]) + "\n" + "".join(f"{row}\n" for row in rows)


def media(name: str, deployment: str = "D1", when: str = "2020-05-30T04:57:37+02:00") -> str:
    return f"{name},{deployment},{when},{name}.jpg,"


def seen(name: str, kind: str, species: str = "", *, event: str = "", deployment: str = "D1") -> str:
    return f"{deployment},{name},{event},,,media,{kind},{species},human"


def event(
    kind: str, start: str, end: str, *, name: str = "E1", deployment: str = "D1", species: str = ""
) -> str:
    return f"{deployment},,{name},{start},{end},event,{kind},{species},human"


def write_package(
    folder: Path,
    rows: list[str],
    observations: list[str],
    *,
    deployments: list[str] = DEPLOYMENTS,
    profile: str | None = PROFILE,
    **paths: Any,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("deployments", deployments), ("media", rows), ("observations", observations)):
        (folder / f"{name}.csv").write_text(table(name, lines))
    resources: list[dict[str, Any]] = [
        {"name": name, "path": paths.get(name, f"{name}.csv"), "profile": "tabular-data-resource"}
        for name in COLUMNS
    ]
    resources.append({"name": "individuals", "data": [{"id": 1}]})
    descriptor = {"profile": profile, "resources": resources} if profile else {"resources": resources}
    (folder / "datapackage.json").write_text(json.dumps(descriptor))
    return folder / "datapackage.json"
