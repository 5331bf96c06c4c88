"""Files that are whole or not there, and errors that say what is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import FileFormatError, StoreError


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write`` with a file that appears as ``path`` once it is whole and on the disk.

    Raises:
        StoreError: the system refuses (a full disk); nothing is left of the file then.
    """
    part = path.with_name(path.name + ".part")
    with storage_errors(path):
        try:
            with part.open("wb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
            sync_directory(path.parent)
        finally:
            part.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """An OSError within it becomes a StoreError about ``path``."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(
            f"{path} could not be written: {error.strerror or error}; all blocks written before "
            f"are kept: make room, or mend what is wrong, and run it again"
        ) from error


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_checked(path: Path, size: int, sha256: str) -> bytes:
    """The content of a file of which size and SHA-256 are known.

    Raises:
        FileFormatError: it is missing, or other than it was written.
    """
    if not path.is_file():
        raise FileFormatError(f"{path} is missing: the store is damaged")
    found = path.stat().st_size
    if found != size:
        raise FileFormatError(f"{path} is damaged: it must have {size} bytes, not {found}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise FileFormatError(f"{path} is damaged: its checksum is not the one it was written with")
    return content
