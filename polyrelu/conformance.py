"""Arrangements and networks with known numbers: a suite to judge any enumerator by.

Each instance says where its numbers come from. ``polyrelu conformance`` runs this engine on
them; ``export`` writes them as JSON files for other tools.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import comb, factorial
from pathlib import Path
from typing import Any

import numpy as np

from .activations import relu
from .domain import Box, Domain, Polytope, Space
from .families import Integers, cyclic, family
from .network import Affine, Layer, Network

STANLEY = "Stanley 2007, An Introduction to Hyperplane Arrangements, lecture 5"
HUMPHREYS = "Humphreys 1990, Reflection Groups and Coxeter Groups, 1.12 and 2.11"
ZASLAVSKY = "Zaslavsky 1975"
BRYSIEWICZ = "Brysiewicz, Eble, Kuehne 2023"
ORACLE = "a separate enumerator in rational arithmetic: tests/oracle.py"


@dataclass(frozen=True)
class Instance:
    """A network on a domain, and what is known of it.

    Attributes:
        name: unique.
        layers: (weight, bias) of each layer; all units are ReLUs.
        domain: where.
        cells: how many activation regions there are.
        source: where the numbers come from.
        walls: how many pairs of them touch, if that is known too.
        bounded: how many of them are bounded, if that is known too.
    """

    name: str
    layers: tuple[tuple[Any, Any], ...]
    domain: Domain
    cells: int
    source: str
    walls: int | None = None
    bounded: int | None = None

    @cached_property
    def network(self) -> Network:
        return Network(tuple(Layer([Affine(w, b)], relu()) for w, b in self.layers))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; the domain as ``A x <= b``, empty for the whole space."""
        rows = self.domain.inequalities()
        return {
            "name": self.name,
            "layers": [
                {"weight": np.asarray(w).tolist(), "bias": np.asarray(b).tolist()}
                for w, b in self.layers
            ],
            "domain": {"A": [[-v for v in g[:-1]] for g in rows], "b": [g[-1] for g in rows]},
            "cells": self.cells,
            "walls": self.walls,
            "bounded": self.bounded,
            "source": self.source,
        }


@dataclass(frozen=True)
class Outcome:
    """What the engine found. ``wrong`` names the numbers that differ; empty: it conforms."""

    instance: Instance
    cells: int
    walls: int
    bounded: int
    seconds: float
    rational_signs: int

    HEADER = (
        f"{'instance':38}{'cells':>10}{'walls':>10}{'bounded':>9}{'seconds':>9}"
        f"{'cells/s':>10}{'rational':>9}  source"
    )

    @property
    def wrong(self) -> tuple[str, ...]:
        return tuple(
            name
            for name in ("cells", "walls", "bounded")
            if getattr(self.instance, name) not in (None, getattr(self, name))
        )

    def __str__(self) -> str:
        """A line of the table; numbers that nothing is known of are in parentheses."""
        numbers = [self._number("cells", 10), self._number("walls", 10), self._number("bounded", 9)]
        return (
            f"{self.instance.name:38}{''.join(numbers)}{self.seconds:9.3f}"
            f"{self.cells / self.seconds:10,.0f}{self.rational_signs:9}  {self.instance.source}"
            + "".join(f"  WRONG: {getattr(self.instance, w)} {w}" for w in self.wrong)
        )

    def _number(self, name: str, width: int) -> str:
        known = getattr(self.instance, name) is not None
        value = getattr(self, name)
        return f"{value if known else f'({value})':>{width}}"

    def to_json(self) -> dict[str, Any]:
        names = ("cells", "walls", "bounded")
        return {
            "name": self.instance.name,
            "source": self.instance.source,
            "known": {name: getattr(self.instance, name) for name in names},
            "found": {name: getattr(self, name) for name in names},
            "conforms": not self.wrong,
            "seconds": self.seconds,
            "rational_signs": self.rational_signs,
        }


def run(instance: Instance) -> Outcome:
    """Enumerate one instance."""
    from .enumeration import regions

    network = instance.network
    began = time.perf_counter()
    graph = regions(network, instance.domain)
    return Outcome(
        instance=instance,
        cells=len(graph),
        walls=graph.n_walls,
        bounded=int((~graph.unbounded).sum()),
        seconds=time.perf_counter() - began,
        rational_signs=int(graph.stats["rational_signs"]),
    )


def export(folder: Path, quick: bool = False) -> int:
    """Write each instance to ``folder/NAME.json``; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = list(instances(quick))
    for instance in chosen:
        path = folder / f"{instance.name.replace(' ', '-')}.json"
        path.write_text(json.dumps(instance.to_json()) + "\n", encoding="utf-8")
    return len(chosen)


# --- the instances -----------------------------------------------------------------------------


def instances(quick: bool = False) -> Iterator[Instance]:
    """All of them; ``quick``: those of less than some 10,000 cells."""
    for instance in _all():
        if not quick or instance.cells <= 12_000:
            yield instance


def _all() -> Iterator[Instance]:
    yield from _reflection()
    yield from _deformations()
    yield from _symmetric()
    yield from _general()
    yield from _close()
    yield from _in_domains()
    yield from _networks()


def _arrangement(
    name: str, table: tuple[Integers, Any], cells: int, source: str, **numbers: Any
) -> Instance:
    A, b = table
    domain = numbers.pop("domain", None) or Space(A.shape[1])
    return Instance(name, ((A, b),), domain, cells, source, **numbers)


def _reflection() -> Iterator[Instance]:
    """One chamber for each element of the group, one wall of it for each simple reflection."""
    orders: list[tuple[str, tuple[int, ...], int, int]] = []
    orders += [("boolean", (n,), 2**n, n) for n in (1, 2, 4, 8, 12)]
    orders += [("braid", (n,), factorial(n), n - 1) for n in (3, 4, 5, 6, 7, 8)]
    orders += [("type b", (n,), 2**n * factorial(n), n) for n in (2, 3, 4, 5, 6)]
    orders += [("type d", (n,), 2 ** (n - 1) * factorial(n), n) for n in (4, 5, 6)]
    orders += [("type f4", (), 1152, 4), ("type e", (6,), 51840, 6)]
    for name, args, order, rank in orders:
        label = " ".join([name, *map(str, args)])
        yield _arrangement(
            label, family(name, *args), order, HUMPHREYS, walls=rank * order // 2, bounded=0
        )


def _deformations() -> Iterator[Instance]:
    for n in (3, 4, 5, 6):
        yield _arrangement(f"shi {n}", family("shi", n), (n + 1) ** (n - 1), STANLEY)
        chambers = factorial(n) * comb(2 * n, n) // (n + 1)
        yield _arrangement(f"catalan {n}", family("catalan", n), chambers, STANLEY)
    for n, chambers in ((3, 7), (4, 36), (5, 246), (6, 2104), (7, 21652)):
        yield _arrangement(f"linial {n}", family("linial", n), chambers, "OEIS A007889")
    for n, chambers in ((3, 19), (4, 183), (5, 2371)):
        yield _arrangement(f"semiorder {n}", family("semiorder", n), chambers, "OEIS A006531")


def _symmetric() -> Iterator[Instance]:
    for n, chambers in ((2, 6), (3, 32), (4, 370), (5, 11292), (6, 1066044)):
        source = f"OEIS A034997; {BRYSIEWICZ}"
        yield _arrangement(f"resonance {n}", family("resonance", n), chambers, source)
    for n, chambers in ((1, 4), (2, 14), (3, 104), (4, 1882), (5, 94572)):
        source = f"OEIS A000609; {BRYSIEWICZ}"
        yield _arrangement(f"threshold {n}", family("threshold", n), chambers, source)
    for n in (3, 4, 5, 6):
        chambers = 2 * 3**n - 2**n
        source = "pairs max(x_i, -x_i) against x_0: 2 * 3^n - 2^n"
        yield _arrangement(f"crosspolytope {n}", family("crosspolytope", n), chambers, source)
    computed = "deletion-restriction; definition in " + BRYSIEWICZ
    for n, chambers in ((3, 16), (4, 146), (5, 3756), (6, 291558)):
        yield _arrangement(f"demicube {n}", family("demicube", n), chambers, computed)
    for n, chambers in ((3, 32), (4, 2894)):
        yield _arrangement(f"permutohedron {n}", family("permutohedron", n), chambers, computed)


def _cells(n: int, d: int, copies: int = 1) -> int:
    """In general position, each hyperplane with parallel copies: choose k directions that meet."""
    return sum(comb(n, k) * copies**k for k in range(d + 1))


def _general() -> Iterator[Instance]:
    for n, d in ((20, 1), (16, 2), (12, 3), (10, 4), (10, 5), (10, 6), (10, 8)):
        yield _arrangement(
            f"generic {n} in {d}",
            cyclic(n, d),
            _cells(n, d),
            ZASLAVSKY,
            walls=n * _cells(n - 1, d - 1),
            bounded=comb(n - 1, d),
        )
    for n, d in ((30, 2), (12, 4), (9, 6)):
        chambers = 2 * sum(comb(n - 1, k) for k in range(d))
        yield _arrangement(
            f"central {n} in {d}", cyclic(n, d, central=True), chambers, "Schlaefli; Cover 1965",
            walls=n * 2 * sum(comb(n - 2, k) for k in range(d - 1)), bounded=0,
        )  # fmt: skip
    for n, d in ((6, 2), (5, 3), (4, 4)):
        yield _arrangement(
            f"parallel triples {n} in {d}", cyclic(n, d, copies=3), _cells(n, d, 3), ZASLAVSKY,
            walls=3 * n * _cells(n - 1, d - 1, 3),
        )  # fmt: skip


ULP = 2.0**-52


def _close() -> Iterator[Instance]:
    """What a tolerance merges."""
    for n, d in ((12, 2), (6, 3), (5, 4)):
        A, b = cyclic(n, d)
        twice = np.concatenate([b, np.nextafter(b.astype(np.float64), np.inf)])
        yield _arrangement(
            f"one ulp apart {n} in {d}", (np.vstack([A, A]), twice), _cells(n, d, 2), ZASLAVSKY,
            walls=2 * n * _cells(n - 1, d - 1, 2),
        )  # fmt: skip
    for n, d in ((24, 2), (12, 3)):
        A, b = cyclic(n, d)
        yield _arrangement(
            f"nearly concurrent {n} in {d}", (A, b * ULP), _cells(n, d), ZASLAVSKY,
            walls=n * _cells(n - 1, d - 1), bounded=comb(n - 1, d),
        )  # fmt: skip
        far = np.hstack([A, b[:, None]]), np.zeros(n)
        slab = Polytope([[0] * d + [1], [0] * d + [-1]], [2.0**-900, -(2.0**-900)])
        yield _arrangement(
            f"nearly concurrent on a slice {n} in {d}", far, _cells(n, d), ZASLAVSKY,
            walls=n * _cells(n - 1, d - 1), bounded=comb(n - 1, d), domain=slab,
        )  # fmt: skip
    A, b = family("braid", 4)
    again = np.vstack([A, -A, 3 * A, np.zeros((2, 4), dtype=np.int64)])
    offsets = np.zeros(len(again))
    offsets[-1] = 1.0
    yield _arrangement(
        "repeated and zero rows", (again, offsets), 24, HUMPHREYS, walls=36, bounded=0
    )


def _simplex(n: int) -> Polytope:
    """x_i >= 0, sum x_i <= 1."""
    return Polytope([*(-np.eye(n)).tolist(), [1.0] * n], [*[0.0] * n, 1.0])


def _in_domains() -> Iterator[Instance]:
    for n in (2, 3, 4, 5, 6):
        cube = Box(0, 1, dim=n)
        yield _arrangement(
            f"braid {n} in the cube", family("braid", n), factorial(n), "one cell for each order",
            walls=(n - 1) * factorial(n) // 2, bounded=factorial(n), domain=cube,
        )  # fmt: skip
        yield _arrangement(
            f"alcoved {n} in the cube", family("alcoved", n), factorial(n),
            "Stanley 1977; Lam and Postnikov 2007: n! simplices of volume 1/n!",
            bounded=factorial(n), domain=cube,
        )  # fmt: skip
        A, b = family("braid", n)
        faces = np.vstack([A, np.eye(n, dtype=np.int64), np.eye(n, dtype=np.int64)])
        offsets = np.concatenate([b, np.zeros(n, dtype=np.int64), -np.ones(n, dtype=np.int64)])
        yield _arrangement(
            f"braid {n} and the facets of the cube", (faces, offsets), factorial(n),
            "one cell for each order", walls=(n - 1) * factorial(n) // 2, domain=cube,
        )  # fmt: skip
        yield _arrangement(
            f"braid {n} in the simplex", family("braid", n), factorial(n),
            "one cell for each order", walls=(n - 1) * factorial(n) // 2, domain=_simplex(n),
        )  # fmt: skip
        yield _arrangement(
            f"boolean {n} in a flat cube", family("boolean", n), 2 ** (n - 1),
            "one cell for each sign vector",
            domain=Box([-1.0] * (n - 1) + [0.5], [1.0] * (n - 1) + [0.5]),
        )  # fmt: skip


def _integer_network(widths: tuple[int, ...], seed: int) -> tuple[tuple[Any, Any], ...]:
    """Small integers by a formula: the same everywhere."""
    layers = []
    state = seed
    for n_in, n_out in pairwise(widths):
        values = []
        for _ in range(n_out * (n_in + 1)):
            state = (1103515245 * state + 12345) % 2**31
            values.append((state >> 16) % 5 - 2)
        table = np.array(values, dtype=np.int64).reshape(n_out, n_in + 1)
        layers.append((table[:, :-1], table[:, -1]))
    return tuple(layers)


# (widths, seed, regions, walls) on [-3, 3]^d; computed by tests/oracle.py.
INTEGER_NETWORKS: tuple[tuple[tuple[int, ...], int, int, int], ...] = (
    ((1, 4, 4, 3), 1, 8, 7),
    ((1, 4, 4, 3), 2, 6, 5),
    ((2, 6), 1, 19, 28),
    ((2, 6), 2, 15, 22),
    ((2, 5, 4), 1, 44, 71),
    ((2, 5, 4), 2, 22, 33),
    ((2, 4, 4, 3), 1, 37, 59),
    ((2, 4, 4, 3), 2, 23, 34),
    ((3, 6), 1, 35, 76),
    ((3, 6), 2, 38, 84),
    ((3, 5, 4), 1, 102, 244),
    ((3, 5, 4), 2, 88, 211),
    ((3, 4, 3, 3), 1, 141, 349),
    ((3, 4, 3, 3), 2, 37, 75),
    ((4, 5, 3), 1, 134, 385),
    ((4, 5, 3), 2, 109, 309),
    ((5, 6), 1, 61, 176),
    ((5, 6), 2, 55, 151),
    ((6, 6), 1, 64, 192),
    ((6, 6), 2, 62, 181),
)  # fmt: skip


def _networks() -> Iterator[Instance]:
    for depth in (2, 4, 8, 12):
        folds = [([[1], [-1]], [0, 0])] + [([[2, 2], [-2, -2]], [-1, 1])] * (depth - 1)
        yield Instance(
            f"folding {depth}", tuple(folds), Box(-1, 1, dim=1), 2**depth,
            "Telgarsky 2015: each layer folds [-1, 1] in two", walls=2**depth - 1,
        )  # fmt: skip
    for widths, seed, cells, walls in INTEGER_NETWORKS:
        yield Instance(
            f"integers {'-'.join(map(str, widths))} seed {seed}",
            _integer_network(widths, seed), Box(-3, 3, dim=widths[0]), cells, ORACLE, walls,
        )  # fmt: skip
