"""The network behind an unlabelled complex: architecture, weights and signs, in fractions.

A network with one or two hidden ReLU layers is recovered from where its function bends and by how
much. Each step is linear algebra over the rationals (docs/comparison.md derives it):

1. First-layer neurons are the hyperplanes U_k at which other walls bend, and those that never bend.
2. The jump of the affine map at a wall of second-layer neuron i is a direction a_i times the row
   D_i that vanishes on the wall, scale included. From region to region that row is
   v_i + 1/2 sum of p_k x_ik U_k, where p_k is the side of U_k: so walls give v_i and the weights x_ik.
3. ReLU(z) = (z + |z|) / 2, and what |z| shows does not depend on which side of U_k is the active one.
   The linear parts do: v_i = b_i + 1/2 sum of s_k x_ik U_k for signs s_k, and the same one layer up.
   These are linear equations in signs, of which all solutions with entries 1 and -1 are taken.
4. What comes out must be the given function on every part, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Any

from ..activations import identity, relu
from ..errors import RecoveryError
from ..graph import RegionGraph
from ..linear_complex import Complex
from ..rational import integer_row, margin
from ..rational_network import RationalLayer, RationalNetwork
from .bent_walls import Key, Layering, bent_walls, crossings, hyperplane, kink, layerings
from .linear_system import Solutions, sign_solutions, solutions
from .reproduction import reproduces
from .second_layer import Neuron, SecondLayer, neurons_of

HALF = Fraction(1, 2)
FEW_PARTS = 30


@dataclass(frozen=True)
class GraphRecovery:
    """A network that has exactly the given complex and function.

    Attributes:
        network: it; first-layer rows are primitive integers, and so are the weights out of each
            second-layer neuron.
        open: what the complex does not determine, one sentence each; the network is then one of
            those that have it.
    """

    network: RationalNetwork
    open: tuple[str, ...] = ()
    stats: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def widths(self) -> tuple[int, ...]:
        return self.network.widths

    def __str__(self) -> str:
        state = "determined up to permutation and positive scaling"
        return "\n".join([f"{self.network}: {'not ' if self.open else ''}{state}", *self.open])


def recover_from_graph(
    what: Complex | RegionGraph, *, allow_open: bool = False
) -> GraphRecovery:
    """The ReLU network with one or two hidden layers that has a given complex, exactly.

    Args:
        what: an unlabelled complex; of a region graph, :meth:`Complex.from_graph` of it is taken,
            which forgets all that is known of the network.
        allow_open: also return a network if others with the same function on this domain are not
            merely permuted and rescaled: see :attr:`GraphRecovery.open`.

    Neurons that the function does not show (dead, cancelled, of output weight 0) are not there in
    the network that comes back. The cost is that of some exact values on each region, and of 2**n
    trials for n signs that no linear equations fix.

    Raises:
        RecoveryError: why there is no such network, or what is open: walls that meet in a way
            that is not generic; more than two hidden layers; parts that are not accounted for by
            walls in the domain, as of neurons that are always active there, and of two neurons
            with one hyperplane; weights and signs that the function does not determine.
        IncompleteError, DomainError: of a region graph, see :meth:`Complex.from_graph`.
    """
    if isinstance(what, RegionGraph):
        what = Complex.from_graph(what)
    if not isinstance(what, Complex):
        raise TypeError(f"a Complex or RegionGraph is needed, not {type(what).__name__}")
    if not what.walls:
        raise RecoveryError("the function does not bend: there is nothing to recover from")
    shown = crossings(what)
    found: list[GraphRecovery] = []
    for layering in layerings(what, shown):
        candidates = _two_hidden(what, layering, shown.straight)
        found += (
            _one_hidden(what, layering) if candidates is None else list(candidates)
        )
    if not found:
        raise RecoveryError(_unexplained(what))
    best = min(found, key=lambda r: (sum(r.widths), len(r.open)))
    others = sum(r.widths == best.widths for r in found)
    if others > 1:
        note = f"{others} networks of this size, which differ in signs or in which walls belong " \
               f"together, have this function: a hidden symmetry"
        best = replace(best, open=(*best.open, note))
    if best.open and not allow_open:
        raise RecoveryError("; ".join(best.open))
    return best


def _unexplained(complex_: Complex) -> str:
    return (
        "no network with at most two hidden layers whose neurons all bend in the domain has this "
        f"function of {complex_.dim} inputs: a neuron may be always active (its wall is not in the "
        "domain), two neurons may share a hyperplane, a facet may be cancelled, or there are more "
        "layers"
    )


# --- one hidden layer -------------------------------------------------------------------------


def _one_hidden(complex_: Complex, layering: Layering) -> list[GraphRecovery]:
    """F = c + sum of u_k ReLU(s_k U_k): the jumps at U_k are u_k everywhere."""
    weights: dict[Key, tuple[Fraction, ...]] = {}
    for wall in complex_.walls:
        jump, key = kink(complex_, wall), hyperplane(wall)
        at = next(j for j, v in enumerate(key) if v)
        u = tuple(a * abs(jump.form[at]) / key[at] for a in jump.direction)
        if weights.setdefault(key, u) != u:
            return []
    keys, outputs = layering.first, complex_.outputs
    sides = side_signs(complex_, keys, 0)
    target = complex_.maps[complex_.parts[0].cell]
    equations = []
    for o in range(outputs):
        for j in range(complex_.dim + 1):
            along = [HALF * weights[k][o] * k[j] for k in keys]
            constants = [Fraction(int(j == complex_.dim and o == i)) for i in range(outputs)]
            rest = sum((p * v for p, v in zip(sides, along, strict=True)), -target[o][j])
            equations.append([*along, *constants, rest])
    solved = solutions(equations, len(keys) + outputs)
    if solved is None:
        return []
    found = []
    for signs in _signs(solved, range(len(keys))):
        constants = _with_signs(solved, signs)[len(keys):]
        rows = [tuple(Fraction(s * v) for v in k) for s, k in zip(signs, keys, strict=True)]
        top = [(*(weights[k][o] for k in keys), constants[o]) for o in range(outputs)]
        network = _network([rows], top)
        if reproduces(network, complex_):
            found.append(GraphRecovery(network))
    return found


def side_signs(complex_: Complex, keys: tuple[Key, ...], part: int) -> tuple[int, ...]:
    """On which side of each hyperplane a part is."""
    from .second_layer import signs_at

    return signs_at(keys, complex_.parts[part].point)


def _signs(found: Solutions, wanted: range) -> list[tuple[int, ...]]:
    signs = sign_solutions(found, list(wanted))
    if signs is None:
        raise RecoveryError("too many signs are fixed by no linear equation: the sign system lacks "
                            "rank")  # fmt: skip
    return signs


def _with_signs(found: Solutions, signs: tuple[int, ...]) -> list[Fraction]:
    """The solution whose first unknowns are these."""
    dim = len(found.particular)
    equations = []
    for i, s in enumerate(signs):
        equations.append([*(Fraction(row[i]) for row in found.free), found.particular[i] - s])
    y = solutions(equations, len(found.free))
    assert y is not None, "these signs solve the system"
    return [
        found.particular[i] + sum((v * row[i] for v, row in zip(y.particular, found.free,
                                                                strict=True)), Fraction(0))
        for i in range(dim)
    ]  # fmt: skip


def _network(hidden: list[list[tuple[Fraction, ...]]], top: list[Any]) -> RationalNetwork:
    layers = [RationalLayer(tuple(rows), (relu(),) * len(rows)) for rows in hidden]
    return RationalNetwork((*layers, RationalLayer(tuple(top), (identity(),) * len(top))))


# --- two hidden layers ------------------------------------------------------------------------


def _two_hidden(
    complex_: Complex, layering: Layering, straight: list[tuple[int, int]]
) -> Iterator[GraphRecovery] | None:
    """All networks of this layering; None if it has one hidden layer."""
    walls = bent_walls(complex_, layering, straight)
    if walls is None:
        return iter(())
    if not walls:
        return None
    layer = neurons_of(complex_, layering.first, walls)
    return iter(()) if layer is None else _of_second_layer(complex_, layer)


def _of_second_layer(complex_: Complex, layer: SecondLayer) -> Iterator[GraphRecovery]:
    equations = [e for neuron in layer.neurons for e in layer.sign_equations(neuron)]
    solved = solutions(equations, len(layer.keys))
    if solved is None:
        return
    for signs in _signs(solved, range(len(layer.keys))):
        rows = [layer.weights(neuron, signs) for neuron in layer.neurons]
        if all(row is not None for row in rows):
            yield from _of_signs(_Upper(complex_, layer, signs, rows))  # type: ignore[arg-type]


@dataclass
class _Upper:
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
        return _network([first, second], top)


def _of_signs(upper: _Upper) -> Iterator[GraphRecovery]:
    relaxed = upper.solved()
    if relaxed is None:
        return
    for t in _signs(relaxed, range(len(upper.rows))):
        found = upper.solved(t)
        if found is None:
            continue
        values = _choice(upper, found)
        if values is None:
            continue
        network = upper.network(t, values)
        if reproduces(network, upper.complex_):
            yield GraphRecovery(network, _open(upper, found))


def _choice(upper: _Upper, found: Solutions) -> list[Fraction] | None:
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
    return [
        v + sum((y * f[at] for y, f in zip(best.point, found.free, strict=True)), Fraction(0))
        for at, v in enumerate(found.particular)
    ]


def _sign_rows(upper: _Upper, found: Solutions) -> Iterator[list[int]]:
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


def _open(upper: _Upper, found: Solutions) -> tuple[str, ...]:
    notes = []
    owners = [(i, f) for i, row in enumerate(upper.rows) for f in row.free]
    for free in found.free:
        names = []
        for at, (i, f) in enumerate(owners, upper.complex_.outputs):
            if free[at]:
                weights = ", ".join(str(k) for k, v in enumerate(f[:-1]) if v)
                names.append(f"of second-layer neuron {i} on first-layer neurons {weights}")
        notes.append(f"weights are open: {' and '.join(names)}")
    return tuple(notes)
