"""The network behind an unlabelled complex: architecture, weights and signs, in fractions.

A network with one or two hidden ReLU layers is recovered from where its function bends and by how
much. Each step is linear algebra over the rationals (docs/comparison.md derives it):

1. First-layer neurons are the hyperplanes U_k at which other walls bend, and those that never bend.
2. The jump of the affine map at a wall of second-layer neuron i is a direction a_i times the row
   D_i that vanishes on the wall, scale included. From region to region that row is
   v_i + 1/2 sum of p_k x_ik U_k, where p_k is the side of U_k: so walls give v_i and the x_ik.
3. ReLU(z) = (z + |z|) / 2, and what |z| shows does not depend on which side of U_k is the active
   one. The linear parts do: v_i = b_i + 1/2 sum of s_k x_ik U_k for signs s_k, and the same one
   layer up. Of these linear equations all solutions with entries 1 and -1 are taken.
4. What comes out must be the given function on every part, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from ..errors import RecoveryError
from ..graph import RegionGraph
from ..linear_complex import Complex
from ..rational_network import RationalNetwork
from .bent_walls import Key, Layering, bent_walls, crossings, hyperplane, kink, layerings
from .linear_system import signs_of, solutions, with_signs
from .reproduction import relu_network, reproduces
from .second_layer import SecondLayer, neurons_of, signs_at
from .second_signs import SignedLayer

HALF = Fraction(1, 2)

# Why nothing came out, by how far it went.
LAYERING, FIRST_SIGNS, SECOND_SIGNS, SIDES = range(4)
REASONS = (
    "walls do not go on in each other as those of one or two hidden layers do: there are more "
    "layers, or walls of two neurons coincide",
    "linear parts are not accounted for by first-layer neurons whose walls show: one is always "
    "active where it is seen (its wall is not in the domain), or two share a hyperplane",
    "outputs are not accounted for by neurons whose walls show: a second-layer neuron is always "
    "active, or the outputs see the first layer or the inputs directly",
    "no weights give every neuron its side on every part of the domain",
)


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

    @property
    def widths(self) -> tuple[int, ...]:
        return self.network.widths

    def __str__(self) -> str:
        state = "determined up to permutation and positive scaling"
        return "\n".join([f"{self.network}: {'not ' if self.open else ''}{state}", *self.open])


def recover_from_graph(what: Complex | RegionGraph, *, allow_open: bool = False) -> GraphRecovery:
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
    reached = set()
    for layering in layerings(what, shown):
        for step in _recovered(what, layering, shown.straight):
            if isinstance(step, GraphRecovery):
                found.append(step)
            else:
                reached.add(step)
    if not found:
        raise RecoveryError(REASONS[max(reached, default=LAYERING)])
    best = min(found, key=lambda r: (sum(r.widths), len(r.open)))
    others = sum(sum(r.widths) == sum(best.widths) for r in found)
    if others > 1:
        note = (
            f"{others} networks of this size, which differ in signs or in which walls belong "
            f"together, have this function: a hidden symmetry"
        )
        best = replace(best, open=(*best.open, note))
    if best.open and not allow_open:
        raise RecoveryError("; ".join(best.open))
    return best


def _recovered(
    complex_: Complex, layering: Layering, straight: list[tuple[int, int]]
) -> Iterator[GraphRecovery | int]:
    """All networks of a layering; and numbers: how far it went."""
    walls = bent_walls(complex_, layering, straight)
    if walls is None:
        return
    if not walls:
        yield FIRST_SIGNS
        for network in _one_hidden(complex_, layering):
            yield GraphRecovery(network)
        return
    layer = neurons_of(complex_, layering.first, walls)
    if layer is not None:
        yield from _two_hidden(complex_, layer)


# --- one hidden layer -------------------------------------------------------------------------


def _one_hidden(complex_: Complex, layering: Layering) -> list[RationalNetwork]:
    """F = c + sum of u_k ReLU(s_k U_k): the jumps at U_k are u_k everywhere."""
    weights: dict[Key, tuple[Fraction, ...]] = {}
    for wall in complex_.walls:
        jump, key = kink(complex_, wall), hyperplane(wall)
        at = next(j for j, v in enumerate(key) if v)
        u = tuple(a * abs(jump.form[at]) / key[at] for a in jump.direction)
        if weights.setdefault(key, u) != u:
            return []
    keys, outputs = layering.first, complex_.outputs
    sides = signs_at(keys, complex_.parts[0].point)
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
    for signs in signs_of(solved, len(keys)):
        constants = with_signs(solved, signs)[len(keys) :]
        rows = [tuple(Fraction(s * v) for v in k) for s, k in zip(signs, keys, strict=True)]
        top = [(*(weights[k][o] for k in keys), constants[o]) for o in range(outputs)]
        network = relu_network([rows], top)
        if reproduces(network, complex_):
            found.append(network)
    return found


def _two_hidden(complex_: Complex, layer: SecondLayer) -> Iterator[GraphRecovery | int]:
    equations = [e for neuron in layer.neurons for e in layer.sign_equations(neuron)]
    solved = solutions(equations, len(layer.keys))
    yield FIRST_SIGNS
    for signs in [] if solved is None else signs_of(solved, len(layer.keys)):
        rows = [layer.weights(neuron, signs) for neuron in layer.neurons]
        known = [row for row in rows if row is not None]
        if len(known) == len(rows):
            yield SECOND_SIGNS
            upper = SignedLayer(complex_, layer, signs, known)
            for network, open_ in upper.networks():
                yield SIDES if network is None else GraphRecovery(network, open_)
