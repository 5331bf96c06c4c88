"""How many regions there can be: counts of simple arrangements, bounds that widths give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import comb, prod
from numbers import Integral
from typing import Any

from ..activations import relu
from ..errors import NetworkError
from ..network import Network


def zaslavsky(hyperplanes: int, dim: int, face_dim: int | None = None) -> int:
    """How many faces of dimension ``face_dim`` (default: cells, of dimension ``dim``) that many
    hyperplanes in general position make in R^dim: no dim + 1 with a common point, any dim with
    one point (Zaslavsky 1975; Buck 1943).

    Raises:
        NetworkError: a negative number, or a face dimension beyond ``dim``.
    """
    n, d = _natural("hyperplanes", hyperplanes), _natural("dim", dim)
    k = d if face_dim is None else _natural("face_dim", face_dim)
    if k > d:
        raise NetworkError(f"face_dim must be at most dim = {d}, not {k}")
    if n < d - k:
        return 0
    return comb(n, d - k) * sum(comb(n - d + k, i) for i in range(k + 1))


@dataclass(frozen=True)
class RegionBounds:
    """Bounds on the greatest number of regions that a ReLU network of given widths can have.

    Attributes:
        widths: of the input and of each hidden layer.
        montufar_2014: a lower bound: some network has as many linear regions. Montufar, Pascanu,
            Cho, Bengio 2014: the product of floor(n_l / n_0)^n_0 over all hidden layers but the
            last, times the cells that n_L hyperplanes in general position make in R^n_0. It needs
            layers that are no narrower than the input, else it is 0.
        raghu_2017: an upper bound: every layer cuts each region into as many cells as n_l
            hyperplanes make in R^n_0. Raghu, Poole, Kleinberg, Ganguli, Sohl-Dickstein 2017 state
            it as O(k^(n_0 L)) for width k; this is the product behind it.
        montufar_2017: an upper bound: the same, in the least of the dimensions so far.
        serra_2018: an upper bound: the dimension also falls with the units that are inactive.
            Serra, Tjandraatmadja, Ramalingam 2018, theorem 1.
    """

    widths: tuple[int, ...]
    montufar_2014: int
    raghu_2017: int
    montufar_2017: int
    serra_2018: int


def region_bounds(network: Network | Sequence[int]) -> RegionBounds:
    """Bounds on the number of regions in R^n_0, by the widths alone: in integers, of any size.

    Upper bounds hold for the activation regions of every network of these widths, and so for
    its linear regions and in every domain. The cost is cubic in the widths.

    Args:
        network: a ReLU network; or widths: that of the input, then of each hidden layer.

    Raises:
        NetworkError: widths that are not positive integers, no hidden layer, other units.
    """
    widths = _hidden_widths(network) if isinstance(network, Network) else _checked(network)
    n_0, hidden = widths[0], widths[1:]
    least = list(accumulate(widths, min))[1:]
    return RegionBounds(
        widths,
        prod((n // n_0) ** n_0 for n in hidden[:-1]) * zaslavsky(hidden[-1], n_0),
        prod(zaslavsky(n, n_0) for n in hidden),
        prod(zaslavsky(n, d) for n, d in zip(hidden, least, strict=True)),
        _serra(n_0, hidden),
    )


def _serra(n_0: int, hidden: Sequence[int]) -> int:
    """The sum of prod C(n_l, j_l) over j_l <= min(n_0, n_1 - j_1, ..., n_(l-1) - j_(l-1), n_l):
    by how many j_1, ..., j_l leave each dimension."""
    ways = {n_0: 1}
    for n in hidden:
        after: dict[int, int] = {}
        for d, count in ways.items():
            for j in range(min(d, n) + 1):
                left = min(d, n - j)
                after[left] = after.get(left, 0) + count * comb(n, j)
        ways = after
    return sum(ways.values())


def _natural(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise NetworkError(f"{name} must be an integer of at least 0, not {value!r}")
    return int(value)


def _checked(widths: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(widths, Iterable):
        raise NetworkError(f"a Network or widths are needed, not {widths!r}")
    given = tuple(_natural("a width", width) for width in widths)
    if len(given) < 2 or 0 in given:
        raise NetworkError(f"widths must be positive, the input's and a hidden one, not {given}")
    return given


def _hidden_widths(network: Network) -> tuple[int, ...]:
    """Of a network whose layers are ReLUs but for an affine output."""
    for k, layer in enumerate(network.layers):
        affine = all(unit.is_identity for unit in layer.units)
        if affine and 0 < k == len(network.layers) - 1:
            return network.widths[:-1]
        if any(unit != relu() for unit in layer.units):
            raise NetworkError(f"the bounds are for ReLUs, but layer {k} has other units")
    return network.widths
