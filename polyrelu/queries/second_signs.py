"""The second layer's signs, its open weights and the outputs, once the first layer is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from ..linear_complex import Complex
from ..rational import integer_row, margin
from ..rational_network import RationalNetwork
from .linear_system import Solutions, signs_of, solutions
from .reproduction import relu_network, reproduces
from .second_layer import SecondLayer

HALF = Fraction(1, 2)
FEW_PARTS = 30


@dataclass
class SignedLayer:
    """The second layer with the first's signs known: each neuron's row (weights, bias), up to its
    own sign t_i, and up to multiples of some rows that its own walls leave open."""

    complex_: Complex
    layer: SecondLayer
    signs: tuple[int, ...]
    rows: list[Solutions]

    @property
    def n_open(self) -> int:
        return sum(len(row.free) for row in self.rows)

    def on(self, row: tuple[Any, ...], sides: tuple[int, ...]) -> list[Fraction]:
        """The form of a row (weights, bias) in a region of the first layer."""
        total = [Fraction(0)] * self.complex_.dim + [Fraction(row[-1])]
        for w, s, p, key in zip(row, self.signs, sides, self.layer.keys, strict=False):
            if w and s == p:
                total = [a + w * s * v for a, v in zip(total, key, strict=True)]
        return total

    def parts(self, count: int | None) -> Iterator[int]:
        """One part of each first- and second-layer pattern."""
        seen = set()
        for part in range(len(self.complex_.parts)):
            pattern = self.layer.sides[part], self.layer.active[part]
            if pattern not in seen:
                seen.add(pattern)
                yield part
                if len(seen) == count:
                    return

    def equations(self, count: int | None, t: tuple[int, ...] | None) -> Iterator[list[Fraction]]:
        """That outputs are right on some parts. Unknowns: t_i, constants, then for each open row
        its factor y, and t_i y; with t known: constants, factors y."""
        outputs, dim = self.complex_.outputs, self.complex_.dim
        for part in self.parts(count):
            sides, active = self.layer.sides[part], self.layer.active[part]
            target = self.complex_.maps[self.complex_.parts[part].cell]
            known = [self.on(row.particular, sides) for row in self.rows]
            open_ = [[self.on(f, sides) for f in row.free] for row in self.rows]
            for o in range(outputs):
                a = [HALF * neuron.direction[o] for neuron in self.layer.neurons]
                for j in range(dim + 1):
                    constants = [Fraction(int(j == dim and o == i)) for i in range(outputs)]
                    rest = -target[o][j]
                    own, factors = [], []
                    for i, (q, form) in enumerate(zip(active, known, strict=True)):
                        if t is None:
                            own.append(a[i] * form[j])
                            rest += a[i] * q * form[j]
                            factors += [v for f in open_[i] for v in (a[i] * q * f[j], a[i] * f[j])]
                        else:
                            rest += a[i] * (t[i] + q) * form[j]
                            factors += [a[i] * (t[i] + q) * f[j] for f in open_[i]]
                    yield [*own, *constants, *factors, rest]

    def solved(self, t: tuple[int, ...] | None = None) -> Solutions | None:
        dim = self.complex_.outputs
        dim += self.n_open if t else len(self.rows) + 2 * self.n_open
        for count in (FEW_PARTS, None):
            found = solutions(list(self.equations(count, t)), dim)
            if found is None or not found.free:
                break
        return found

    def networks(self) -> Iterator[tuple[RationalNetwork | None, tuple[str, ...]]]:
        """All networks that have the complex, and what is open of each; None for signs t whose
        network does not."""
        relaxed = self.solved()
        for t in [] if relaxed is None else signs_of(relaxed, len(self.rows)):
            found = self.solved(t)
            if found is None:
                continue
            values = _choice(self, found)
            network = None if values is None else self.network(t, values)
            if network is None or not reproduces(network, self.complex_):
                yield None, ()
            else:
                yield network, _open(self, found)

    def network(self, t: tuple[int, ...], values: list[Fraction]) -> RationalNetwork:
        """With constants and factors of open rows."""
        outputs = self.complex_.outputs
        factors = iter(values[outputs:])
        second = []
        for sign, row in zip(t, self.rows, strict=True):
            total = list(row.particular)
            for f in row.free:
                y = next(factors)
                total = [a + y * v for a, v in zip(total, f, strict=True)]
            second.append(tuple(sign * v for v in total))
        first = [tuple(Fraction(s * v) for v in key)
                 for s, key in zip(self.signs, self.layer.keys, strict=True)]  # fmt: skip
        top = [(*(n.direction[o] for n in self.layer.neurons), values[o]) for o in range(outputs)]
        return relu_network([first, second], top)


def _choice(upper: SignedLayer, found: Solutions) -> list[Fraction] | None:
    """Values of what is open with which every second-layer neuron has its sign on every part: a
    linear program in the factors of the free solutions."""
    if not found.free:
        return list(found.particular)
    rows = {tuple(row) for row in _sign_rows(upper, found)}
    if any(row[-1] < 0 for row in rows if not any(row[:-1])):
        return None
    best = margin([list(row) for row in rows if any(row[:-1])] or [[0] * len(found.free) + [1]])
    if best.value < 0:
        return None
    return found.at(best.point)


def _sign_rows(upper: SignedLayer, found: Solutions) -> Iterator[list[int]]:
    """Rows that must be >= 0 at the factors: forms at the vertices and directions of parts."""
    at = upper.complex_.outputs
    for i, row in enumerate(upper.rows):
        moves = [
            tuple(sum(f[at + k] * own[j] for k, own in enumerate(row.free))
                  for j in range(len(row.particular)))
            for f in found.free
        ]  # fmt: skip
        start = [
            v + sum((found.particular[at + k] * own[j] for k, own in enumerate(row.free)),
                    Fraction(0))
            for j, v in enumerate(row.particular)
        ]  # fmt: skip
        at += len(row.free)
        if not any(any(move) for move in moves):
            continue
        forms = cache(lambda sides, all_=(*moves, tuple(start)): [upper.on(r, sides) for r in all_])
        for part, sides, active in zip(
            upper.complex_.parts, upper.layer.sides, upper.layer.active, strict=True
        ):
            for g in part.generators:
                values = [
                    sum((active[i] * a * v for a, v in zip(form, g, strict=True)), Fraction(0))
                    for form in forms(sides)
                ]
                yield integer_row(values)


def _open(upper: SignedLayer, found: Solutions) -> tuple[str, ...]:
    notes = [f"second-layer neurons {i} and {j} may be one" for i, j in upper.layer.loose]
    owners = [(i, f) for i, row in enumerate(upper.rows) for f in row.free]
    for free in found.free:
        names = []
        for at, (i, f) in enumerate(owners, upper.complex_.outputs):
            if free[at]:
                weights = ", ".join(str(k) for k, v in enumerate(f[:-1]) if v)
                names.append(f"of second-layer neuron {i} on first-layer neurons {weights}")
        notes.append(f"weights are open: {' and '.join(names)}")
    return tuple(notes)
