"""What the project's own files have in common: a header of JSON that names the format, columns of
known types, exact points as text. They are read as if a stranger had written them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError
from ..rational import ExactPoint

Arrays = dict[str, npt.NDArray[Any]]

_RATIONAL = re.compile(r"-?[0-9a-f]+/[0-9a-f]+")


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: what such a file is.
        version: the one that is written and read.
        columns: of its arrays beside the header: type and number of dimensions.
    """

    name: str
    version: int
    columns: Mapping[str, tuple[Any, int]] = field(default_factory=dict)

    @property
    def marks(self) -> dict[str, Any]:
        """What a header begins with."""
        return {"format": f"polyrelu {self.name}", "version": self.version}

    def read_header(self, file: Path, text: bytes) -> dict[str, Any]:
        """The header, if it is of this format and version.

        Raises:
            FileFormatError: it is not.
        """
        try:
            header = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FileFormatError(f"{file}: the header must be JSON ({error})") from None
        if not isinstance(header, dict) or header.get("format") != self.marks["format"]:
            raise FileFormatError(f"{file} is no {self.name}: its header does not say so")
        if header.get("version") != self.version:
            raise FileFormatError(
                f"{file} has format version {header.get('version')!r}; "
                f"this polyrelu reads {self.version}"
            )
        return header

    def read_header_array(self, file: Path, arrays: Arrays) -> dict[str, Any]:
        """As :meth:`read_header`, of a file of arrays that must have all columns."""
        missing = sorted({"header", *self.columns} - arrays.keys())
        if missing:
            raise FileFormatError(f"{file} is no {self.name}: it lacks {', '.join(missing)}")
        return self.read_header(file, arrays["header"].astype(np.uint8).tobytes())

    def checked_columns(self, file: Path, arrays: Arrays) -> Arrays:
        """The columns.

        Raises:
            FileFormatError: one has another type, or another number of dimensions.
        """
        for name, (kind, ndim) in self.columns.items():
            if arrays[name].dtype != kind or arrays[name].ndim != ndim:
                raise FileFormatError(f"{file}: {name} must be {ndim}-dimensional {np.dtype(kind)}")
        return {name: arrays[name] for name in self.columns}


def header_array(header: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)


@contextmanager
def damaged(file: Path) -> Iterator[None]:
    """What parsers raise on content that no writer wrote becomes a FileFormatError."""
    try:
        yield
    except FileFormatError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FileFormatError(f"{file} is damaged: {error!r}") from None


def point_text(point: ExactPoint) -> list[str]:
    """An exact point: hexadecimal fractions."""
    return [f"{v.numerator:x}/{v.denominator:x}" for v in point]


def read_point(text: Any, dim: int) -> ExactPoint:
    """What :func:`point_text` wrote.

    Raises:
        ValueError: it did not.
    """
    if len(text) != dim or not all(isinstance(v, str) and _RATIONAL.fullmatch(v) for v in text):
        raise ValueError("an exact point must be fractions of hexadecimal integers")
    pairs = (v.split("/") for v in text)
    return tuple(Fraction(int(p, 16), int(q, 16)) for p, q in pairs)


def read_count(value: Any) -> int:
    """A number of things.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise ValueError(f"must be a number of things, not {value!r}")
    return value
