"""Why no change of the decision is nearer: a tree that other code can check
(:mod:`polyrelu.verify.robustness`).

Every cell is a closed polyhedron: the domain, cut by thresholds with a side each. A :class:`Part`
is one way through all thresholds, layer by layer, from the cell in which it begins to one region.
At each :class:`Step` the cell is cut; the way goes on on one side, and what is across is another
part, or does not matter. Multipliers are positive integers on rows ``a . x + b >= 0`` of the
cell, where the entries of a are integers without a common divisor (if a = 0: where b = 1 or -1):
key t >= 0 is threshold t, looking to the cell's side of it, key -1 - k inequality k of the domain;
``own`` is the multiplier of the row that the object itself is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..domain import Domain
from ..network import FieldsOnly, Network
from ..rational import ExactPoint


@dataclass(frozen=True)
class Beyond:
    """All points of a cell that satisfy one row more are as far away as the radius, or there are
    none: by these multipliers, as :func:`polyrelu.exact_program.dual_bound` says."""

    multipliers: dict[int, int]
    own: int


@dataclass(frozen=True)
class Flat:
    """A cell lies on one side of a threshold: ``own`` times its row (looking to that side) is a
    combination of the cell's rows and a constant >= 0, on the domain's affine hull."""

    multipliers: dict[int, int]
    own: int


@dataclass
class Step:
    """A threshold, the side on which the way goes on (1: above), and what is across: a part (its
    number), :class:`Beyond`, or :class:`Flat`."""

    threshold: int
    bit: int
    across: int | Beyond | Flat | None = None


@dataclass(frozen=True)
class Part:
    """The way to one region.

    Attributes:
        parent, at: it begins across step ``at`` of part ``parent``; the first part begins at the
            domain (-1).
        steps: the thresholds that the parent has not decided before that step.
        rivals: for each rival decision why it is not nearer in this region.
    """

    parent: int
    at: int
    steps: list[Step]
    rivals: dict[int, Beyond]


@dataclass(frozen=True, eq=False, repr=False)
class RobustnessCertificate(FieldsOnly):
    """A proof that the decision at x does not change nearer than the radius.

    Attributes:
        network, domain, x, norm, level, label: the question; for a slice in its coordinates.
        distance: the radius, in the norm 2 its square; None: the decision never changes.
        point: at which it is attained; None if it never changes.
        parts: one for each region that was visited.
    """

    network: Network
    domain: Domain
    x: ExactPoint
    norm: float
    level: Fraction
    label: int
    distance: Fraction | None
    point: ExactPoint | None
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        return len(self.parts)

    def __repr__(self) -> str:
        return f"RobustnessCertificate({len(self.parts)} regions)"
