"""Files that are written as a stream and appear whole or not at all, several of them together.

Owns: the staged file on disk, the multipart upload on S3, and that a set of files takes its place only when
the last byte of all of them is written. Refuses: knowing what the bytes mean, and looking at what was there
before.

On disk a file is renamed into its place; on S3 an upload is completed last, and aborted when anything fails.
A process that is killed leaves staged files (`.blanktrap-…`), or an unfinished upload that no listing shows:
a bucket's rule for incomplete uploads removes it.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from blanktrap.files.local import staging
from blanktrap.files.s3 import is_s3, raise_s3, s3_client, split_s3
from blanktrap.files.storage import local_path

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 takes at most 10,000 parts of an object; the part grows, so that these hold 160 GB and more.
_PART_BYTES = 16 * 1024 * 1024
_PARTS_OF_A_SIZE = 1000
_BUFFER_BYTES = 1024 * 1024


class PendingFiles:
    """Opens files for a block; they are all there when the block ends well, and none of them when it fails.

    The file that is opened first takes its place last: give a folder's finishing file first.
    """

    def __init__(self) -> None:
        self._files = ExitStack()
        self.uris: list[str] = []
        """What was opened, in that order."""

    def __enter__(self) -> "PendingFiles":
        return self

    def __exit__(self, *problem: Any) -> None:
        self._files.__exit__(*problem)

    def open(self, uri: str) -> IO[bytes]:
        """A binary file to write to; what is closed early waits for the others.

        Raises:
            SourceError: it cannot be written.
        """
        self.uris.append(uri)
        return self._files.enter_context(_uploading(uri) if is_s3(uri) else _staged(uri))

    def close_first(self, close: Callable[[], None]) -> None:
        """Call something when the block ends, however it ends, before the files opened so far are closed."""
        self._files.callback(close)


@contextmanager
def _staged(uri: str) -> Iterator[IO[bytes]]:
    with staging(uri, local_path(uri)) as path, path.open("wb", buffering=_BUFFER_BYTES) as file:
        yield file


@contextmanager
def _uploading(uri: str) -> Iterator[IO[bytes]]:
    upload = _Upload(uri)
    try:
        yield cast(IO[bytes], upload)
        upload.complete()
    except BaseException:
        upload.abort()
        raise


class _Upload(io.RawIOBase):
    """A multipart upload as a file that is written from beginning to end."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._bucket, self._key = split_s3(uri)
        self._client: S3Client = s3_client(False)
        self._parts: list[Any] = []
        self._buffer = bytearray()
        self._position = 0
        try:
            self._id = self._client.create_multipart_upload(Bucket=self._bucket, Key=self._key)["UploadId"]
        except (ClientError, BotoCoreError) as problem:
            raise_s3(uri, problem)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        self._buffer += data
        num_bytes = memoryview(data).nbytes
        self._position += num_bytes
        while len(self._buffer) >= self._part_bytes():
            self._send(self._part_bytes())
        return num_bytes

    def close(self) -> None:
        """Send what is left; the object appears with `complete`."""
        if not self.closed and (self._buffer or not self._parts):
            self._send(len(self._buffer))
        super().close()

    def complete(self) -> None:
        """Let the object appear."""
        self.close()
        try:
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._id,
                MultipartUpload={"Parts": self._parts},
            )
        except (ClientError, BotoCoreError) as problem:
            raise_s3(self._uri, problem)

    def abort(self) -> None:
        """Drop the parts. What went wrong before is told, not what goes wrong here."""
        self._buffer.clear()
        self._parts.append(None)  # nothing is left to send
        super().close()
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._id)
        except (ClientError, BotoCoreError):
            return

    def _part_bytes(self) -> int:
        return _PART_BYTES << (len(self._parts) // _PARTS_OF_A_SIZE)

    def _send(self, num_bytes: int) -> None:
        body, number = bytes(self._buffer[:num_bytes]), len(self._parts) + 1
        del self._buffer[:num_bytes]
        try:
            answer = self._client.upload_part(
                Bucket=self._bucket, Key=self._key, UploadId=self._id, PartNumber=number, Body=body
            )
        except (ClientError, BotoCoreError) as problem:
            raise_s3(self._uri, problem)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
