"""Plain data of what claims work with: for JSON, without loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from math import isfinite
from types import FunctionType
from typing import Any

import numpy as np

from ..arrangement import Arrangement


def plain(value: Any) -> Any:
    """Numbers, text, lists and dicts of the same content.

    Fractions are text ("3/8"), a float64 is written with all of its digits. Networks, layers and
    other dataclasses are dicts of their fields, arrangements their rows (A[i], b[i]) up to a
    positive factor, functions their names. What else there is, such as a domain, is its ``repr``.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, Arrangement):
        return {"rows": plain(value.rows)}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    return value.__qualname__ if isinstance(value, FunctionType) else repr(value)
