"""Why a layer is injective: a tree that other code can check (:mod:`polyrelu.verify.injectivity`).

Every node fixes some units to an *interval* between their boundaries: the points where a unit
turns from flat to not flat or back, so that intervals are flat and active by turns (for a ReLU
interval 0 is off, 1 is on). The nodes come in preorder. A :class:`Branch` names as many units with
independent weights as the domain has dimensions, each with an active interval; its children are,
for each of these units that is not yet fixed, the other intervals, with the units before it fixed
to those that are named. A :class:`Leaf` names constraints that no point satisfies at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..activations import PiecewiseLinear
from ..domain import Domain
from ..network import Layer


@dataclass(frozen=True)
class Constraint:
    """One strict inequality that holds inside a node.

    Attributes:
        kind: "domain": inequality ``index`` of the domain; "infinity": points are finite;
            "unit": unit ``index`` is above (``above``) or below its boundary ``boundary``.
    """

    kind: str
    index: int = -1
    boundary: int = -1
    above: bool = True


@dataclass(frozen=True)
class Branch:
    """Units of a basis and the active intervals that they are in."""

    units: tuple[int, ...]
    intervals: tuple[int, ...]


@dataclass(frozen=True)
class Leaf:
    """Constraints of a node of which a nonnegative combination is 0, or a negative constant."""

    constraints: tuple[Constraint, ...]


def boundaries(unit: PiecewiseLinear) -> tuple[tuple[Fraction, ...], bool]:
    """Where a unit turns from flat to not flat or back, and whether it is active (not flat)
    below the first of these."""
    active = [slope != 0 for slope in unit.slopes]
    turns = [t for t, a, b in zip(unit.breakpoints, active, active[1:], strict=False) if a != b]
    return tuple(turns), active[0]


@dataclass(frozen=True, eq=False)
class LayerCertificate:
    """A proof that a layer of monotone units is injective on a domain.

    ``len()`` is the number of nodes; iteration gives them in preorder.

    Attributes:
        layer, domain: what it is about.
        rank: the number of units of a branch, the dimension of the domain's affine hull.
        records: shape (nodes, width), int32, as the kernel writes them.
        units: for each unit of the records its number in the layer.
        constraints: for each row of the records what it is.
    """

    layer: Layer
    domain: Domain
    rank: int
    records: npt.NDArray[np.int32]
    units: tuple[int, ...]
    constraints: tuple[Constraint, ...]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Branch | Leaf]:
        k = self.rank
        for kind, *rest in self.records.tolist():
            if kind:
                yield Branch(tuple(self.units[u] for u in rest[:k]), tuple(rest[k : 2 * k]))
            else:
                yield Leaf(tuple(map(self._constraint, rest[1 : 1 + rest[0]])))

    def _constraint(self, code: int) -> Constraint:
        named = self.constraints[code >> 1]
        return replace(named, above=False) if code & 1 else named

    def __repr__(self) -> str:
        return f"LayerCertificate({len(self)} nodes)"


@dataclass(frozen=True, eq=False)
class PairsCertificate:
    """A proof without branching: as many independent rows as the domain has dimensions, each
    active everywhere, or one of two opposite ones that are never both flat (``[B; -D B; M]``).

    ``len()`` is the number of slots.

    Attributes:
        layer, domain: what it is about.
        slots: numbers of one unit that is nowhere flat, or of two.
    """

    layer: Layer
    domain: Domain
    slots: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.slots)

    def __repr__(self) -> str:
        return f"PairsCertificate({len(self)} slots)"
