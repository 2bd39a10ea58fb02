"""The archive that most tests separate: two stations, one media of each decision."""

import pytest

from tests.files.separating.archives import Archive


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path)
    archive.add("S1/kept.jpg", 0.9)
    archive.add("S1/blank.jpg", 0.1)
    archive.add("S1/R1/doubtful.jpg", 0.4)
    archive.add("S2/broken.jpg", None)
    archive.add("S2/kept.jpg", 0.6)
    return archive
