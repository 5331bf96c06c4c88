"""The networks of the benchmarks: random ones by seed, degenerate ones, and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polyrelu

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Case:
    """ReLU layers, (weight, bias) each, on the box [-radius, radius]^d (inf: the whole space)."""

    name: str
    layers: tuple[Pair, ...]
    radius: float = 1.0

    @property
    def dim(self) -> int:
        return int(self.layers[0][0].shape[1])

    def network(self) -> polyrelu.Network:
        """A new one at each call: nothing that an earlier call worked out is kept."""
        import polyrelu

        return polyrelu.Network.from_layers(self.layers, output_activation=polyrelu.relu())

    def domain(self) -> polyrelu.Domain:
        import polyrelu

        if np.isinf(self.radius):
            return polyrelu.Space(self.dim)
        return polyrelu.Box(-self.radius, self.radius, dim=self.dim)

    def to_json(self) -> dict[str, Any]:
        return {
            "layers": [(w.tolist(), b.tolist()) for w, b in self.layers],
            "radius": self.radius,
        }


def he_layers(rng: np.random.Generator, widths: Sequence[int]) -> list[Pair]:
    """Weights N(0, 2 / inputs), biases N(0, 0.5^2)."""
    return [
        (rng.normal(size=(n, m)) * np.sqrt(2 / m), rng.normal(size=n) / 2)
        for m, n in pairwise(widths)
    ]


def he_network(widths: Sequence[int], seed: int = 0) -> polyrelu.Network:
    """With an affine output."""
    import polyrelu

    return polyrelu.Network.from_layers(he_layers(np.random.default_rng(seed), widths))


def he_random(*widths: int, seed: int = 1, radius: float = 1.0) -> Case:
    layers = tuple(he_layers(np.random.default_rng(seed), widths))
    where = f" on R^{widths[0]}" if np.isinf(radius) else ""
    return Case(short_name(widths) + where, layers, radius)


def arrangement(name: str, n: int) -> Case:
    """A family of hyperplane arrangements as one layer on R^d."""
    from polyrelu.families import family

    return Case(f"{name} {n}", (family(name, n),), np.inf)


def inside(case: Case) -> np.ndarray:
    """A point of the case's box, most coordinates of which are 0."""
    rng = np.random.default_rng(0)
    return np.where(rng.random(case.dim) < 0.6, 0.0, rng.random(case.dim))


def short_name(widths: Sequence[int]) -> str:
    """``3-25x5`` for 3 inputs and five layers of 25."""
    first, *hidden = widths
    if len(hidden) > 3 and len(set(hidden)) == 1:
        return f"{first}-{hidden[0]}x{len(hidden)}"
    return "-".join(map(str, widths))


def from_files(folder: Path, pattern: str) -> Iterator[tuple[str, Path]]:
    """Name and path of the network files under ``folder`` that match."""
    for path in sorted(folder.rglob(pattern)):
        if path.is_file():
            yield path.stem, path


# ---------------------------------------------------------------- degenerate ones


def one_ulp_apart(what: str, dim: int, n: int, radius: float = 1.0) -> Case:
    """One layer of n neurons and their copies, of which the "normals" or the "biases" are the next
    larger float64 numbers: cells are thinner than float64 can tell."""
    rng = np.random.default_rng(1)
    w, b = rng.normal(size=(n, dim)), rng.normal(size=n) / 2
    copy = (np.nextafter(w, np.inf), b) if what == "normals" else (w, np.nextafter(b, np.inf))
    layer = np.vstack([w, copy[0]]), np.concatenate([b, copy[1]])
    return Case(f"{what} of {n} an ulp apart, side {2 * radius:g}", (layer,), radius)


def degenerate() -> list[Case]:
    """Small networks that are not in general position, each in its own way."""
    rng = np.random.default_rng(5)

    def normal(n: int, m: int) -> Pair:
        return rng.normal(size=(n, m)), rng.normal(size=n) / 2

    def integers(n: int, m: int, high: int, unit: float = 1.0) -> Pair:
        return (
            rng.integers(-high, high + 1, size=(n, m)) * unit,
            rng.integers(-high, high + 1, size=n) * unit,
        )

    w, b = normal(6, 2)
    top = normal(4, 12)
    twice = np.vstack([w, w]), np.concatenate([b, b])
    opposite = np.vstack([w, -w]), np.concatenate([b, -b])
    ulp = np.vstack([w, w]), np.concatenate([b, np.nextafter(b, np.inf)])
    near = np.vstack([w, w]), np.concatenate([b, b + 1e-12])
    w3, b3 = normal(5, 3)
    dead = normal(6, 2)
    dead[0][2], dead[1][2] = 0.0, 0.0
    lines = rng.integers(-8, 9, size=(10, 2)) / 4
    lines[np.all(lines == 0, axis=1)] = 1.0
    pruned = [(w * (rng.random(w.shape) > 0.7), b) for w, b in (normal(8, 3), normal(6, 8))]
    even = np.hstack([np.eye(6), -np.eye(6)])  # a layer that vanishes where the twins are equal
    small = normal(8, 2)
    return [
        Case("repeated neurons", (twice, top)),
        Case("opposite neurons", (opposite, top)),
        Case("identically zero layer", (twice, (even, np.zeros(6)))),
        Case("zero neuron", (dead, normal(5, 6))),
        Case("zero biases, deep", tuple((w, 0 * b) for w, b in (normal(8, 2), normal(6, 8)))),
        Case("concurrent lines", ((lines, -lines @ [0.25, 0.25]),)),
        Case("integer, deep", (integers(6, 2, 2), integers(6, 6, 2))),
        Case("ternary, deep", (integers(5, 3, 1), integers(4, 5, 1))),
        Case("quantised to 1/4", (integers(7, 2, 6, 0.25), integers(5, 7, 6, 0.25))),
        Case("pruned by 70 %", tuple(pruned)),
        Case("one ulp apart, d = 2", (ulp,)),
        Case("one ulp apart, d = 3", (
            (np.vstack([w3, w3]), np.concatenate([b3, np.nextafter(b3, np.inf)])),)),
        Case("1e-12 apart, deep", (near, top)),
        Case("braid arrangement, d = 4", (_central(_roots(4, (-1,))),)),
        Case("type B arrangement, d = 3", (_central([*np.eye(3), *_roots(3, (-1, 1))]),)),
        Case("resonance arrangement, d = 3", (
            _central([r for r in np.ndindex(2, 2, 2) if any(r)]),)),
        Case("inputs of size 1e-9", ((small[0], small[1] * 1e-9), normal(5, 8)), 1e-9),
    ]  # fmt: skip


def _roots(dim: int, signs: tuple[int, ...]) -> list[np.ndarray]:
    unit = np.eye(dim)
    return [unit[i] + s * unit[j] for i, j in combinations(range(dim), 2) for s in signs]


def _central(normals: Sequence[Any]) -> Pair:
    return np.array(normals, dtype=float), np.zeros(len(normals))
