"""Reading ``.npz`` archives that may be hostile."""

from __future__ import annotations

import lzma
import math
import re
import struct
import threading
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError
from ._limits import check_bytes

BROKEN = (
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,  # a position before the start of the file
    ValueError,
    struct.error,
    NotImplementedError,  # a compression that Python does not know
    RuntimeError,  # an encrypted member
    TypeError,
    OverflowError,
    SystemError,  # text that is not Unicode
    MemoryError,
    tokenize.TokenError,  # a header that ends amid an expression
)

_AT_ONCE = 1 << 20  # bytes

# numpy parses headers by Python's own parser, which before 3.11.8 and 3.12.2 fails now and then if
# two threads use it at once: "AST constructor recursion depth mismatch" (CPython, issue 106905).
_PARSER = threading.Lock()


def read_arrays(path: Path, allowed: re.Pattern[str], expected: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a ``.npz`` file whose members' names all match ``allowed``.

    Names, types, shapes and sizes are checked before an array is read; nothing is unpickled.
    ``expected`` says in an error what the names should have been.

    Raises:
        FileFormatError: not a zip archive of plain arrays under such names, a truncated or
            oversized member.
    """
    with path.open("rb") as file:  # outside the try: not allowed to read is another error
        try:
            with zipfile.ZipFile(file) as archive:
                return _arrays(path, archive, allowed, expected)
        except FileFormatError:
            raise
        except BROKEN as error:
            raise FileFormatError(f"{path} is not a readable .npz file: {error}") from None


def _other_kind(members: list[zipfile.ZipInfo]) -> str:
    """What the archive seems to be, if it is one of the other files that polyrelu writes."""
    names = {member.filename for member in members}
    if {"header.npy", "indptr.npy"} <= names:
        return "; the file holds regions, not a network: load_graph reads it"
    if "W0.npy" in names:
        return "; the file holds a network, not regions: load_network reads it"
    return ""


def _arrays(
    path: Path, archive: zipfile.ZipFile, allowed: re.Pattern[str], expected: str
) -> dict[str, npt.NDArray[Any]]:
    members = archive.infolist()
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if allowed.fullmatch(name) is None:
            raise FileFormatError(
                f"{path}: an array must be named {expected}, not {name[:60]!r}"
                + _other_kind(members)
            )
        if name in seen:
            raise FileFormatError(f"{path}: the array {name!r} must not occur twice")
        seen.add(name)
    claimed = sum(member.file_size for member in members)
    if claimed > path.stat().st_size:  # a file may always take as much memory as it takes disk
        check_bytes(path, claimed)
    headers = []
    for member in members:
        with archive.open(member) as stream:
            headers.append(read_header(f"{path}: {member.filename}", stream, member.file_size))
    return {
        m.filename.removesuffix(".npy"): _read(path, archive, m, header)
        for m, header in zip(members, headers, strict=True)
    }


class Header(NamedTuple):
    """Of an array in a file: what stands where."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]
    start: int  # of the numbers


def read_header(what: str, stream: IO[bytes], size: int) -> Header:
    """The header of an array that may be read, in a stream of so many bytes.

    Raises:
        FileFormatError: there is none, or its array is of another kind or size.
    """
    try:
        shape, by_columns, dtype = _parsed_header(stream)
    except (*BROKEN, SyntaxError, KeyError) as error:
        text = str(error).splitlines() or [type(error).__name__]
        raise FileFormatError(f"{what} has no readable array header: {text[0][:200]}") from None
    if any(isinstance(n, bool) or n < 0 or n >= 1 << 62 for n in shape):
        raise FileFormatError(f"{what} must have a shape, not {shape}")
    if dtype.kind not in ("fiuU") or (dtype.kind == "f" and dtype.itemsize > 8):
        raise FileFormatError(f"{what} must hold float64 or narrower numbers, not {dtype}")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != size - stream.tell():
        raise FileFormatError(
            f"{what} claims shape {shape} of {dtype}, {claimed} bytes, "
            f"but holds {size - stream.tell()}"
        )
    return Header(shape, by_columns, dtype, stream.tell())


def _parsed_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    with _PARSER:
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(stream)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"version {version}")


def read_numbers(stream: IO[bytes], header: Header) -> npt.NDArray[Any]:
    """The array whose header was read from the stream. Unlike numpy's own reader this does not
    parse the header once more."""
    data = np.empty(math.prod(header.shape) * header.dtype.itemsize, dtype=np.uint8)
    room, at = data.data, 0
    while at < len(room):
        piece = stream.read(min(_AT_ONCE, len(room) - at))
        if not piece:
            raise EOFError(f"it ends after {at} of {len(room)} bytes")
        room[at : at + len(piece)] = piece
        at += len(piece)
    return data.view(header.dtype).reshape(header.shape, order="F" if header.by_columns else "C")


def _read(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, header: Header
) -> npt.NDArray[Any]:
    with archive.open(member) as stream:
        try:
            stream.read(header.start)
            array = read_numbers(stream, header)
        except (ValueError, TypeError, OverflowError, MemoryError) as error:
            raise FileFormatError(f"{path}: {member.filename}: {error}") from None
        stream.read(1)  # at the end the archive's checksum is compared
    return array
