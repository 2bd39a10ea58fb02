"""On S3 media are copied, moved, tagged and listed by decision, and all of it can be taken back."""

import contextlib
import csv
import hashlib
import json
from urllib.parse import unquote

import pytest

from blanktrap.core.config import SeparateConfig
from blanktrap.core.errors import SeparationError, SourceError, UsageError
from blanktrap.files.s3 import s3_client
from blanktrap.files.separating import run, s3_objects, s3_placing
from blanktrap.files.separating.journal import FOLDER
from blanktrap.files.separating.run import separate_media
from blanktrap.files.separating.undo import undo_separation
from blanktrap.files.storage import Storage
from tests.files.separating.archives import tree
from tests.files.written_scores import STORAGE, media, write_scores

pytestmark = pytest.mark.s3

HOSTILE = ["a b/100%.jpg", "up/../down.jpg", "a+b=c&d;e,f.jpg", 'quote"s.jpg', "日本/ñandú.jpg", "what?#.jpg"]


class Bucket:
    """An archive under `in/` of a bucket, and what is under `out/`."""

    def __init__(self, name, tmp_path):
        self.name, self.tmp_path = name, tmp_path
        self.to = f"s3://{name}/out"
        self.rows = []
        self.client = s3_client(False)

    def add(self, name, p, *, content=None, **more):
        body = content or f"image {name}".encode()
        if content is not False:
            self.client.put_object(Bucket=self.name, Key=f"in/{name}", Body=body, ContentType="image/jpeg")
            more = {"size_bytes": len(body), **more}
        self.rows.append(media(name, p, None, uri=f"s3://{self.name}/in/{name}", **more))

    def separate(self, mode, *, to=None, batch_size=3, **config):
        scores = self.tmp_path / "scores"
        if not scores.exists():
            write_scores(scores, self.rows)
        settings = SeparateConfig(**{"cutoff": 0.3, "review_below": 0.6, "mode": mode, **config})
        return separate_media(
            str(scores), str(to or self.to), config=settings, storage=STORAGE, batch_size=batch_size
        )

    def undo(self, to=None):
        return undo_separation(str(to or self.to), storage=STORAGE)

    def objects(self, prefix=""):
        """The objects under a prefix and what is in them, less the journal."""
        found = {}
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for item in page.get("Contents", []):
                if f"/{FOLDER}/" not in item["Key"]:
                    body = self.client.get_object(Bucket=self.name, Key=item["Key"])["Body"].read()
                    found[item["Key"]] = body
        return found

    def tags(self, name):
        answer = self.client.get_object_tagging(Bucket=self.name, Key=f"in/{name}")
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def tag(self, name, **tags):
        tag_set = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.client.put_object_tagging(Bucket=self.name, Key=f"in/{name}", Tagging={"TagSet": tag_set})


@pytest.fixture
def bucket(s3_bucket, tmp_path):
    bucket = Bucket(s3_bucket, tmp_path)
    bucket.add("S1/kept.jpg", 0.9)
    bucket.add("S1/blank.jpg", 0.1)
    bucket.add("S1/R1/doubtful.jpg", 0.4)
    bucket.add("S2/broken.jpg", None)
    bucket.add("S2/gone.jpg", 0.9, content=False)
    return bucket


SEPARATED = {
    "out/keep/S1/kept.jpg": b"image S1/kept.jpg",
    "out/review/S1/R1/doubtful.jpg": b"image S1/R1/doubtful.jpg",
    "out/set_aside/S1/blank.jpg": b"image S1/blank.jpg",
    "out/unreadable/S2/broken.jpg": b"image S2/broken.jpg",
}


@pytest.mark.parametrize("mode", ["copy", "move"])
def test_objects_go_to_the_folder_of_their_decision_and_back(bucket, mode):
    before = bucket.objects()
    summary = bucket.separate(mode)
    assert bucket.objects("out/") == SEPARATED
    assert bucket.objects("in/") == ({} if mode == "move" else before)
    assert summary.history.left.examples == {"the original is gone": ["S2/gone.jpg"]}
    head = bucket.client.head_object(Bucket=bucket.name, Key="out/keep/S1/kept.jpg")
    assert head["ContentType"] == "image/jpeg"
    bucket.undo()
    assert bucket.objects() == before
    # No journal is left either.
    assert bucket.client.list_objects_v2(Bucket=bucket.name, Prefix="out/").get("KeyCount") == 0


@pytest.mark.parametrize("mode", ["copy", "move"])
def test_hostile_keys_stay_below_the_prefix(s3_bucket, tmp_path, mode):
    bucket = Bucket(s3_bucket, tmp_path)
    for name in HOSTILE:
        bucket.add(name, 0.9)
    before = bucket.objects()
    bucket.separate(mode)
    names = {f"out/keep/{name.replace('/../', '/%2E%2E/')}" for name in HOSTILE}
    assert set(bucket.objects("out/")) == names
    bucket.undo()
    assert bucket.objects() == before


def test_a_large_object_is_copied_in_parts_with_its_headers_and_tags(bucket, monkeypatch):
    monkeypatch.setattr(s3_objects, "MAX_COPY_BYTES", 8 * 1024**2)
    monkeypatch.setattr(s3_objects, "PART_BYTES", 5 * 1024**2)
    content = bytes(range(256)) * (12 * 1024**2 // 256)
    bucket.add("S1/large.jpg", 0.9, content=content)
    bucket.tag("S1/large.jpg", owner="ana + ben")
    bucket.separate("move")
    key = "out/keep/S1/large.jpg"
    assert bucket.objects(key) == {key: content}
    head = bucket.client.head_object(Bucket=bucket.name, Key=key)
    assert head["ContentType"] == "image/jpeg"
    assert head["ETag"].endswith('-3"')
    [tag] = bucket.client.get_object_tagging(Bucket=bucket.name, Key=key)["TagSet"]
    assert tag == {"Key": "owner", "Value": "ana + ben"}
    bucket.undo()
    assert bucket.objects("in/S1/large.jpg") == {"in/S1/large.jpg": content}


def test_an_object_that_is_not_the_same_is_not_removed(bucket, monkeypatch):
    monkeypatch.setattr(s3_placing.S3Placer, "is_same", lambda *_: False)
    before = bucket.objects()
    bucket.separate("move", batch_size=10)
    assert bucket.objects() == before


def test_what_is_at_a_key_is_not_overwritten(bucket, monkeypatch):
    plain = run._look

    def look(placer, rows):
        """Somebody else writes an object between looking and placing."""
        reasons = plain(placer, rows)
        bucket.client.put_object(Bucket=bucket.name, Key="out/keep/S1/kept.jpg", Body=b"mine")
        return reasons

    monkeypatch.setattr(run, "_look", look)
    summary = bucket.separate("move", batch_size=10)
    assert summary.history.left.examples["something else has its place"] == ["S1/kept.jpg"]
    assert bucket.objects()["out/keep/S1/kept.jpg"] == b"mine"
    assert bucket.objects()["in/S1/kept.jpg"] == b"image S1/kept.jpg"


def test_a_prefix_with_something_else_and_another_configuration_are_refused(bucket):
    bucket.client.put_object(Bucket=bucket.name, Key="out/notes.txt", Body=b"mine")
    with pytest.raises(SeparationError, match=r"out is not empty \(it has notes.txt\)"):
        bucket.separate("copy")
    bucket.client.delete_object(Bucket=bucket.name, Key="out/notes.txt")
    bucket.separate("copy")
    with pytest.raises(SeparationError, match="was begun with mode copy, now mode move"):
        bucket.separate("move")
    assert bucket.separate("copy").num_before == 5


def test_what_was_changed_since_and_the_last_copy_are_left(bucket):
    bucket.separate("copy")
    bucket.client.put_object(Bucket=bucket.name, Key="out/keep/S1/kept.jpg", Body=b"edited")
    bucket.client.delete_object(Bucket=bucket.name, Key="in/S1/blank.jpg")
    assert bucket.undo().history.not_undone.examples == {
        "changed since": ["S1/kept.jpg"],
        "the original is gone: this is the last copy": ["S1/blank.jpg"],
    }
    assert set(bucket.objects("out/")) == {"out/keep/S1/kept.jpg", "out/set_aside/S1/blank.jpg"}


@pytest.mark.parametrize("mode", ["copy", "move", "tag"])
def test_interrupted_at_any_request_the_same_call_goes_on(bucket, mode, monkeypatch):
    before = bucket.objects()
    plain, plain_facts = s3_placing.S3Placer.ask, s3_placing.S3Placer.facts
    num_interrupted = 0
    for step in range(0, 40, 3):
        left = [step]

        def count(left=left):
            left[0] -= 1
            if left[0] < 0:
                nonlocal num_interrupted
                num_interrupted += 1
                raise SourceError("the network went away")

        def ask(self, uri, request, count=count):
            count()
            return plain(self, uri, request)

        def facts(self, uri, count=count):
            count()
            return plain_facts(self, uri)

        with monkeypatch.context() as patch:
            patch.setattr(s3_placing.S3Placer, "ask", ask)
            patch.setattr(s3_placing.S3Placer, "facts", facts)
            with contextlib.suppress(SourceError):
                bucket.separate(mode)
        bucket.separate(mode)
        if mode == "tag":
            assert bucket.tags("S1/kept.jpg") == {"blanktrap": "keep"}
        else:
            assert bucket.objects("out/") == SEPARATED
        bucket.undo()
        assert bucket.objects() == before
    assert num_interrupted > 6
    assert bucket.tags("S1/kept.jpg") == {}


# Tags


def test_tags_are_added_to_others_and_taken_off_again(bucket):
    bucket.tag("S1/kept.jpg", owner="ana", site="S1")
    summary = bucket.separate("tag")
    assert bucket.tags("S1/kept.jpg") == {"owner": "ana", "site": "S1", "blanktrap": "keep"}
    assert bucket.tags("S1/blank.jpg") == {"blanktrap": "set_aside"}
    assert bucket.tags("S1/R1/doubtful.jpg") == {"blanktrap": "review"}
    assert bucket.tags("S2/broken.jpg") == {"blanktrap": "unreadable"}
    assert summary.history.left.examples == {"the original is gone": ["S2/gone.jpg"]}
    bucket.undo()
    assert bucket.tags("S1/kept.jpg") == {"owner": "ana", "site": "S1"}
    assert bucket.tags("S1/blank.jpg") == {}


def test_an_eleventh_tag_and_a_tag_of_the_same_key_are_left(bucket):
    bucket.tag("S1/kept.jpg", **{f"t{number}": "x" for number in range(10)})
    bucket.tag("S1/blank.jpg", blanktrap="keep")
    summary = bucket.separate("tag", batch_size=10)
    assert summary.history.left.examples == {
        "it has 10 tags, as many as S3 allows": ["S1/kept.jpg"],
        "it has this tag already, and it is not ours": ["S1/blank.jpg"],
        "the original is gone": ["S2/gone.jpg"],
    }
    assert bucket.tags("S1/blank.jpg") == {"blanktrap": "keep"}
    bucket.undo()
    assert bucket.tags("S1/blank.jpg") == {"blanktrap": "keep"}
    assert len(bucket.tags("S1/kept.jpg")) == 10


def test_a_tag_that_was_changed_since_is_left(bucket):
    bucket.separate("tag", tag_key="decided by")
    bucket.tag("S1/kept.jpg", **{"decided by": "Ana"})
    assert bucket.undo().history.not_undone.examples == {"its tag has changed since": ["S1/kept.jpg"]}
    assert bucket.tags("S1/kept.jpg") == {"decided by": "Ana"}


def test_the_journal_of_tags_may_be_on_disk(bucket, tmp_path):
    bucket.separate("tag", to=tmp_path / "journal")
    assert bucket.tags("S1/kept.jpg") == {"blanktrap": "keep"}
    bucket.undo(to=tmp_path / "journal")
    assert bucket.tags("S1/kept.jpg") == {}
    assert not (tmp_path / "journal").exists()


# Lists for S3 Batch Operations


def test_lists_are_what_s3_batch_operations_reads(bucket, tmp_path):
    for name in HOSTILE:
        bucket.add(name, 0.1)
    summary = bucket.separate("manifest")
    lists = bucket.objects("out/")
    assert set(lists) == {f"out/{word}.csv" for word in ("keep", "review", "set_aside", "unreadable")}
    rows = list(csv.reader(lists["out/set_aside.csv"].decode().splitlines()))
    assert rows[0] == [bucket.name, "in/S1/blank.jpg"]
    assert [unquote(key) for _, key in rows[1:]] == [f"in/{name}" for name in HOSTILE]
    assert rows[1][1] == "in/a%20b/100%25.jpg"
    assert "11 listed" in "\n".join(summary.lines())
    bucket.undo()
    assert bucket.objects("out/") == {}


def test_lists_of_several_buckets_are_apart_and_may_be_on_disk(bucket, tmp_path):
    bucket.rows.append(media("other.jpg", 0.9, None, uri="s3://another/other.jpg"))
    bucket.separate("manifest", to=tmp_path / "lists", only=("keep",))
    names = {name for name in tree(tmp_path / "lists") if not name.startswith(FOLDER)}
    assert names == {f"keep.{bucket.name}.csv", "keep.another.csv"}
    (tmp_path / "lists" / "keep.another.csv").write_text("edited")
    assert bucket.undo(to=tmp_path / "lists").history.not_undone.examples == {
        "changed since": ["keep.another.csv"]
    }


# Between disk and S3


def test_objects_are_fetched_to_disk(bucket, tmp_path):
    before = bucket.objects()
    bucket.separate("copy", to=tmp_path / "out")
    found = {name: what for name, what in tree(tmp_path / "out").items() if not name.startswith(FOLDER)}
    assert found == {name.removeprefix("out/"): what for name, what in SEPARATED.items()}
    bucket.undo(to=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert bucket.objects() == before


def test_a_public_bucket_is_fetched_without_credentials(bucket, tmp_path, monkeypatch):
    bucket.rows.pop()
    signed = []
    monkeypatch.setattr(s3_objects, "s3_client", lambda no_sign_request: signed.append(no_sign_request))
    scores = write_scores(tmp_path / "scores", bucket.rows)
    config = SeparateConfig(cutoff=0.3, mode="copy")
    summary = separate_media(
        scores, str(tmp_path / "out"), config=config, storage=Storage(no_sign_request=True)
    )
    assert summary.history.left.num == 0
    assert signed == []


def test_files_are_put_to_s3_and_a_mixed_archive_is_copied_whole(bucket, tmp_path):
    path = tmp_path / "local.jpg"
    path.write_bytes(b"on disk")
    bucket.rows.append(media("S3/local.jpg", 0.9, None, uri=str(path), size_bytes=7))
    bucket.separate("copy")
    assert bucket.objects("out/") == {**SEPARATED, "out/keep/S3/local.jpg": b"on disk"}
    head = bucket.client.head_object(Bucket=bucket.name, Key="out/keep/S3/local.jpg")
    assert head["ETag"] == f'"{hashlib.md5(b"on disk").hexdigest()}"'
    bucket.undo()
    assert bucket.objects("out/") == {}
    assert path.read_bytes() == b"on disk"


@pytest.mark.parametrize(
    ("mode", "to_disk", "said"),
    [
        ("link", False, "--mode link makes links on disk, and --to s3://"),
        ("link", True, "--mode link needs originals on disk, and 5 of 5 media are on S3"),
        ("move", True, "--mode move stays on disk or on S3, and 5 of 5 media would go from one to the other"),
    ],
)
def test_a_way_that_there_is_not_is_one_line_and_leaves_nothing(bucket, tmp_path, mode, to_disk, said):
    with pytest.raises(UsageError, match=said):
        bucket.separate(mode, to=tmp_path / "out" if to_disk else None)
    assert bucket.objects("out/") == {}
    assert not (tmp_path / "out" / FOLDER).exists()


def test_a_record_of_the_journal_is_written_by_one_run_only(bucket):
    journal = run.open_journal(STORAGE, bucket.to, create=True)
    other = run.open_journal(STORAGE, bucket.to, create=True)
    assert list(journal.records()) == list(other.records()) == []
    journal.append({"kind": "start"})
    with pytest.raises(SeparationError, match="another `blanktrap separate` is at work there"):
        other.append({"kind": "start"})
    key = f"out/{FOLDER}/record-00000000.json"
    assert json.loads(bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read())["kind"] == "start"
