"""The capture ids and image paths of Snapshot Serengeti and its sister projects.

Owns: what `SER_S1#K11#1#205` and `S1/B04/B04_R1/S1_B04_R1_PICT0001.JPG` say of place and period. Refuses:
files; the tables that hold such ids are read on floor 1.
"""

import re
from dataclasses import dataclass

# Season, site, roll, capture. The park before the season is absent in the oldest tables.
_CAPTURE_ID = re.compile(r"(?:([A-Za-z]+)_)?(S[0-9A-Za-z]+)#([^#/\s]+)#([0-9]+)#([0-9]+)")

# Season, site, and a folder that repeats the site before the roll.
_IMAGE_PATH = re.compile(r"(?:.*/)?(?:([A-Za-z]+)_)?(S[0-9A-Za-z]+)/([^/]+)/\3_R([0-9]+)/[^/]+")

_SERENGETI = "SER"


@dataclass(frozen=True, kw_only=True)
class Roll:
    """One memory card of one camera: a site during part of a season."""

    park: str
    """`SER` is the Serengeti, also where nothing is said; sister projects have codes of their own."""
    season: str
    site: str
    roll: int

    @property
    def location_id(self) -> str:
        """The site: the same place in every season. Sites of other parks carry the park, `KRU/K11`."""
        return self.site if self.park == _SERENGETI else f"{self.park}/{self.site}"

    @property
    def deployment_id(self) -> str:
        """The roll, as `S1/K11/R1`: the first roll of a site in one season is not that of the next."""
        season = self.season if self.park == _SERENGETI else f"{self.park}/{self.season}"
        return f"{season}/{self.site}/R{self.roll}"


@dataclass(frozen=True, kw_only=True)
class CaptureId:
    """One trigger of one camera, with the frames it took."""

    text: str
    """The id as it was written."""
    taken_on: Roll
    capture: int

    @property
    def location_id(self) -> str:
        return self.taken_on.location_id

    @property
    def deployment_id(self) -> str:
        return self.taken_on.deployment_id


def parse_capture_id(text: str) -> CaptureId | None:
    """Read a capture id such as `SER_S1#K11#1#205`: season, site, roll, capture.

    Returns:
        None where the text is no such id.
    """
    plain = text.strip()
    found = _CAPTURE_ID.fullmatch(plain)
    if found is None:
        return None
    park, season, site, roll, capture = found.groups()
    return CaptureId(text=plain, taken_on=_roll(park, season, site, roll), capture=int(capture))


def parse_image_path(path: str) -> Roll | None:
    """Read the folders of an image path such as `S1/B04/B04_R1/S1_B04_R1_PICT0001.JPG`.

    Returns:
        None where the path has no such folders.
    """
    found = _IMAGE_PATH.fullmatch(path.strip().replace("\\", "/"))
    return _roll(*found.groups()) if found else None


def _roll(park: str | None, season: str, site: str, roll: str) -> Roll:
    return Roll(park=(park or _SERENGETI).upper(), season=season.upper(), site=site, roll=int(roll))
