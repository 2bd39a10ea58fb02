"""What a media is called where it is separated to: its own name where that can be, else a stated one."""

import hashlib
import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.separated_names import NameRule

DISK = NameRule(is_s3=False, max_part_bytes=255, max_bytes=4000)
BUCKET = NameRule(is_s3=True, max_part_bytes=1024, max_bytes=1000)

NAMES = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(["..", ".", "", "a", "NUL", "é", "x" * 300, "a.JPG", " ", "a:b"]), max_size=6
    ).map("/".join),
)


def digits(text, num=8):
    return hashlib.sha256(text.encode()).hexdigest()[:num]


@pytest.mark.parametrize(
    ("media_id", "on_disk", "on_s3"),
    [
        ("S1/R1/IMG 0001.JPG", "S1/R1/IMG 0001.JPG", "S1/R1/IMG 0001.JPG"),
        ("100%/ñandú.jpg", "100%/ñandú.jpg", "100%/ñandú.jpg"),
        ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
        ("/etc/passwd", "%2F/etc/passwd", "%2F/etc/passwd"),
        ("a//b.jpg", "a/%2F/b.jpg", "a/%2F/b.jpg"),
        ("a/./b.jpg", "a/%2E/b.jpg", "a/%2E/b.jpg"),
        ("", "%2F", "%2F"),
        ("nul\0byte.jpg", "nul%00byte.jpg", "nul%00byte.jpg"),
        ("new\nline.jpg", "new%0Aline.jpg", "new%0Aline.jpg"),
        ('2013-05-01 12:30 "a".jpg', "2013-05-01 12%3A30 %22a%22.jpg", '2013-05-01 12:30 "a".jpg'),
        ("C:\\data\\a.jpg", "C%3A%5Cdata%5Ca.jpg", "C:\\data\\a.jpg"),
        ("end./x. /a.jpg", "end%2E/x.%20/a.jpg", "end./x. /a.jpg"),
        ("NUL.jpg", "%4EUL.jpg", "NUL.jpg"),
        ("con/lpt1", "%63on/%6Cpt1", "con/lpt1"),
        ("confetti.jpg", "confetti.jpg", "confetti.jpg"),
        (".blanktrap-1.jpg", "%2Eblanktrap-1.jpg", ".blanktrap-1.jpg"),
        ("e\u0301.jpg", "é.jpg", "é.jpg"),
    ],
)
def test_a_name_is_kept_where_it_can_be(media_id, on_disk, on_s3):
    assert DISK.apply(pa.array([media_id])).to_pylist() == [on_disk]
    assert BUCKET.apply(pa.array([media_id])).to_pylist() == [on_s3]


def test_a_long_name_is_cut_and_keeps_its_extension():
    media_id = f"S1/{'x' * 300}.jpg"
    # 255 bytes: 242 of the name, "~" and eight digits, ".jpg".
    assert DISK.name_of(media_id) == f"S1/{'x' * 242}~{digits(media_id)}.jpg"


def test_media_of_a_folder_with_a_long_name_stay_together():
    folder = "é" * 200
    names = [DISK.name_of(f"{folder}/{name}.jpg") for name in "ab"]
    # 246 bytes hold 123 two-byte letters.
    assert names == [f"{'é' * 123}~{digits(folder)}/{name}.jpg" for name in "ab"]


def test_a_key_that_is_too_long_as_a_whole_becomes_a_hash():
    media_id = f"{'x' * 600}/{'y' * 600}.JPG"
    assert BUCKET.name_of(media_id) == f"~{digits(media_id, 32)}.JPG"


def test_names_that_would_be_one_are_told_apart_by_their_media_ids():
    names = {DISK.apart("a%3Ab/x.jpg", media_id) for media_id in ("a:b/x.jpg", "a%3Ab/x.jpg")}
    assert names == {f"a%3Ab/x~{digits(media_id)}.jpg" for media_id in ("a:b/x.jpg", "a%3Ab/x.jpg")}
    assert len(DISK.apart(f"{'x' * 251}.jpg", "m")) == 255


@given(NAMES)
def test_no_name_leads_out_of_its_folder_and_every_file_system_takes_it(media_id):
    [name] = DISK.apply(pa.array([media_id])).to_pylist()
    assert name == DISK.name_of(media_id)
    for part in name.split("/"):
        assert part not in ("", ".", "..")
        assert not part.endswith((".", " "))
        assert len(part.encode()) <= 255
        assert not re.search(r'[\x00-\x1f\x7f<>:"|?*\\]', part)
        assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", part)
    assert unicodedata.is_normalized("NFC", name)


@given(st.lists(NAMES, max_size=5))
def test_many_names_are_those_of_one_by_one(media_ids):
    for rule in (DISK, BUCKET):
        names = rule.apply(pa.array(media_ids, pa.string())).to_pylist()
        assert names == [rule.name_of(media_id) for media_id in media_ids]


@given(NAMES)
def test_no_key_leads_out_of_its_prefix_or_is_too_long(media_id):
    name = BUCKET.name_of(media_id)
    assert not set(name.split("/")) & {"", ".", ".."}
    assert len(name.encode()) <= 1000
