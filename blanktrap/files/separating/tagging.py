"""Object tags that say what was decided, and taking them off again.

Owns: adding one tag to the others an object has, within S3's limit of ten. Refuses: replacing a tag of the
same key that says something else. S3 replaces all tags of an object at once, so another program must not tag
the same objects at the same time.
"""

from typing import Any

from blanktrap.files.s3 import split_s3
from blanktrap.files.separating.history import TAG
from blanktrap.files.separating.placing import LeftError, Outcome
from blanktrap.files.separating.plan import PlannedMedia
from blanktrap.files.separating.s3_objects import ObjectFacts
from blanktrap.files.separating.s3_placing import S3Placer
from blanktrap.files.storage import Storage

MAX_TAGS = 10

_HAS_TEN = f"it has {MAX_TAGS} tags, as many as S3 allows"
_HAS_IT = "it has this tag already, and it is not ours"


class TagPlacer(S3Placer):
    """Tags on the originals themselves."""

    def __init__(self, storage: Storage, to: str, key: str) -> None:
        super().__init__(storage, to)
        self._key = key

    def target_facts(self, media: PlannedMedia) -> ObjectFacts | None:
        """Nothing is put anywhere."""
        return None

    def _why_not(self, media: PlannedMedia) -> str | None:
        reason = super()._why_not(media)
        if reason is not None:
            return reason
        tags = self._tags(media)
        if self._key in tags:
            return _HAS_IT
        return _HAS_TEN if len(tags) >= MAX_TAGS else None

    def placed(self, media: PlannedMedia) -> Outcome:
        tags = self._tags(media)
        # Before the journal was told there was no such tag: one that says so is ours.
        if tags.get(self._key) != media.decision.value:
            if self._key in tags:
                raise LeftError(_HAS_IT)
            if len(tags) >= MAX_TAGS:
                raise LeftError(_HAS_TEN)
            self._set(media, {**tags, self._key: media.decision.value})
        return Outcome(how=TAG)

    def taken_back(self, media: PlannedMedia, outcome: Outcome | None) -> None:
        if self.facts(media.uri) is None:
            return
        tags = self._tags(media)
        if self._key not in tags:
            return
        if tags.pop(self._key) != media.decision.value:
            raise LeftError("its tag has changed since")
        self._set(media, tags)

    def _tags(self, media: PlannedMedia) -> dict[str, str]:
        bucket, key = split_s3(media.uri)
        answer: Any = self.ask(media.uri, lambda client: client.get_object_tagging(Bucket=bucket, Key=key))
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def _set(self, media: PlannedMedia, tags: dict[str, str]) -> None:
        bucket, key = split_s3(media.uri)
        tag_set: Any = {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
        if tags:
            self.ask(
                media.uri, lambda client: client.put_object_tagging(Bucket=bucket, Key=key, Tagging=tag_set)
            )
        else:
            self.ask(media.uri, lambda client: client.delete_object_tagging(Bucket=bucket, Key=key))
