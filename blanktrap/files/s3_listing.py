"""Listing an S3 prefix with many requests at once.

Owns: cutting the keys under a prefix into ranges, and listing the ranges side by side. Refuses: knowing
what is an image.

S3 answers a listing in pages of 1,000 keys in the order of their bytes, one after the other. Keys can be
listed from any point on, though, so disjoint ranges of them can be listed side by side. Where one page is
not enough, the first ranges end at folders that a few requests with a delimiter find; whenever a worker
would be idle, a range that has gone on for some pages is cut in two between the key it has reached and its
end. A badly chosen cut costs one request that finds nothing, and never a key: the ranges always cover
everything, each key once.
"""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from blanktrap.core.errors import SourceError
from blanktrap.files.s3 import raise_s3, split_s3
from blanktrap.files.s3_reading import plain_etag
from blanktrap.files.storage import Storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NUM_WORKERS = 16
# Requests that may be spent on finding folders to cut at.
_MOST_PROBES = 8
# A range is worth cutting when it has had this many pages: short ones end by themselves, and each cut costs
# up to one request.
_LONG_RANGE_PAGES = 4
# Keys of directory buckets come in no order and cannot be listed from a point on.
_UNORDERED_BUCKET = "--x-s3"
_FIRST, _LAST = 0x20, 0x7E


@dataclass(frozen=True, kw_only=True)
class S3Key:
    """One listed object."""

    key: str
    size_bytes: int
    etag: str | None
    """Without quotes."""


@dataclass(kw_only=True)
class _Range:
    """The keys after `after`, up to and with `until` (None: to the end of the prefix)."""

    after: str
    until: str | None
    token: str | None = None
    """Where the next page starts; None before the first."""
    num_pages: int = 0
    """Pages read so far."""

    def request(self, bucket: str, prefix: str) -> dict[str, Any]:
        request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        if self.token is not None:
            request["ContinuationToken"] = self.token
        elif self.after:
            request["StartAfter"] = self.after
        return request


def list_s3(storage: Storage, location: str, *, num_workers: int = NUM_WORKERS) -> Iterator[list[S3Key]]:
    """List every object under an S3 folder, in pages, in no order.

    Args:
        storage: the door to S3.
        location: `s3://bucket/prefix`; the prefix is a folder, with or without its trailing slash.
        num_workers: requests at the same time.

    Raises:
        SourceError: no such bucket, no permission, out of reach, or a server that lists out of order.
    """
    bucket, key = split_s3(location)
    prefix = f"{key.rstrip('/')}/" if key.rstrip("/") else ""
    try:
        yield from _list_ranges(storage.client(), bucket, prefix, num_workers)
    except (ClientError, BotoCoreError) as problem:
        raise_s3(location, problem)


def _list_ranges(client: "S3Client", bucket: str, prefix: str, num_workers: int) -> Iterator[list[S3Key]]:
    can_cut = not bucket.endswith(_UNORDERED_BUCKET) and num_workers > 1
    whole = _Range(after="", until=None)
    waiting = [whole]
    running: dict[Future[Any], _Range] = {}
    pool = ThreadPoolExecutor(max_workers=num_workers, thread_name_prefix="list")
    try:
        while waiting or running:
            while waiting and len(running) < num_workers:
                span = waiting.pop()
                request = span.request(bucket, prefix)
                running[pool.submit(client.list_objects_v2, **request)] = span
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                span = running.pop(future)
                keys, has_more = _read_page(span, future.result(), can_cut)
                if has_more:
                    waiting.append(span)
                    if can_cut and keys and span is whole and span.num_pages == 1:
                        folders = _find_folders(client, bucket, prefix, num_workers)
                        waiting += _cut_at(
                            span, [name for name in folders if name > keys[-1].key], num_workers
                        )
                    elif can_cut and keys and len(waiting) + len(running) < num_workers:
                        waiting += _cut(span, keys[-1].key, prefix)
                if keys:
                    yield keys
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read_page(span: _Range, page: Any, is_ordered: bool) -> tuple[list[S3Key], bool]:
    """The page's keys that belong to the range, and whether the range goes on behind them."""
    keys = [
        S3Key(key=item["Key"], size_bytes=item["Size"], etag=plain_etag(item.get("ETag")))
        for item in page.get("Contents", [])
    ]
    span.token = page.get("NextContinuationToken")
    span.num_pages += 1
    has_more = bool(page.get("IsTruncated") and span.token)
    if not is_ordered or not keys:
        return keys, has_more
    # A server that ignores where to start, or that lists out of order, would give keys twice or lose some.
    if keys[0].key <= span.after or any(one.key >= other.key for one, other in pairwise(keys)):
        raise SourceError(
            f"the S3 server lists keys out of order (near {keys[0].key!r}): "
            f"index an S3 Inventory (--inventory) or a list of URIs instead"
        )
    if span.until is not None and keys[-1].key > span.until:
        return [key for key in keys if key.key <= span.until], False
    return keys, has_more


def _find_folders(client: "S3Client", bucket: str, prefix: str, num_wanted: int) -> list[str]:
    """Key prefixes to cut at, sorted: folders, from the top down until there are enough."""
    found: set[str] = set()
    level = [prefix]
    num_probes = 0
    while level and num_probes < _MOST_PROBES and len(found) < num_wanted:
        page = client.list_objects_v2(Bucket=bucket, Prefix=level.pop(0), Delimiter="/")
        num_probes += 1
        folders = [item["Prefix"] for item in page.get("CommonPrefixes", [])]
        found.update(folders)
        level += folders
    return sorted(found)


def _cut_at(span: _Range, folders: list[str], num_ranges: int) -> list[_Range]:
    """Cut a range at folders, evenly, into at most so many; it keeps the first, the others are returned."""
    bounds = folders[:: -(-len(folders) // (num_ranges - 1)) or 1]
    if not bounds:
        return []
    ends = [*bounds[1:], span.until]
    span.until = bounds[0]
    return [_Range(after=start, until=end) for start, end in zip(bounds, ends, strict=True)]


def _cut(span: _Range, reached: str, prefix: str) -> list[_Range]:
    """Cut what is left of a long range in two; it keeps the first half, the other is returned."""
    if span.num_pages < _LONG_RANGE_PAGES:
        return []
    # Every key begins with the prefix: only what follows it can lie between.
    end = None if span.until is None else span.until[len(prefix) :]
    middle = midpoint(reached[len(prefix) :], end)
    if middle is None:
        return []
    rest = _Range(after=prefix + middle, until=span.until)
    span.until = prefix + middle
    return [rest]


def midpoint(low: str, high: str | None) -> str | None:
    """A string about half way between two keys; None where there is no simple one.

    Args:
        low: a key.
        high: a greater key, or None for the end.

    Returns:
        A string s with low < s < high in the order of bytes (which for UTF-8 is that of characters).
    """
    shared = 0
    while high is not None and shared < min(len(low), len(high)) and low[shared] == high[shared]:
        shared += 1
    ceiling = _LAST + 1 if high is None else min(ord(high[shared]), _LAST + 1) if shared < len(high) else 0
    # Below the first difference only the end of the printable characters bounds the guess.
    for depth in range(shared, len(low) + 1):
        floor = ord(low[depth]) if depth < len(low) else _FIRST - 1
        if floor + 1 < ceiling:
            guess = low[:depth] + chr((floor + ceiling) // 2)
            return guess if low < guess and (high is None or guess < high) else None
        ceiling = _LAST + 1
    return None
