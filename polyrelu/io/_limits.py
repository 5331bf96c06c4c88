"""What a loader may ask for: a file's claims are checked before memory is taken."""

from __future__ import annotations

from pathlib import Path

from ..errors import FileFormatError, NetworkError

#: The largest dense factor that a loader builds, in entries (400 MB of float64).
MAX_ENTRIES = 50_000_000


def check_entries(rows: int, columns: int, what: str = "a factor") -> None:
    """Raises NetworkError, before memory is taken, if ``rows * columns`` is too many."""
    if rows * columns > MAX_ENTRIES:
        raise NetworkError(f"{what} of {rows} x {columns} must have at most {MAX_ENTRIES} entries")


#: The largest file, and the largest uncompressed content of one, in bytes.
MAX_BYTES = 1 << 30


def check_bytes(path: Path, claimed: int) -> None:
    """Raises FileFormatError if ``claimed`` bytes are more than a loader takes."""
    if claimed > MAX_BYTES:
        raise FileFormatError(f"{path} holds {claimed} bytes, but at most {MAX_BYTES} are read")
