"""Lists of names for `@FILE` on the command line: one name a line.

Owns: reading them, local or on S3, with the line ends and encodings of spreadsheets. Refuses: columns.
"""

from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage

_MOST_BYTES = 64 * 1024 * 1024


def read_names(storage: Storage, location: str) -> tuple[str, ...]:
    """The names in a text file, without empty lines and the spaces around them.

    Raises:
        UsageError: the file is no UTF-8 text, or has no names.
        SourceError: it cannot be read.
    """
    data = storage.read_bytes(location, max_bytes=_MOST_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UsageError(f"{location} is no UTF-8 text: save the list of names as UTF-8") from problem
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not names:
        raise UsageError(f"{location} has no names: write one a line")
    return names
