import random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import SourceError
from blanktrap.files import s3_listing
from blanktrap.files.s3_listing import list_s3, midpoint
from blanktrap.files.storage import Storage

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@given(KEYS, st.one_of(st.none(), KEYS))
def test_a_midpoint_lies_between(low: str, high: str | None) -> None:
    if high is not None and high < low:
        low, high = high, low
    middle = midpoint(low, high) if low != high else None
    if middle is not None:
        assert low.encode() < middle.encode()
        assert high is None or middle.encode() < high.encode()


def test_plain_file_names_have_a_midpoint() -> None:
    assert midpoint("S1/IMG_0001000.JPG", None) is not None
    assert midpoint("S1/IMG_0001000.JPG", "S1/IMG_0900000.JPG") is not None
    assert midpoint("a", "b") is not None


@pytest.mark.s3
@pytest.mark.parametrize("layout", ["flat", "folders", "deep", "one_folder"])
@pytest.mark.parametrize("page_size", [1, 7, 1000])
def test_every_key_is_listed_once_however_ranges_are_cut(s3_bucket: str, layout: str, page_size: int) -> None:
    chance = random.Random(4)
    names = {
        "flat": [f"IMG_{n:05d}.JPG" for n in range(120)],
        # With the empty objects that consoles make for folders: keys that are themselves where ranges end.
        "folders": [f"S{n % 30}/{'aZñ~ !'[n % 6]}{n}.jpg" for n in range(120)]
        + [f"S{n}/" for n in range(30)],
        "deep": [f"A/B/{n % 5}/C {n % 3}/é{n}.jpg" for n in range(120)],
        "one_folder": [f"only/{n}" for n in chance.sample(range(10**6), 120)],
    }[layout]
    client = Storage().client()
    for name in [*(f"pre/{name}" for name in names), "pre", "pre-other/x", "prf"]:
        client.put_object(Bucket=s3_bucket, Key=name, Body=b"x")
    plain = client.list_objects_v2

    def short_pages(**request: object) -> object:
        # Folders are looked for in whole pages, as they are in a large bucket.
        return plain(**request, **({} if "Delimiter" in request else {"MaxKeys": page_size}))

    # Short pages make ranges long, so that they are cut as a bucket of millions would be.
    with patch.object(client, "list_objects_v2", short_pages):
        found = [key.key for page in list_s3(Storage(), f"s3://{s3_bucket}/pre") for key in page]
    assert sorted(found) == sorted(f"pre/{name}" for name in names)


@pytest.mark.s3
def test_a_server_that_ignores_where_to_start_is_refused(s3_bucket: str) -> None:
    client = Storage().client()
    for number in range(40):
        client.put_object(Bucket=s3_bucket, Key=f"S{number}/x.jpg", Body=b"x")
    plain = client.list_objects_v2

    def ignoring(**request: object) -> object:
        request.pop("StartAfter", None)
        return plain(**request, MaxKeys=5)

    with (
        patch.object(client, "list_objects_v2", ignoring),
        pytest.raises(SourceError, match="out of order"),
    ):
        list(list_s3(Storage(), f"s3://{s3_bucket}"))
    assert s3_listing.NUM_WORKERS > 1
