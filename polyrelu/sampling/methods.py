"""The methods by name, as the command line and the study call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from ..domain import Domain, Slice
from ..errors import PolyreluError
from ..network import Network
from .bisection import bisect_boundaries
from .lines import random_lines
from .planes import random_planes
from .points import data_points, gaussian_points, grid_points, uniform_points
from .sample import Sample
from .trajectories import random_trajectories
from .walks import facet_walk

MANY = 1_000_000  # planes: the budget ends them


def _lines(network: Network, domain: Domain | Slice | None, **how: Any) -> Sample:
    return random_lines(network, domain, **how).sample


def _bisection(network: Network, domain: Domain | Slice | None, **how: Any) -> Sample:
    return bisect_boundaries(network, domain, **how).sample


def _planes(network: Network, domain: Domain | Slice | None, **how: Any) -> Sample:
    return random_planes(network, domain, planes=MANY, **how)


METHODS: dict[str, Callable[..., Sample]] = {
    "uniform": uniform_points,
    "gaussian": gaussian_points,
    "grid": grid_points,
    "lines": _lines,
    "trajectories": random_trajectories,
    "bisection": _bisection,
    "walk": facet_walk,
    "planes": _planes,
}
WITH_DATA: dict[str, dict[str, Any]] = {"data": {}, "jitter": {}, "mixup": {"mixup": 1.0}}


def run_method(
    name: str,
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    data: npt.ArrayLike | None = None,
    **how: Any,
) -> Sample:
    """Sample by a method's name.

    Args:
        name: "uniform", "gaussian", "grid", "lines", "trajectories", "bisection", "walk", "planes";
            with data "data" (once), "jitter" (and near it), "mixup" (and between its points).
        how: budget, seed, limits, progress.

    Raises:
        PolyreluError: an unknown name, or no data; and as the method.
    """
    check_method(name, data is not None)
    if name in METHODS:
        return METHODS[name](network, domain, **how)
    if name == "data":
        how.pop("budget", None)
    return data_points(network, data, domain, **WITH_DATA[name], **how)  # type: ignore[arg-type]


def check_method(name: str, with_data: bool) -> None:
    """Raises a PolyreluError if there is no such method, or it lacks data."""
    if name in WITH_DATA and not with_data:
        raise PolyreluError(f"the method {name!r} needs data")
    if name not in METHODS and name not in WITH_DATA:
        known = ", ".join((*METHODS, *WITH_DATA))
        raise PolyreluError(f"a method must be one of {known}, not {name!r}")
