"""What may have been meant, for error messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def did_you_mean(word: str, known: Iterable[str], near_as: float = 0.6) -> str:
    """An addition to a message, such as "; did you mean --box?"; empty if no known word is near."""
    near = get_close_matches(word, list(known), n=3, cutoff=near_as)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def no_such_file(path: Path) -> FileNotFoundError:
    """The error, with files of nearly the same name beside it."""
    try:
        beside = [file.name for file in path.parent.iterdir()]
    except OSError:
        beside = []
    return FileNotFoundError(f"no such file: {path}{did_you_mean(path.name, beside, 0.8)}")
