"""Plain data of what claims work with: for JSON, without loss."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np

from ..network import Affine, Layer, Network


def plain(value: Any) -> Any:
    """Numbers, text, lists and dicts of the same content. Fractions are text ("3/8"), a float64
    is written with all of its digits, networks are their layers."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
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
    if isinstance(value, Network):
        return {"layers": [_layer(layer) for layer in value.layers]}
    return _layer(value) if isinstance(value, Layer) else str(value)


def _layer(layer: Layer) -> dict[str, Any]:
    units = [(u.breakpoints, u.slopes, u.value) for u in layer.units]
    return {"factors": [_factor(factor) for factor in layer.factors], "units": plain(units)}


def _factor(factor: Affine) -> dict[str, Any]:
    data = {"weight": plain(factor.weight), "bias": plain(factor.bias)}
    return data if factor.divisor is None else data | {"divisor": plain(factor.divisor)}
