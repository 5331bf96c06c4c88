"""Re-checking proofs of injectivity in rational arithmetic, without the code that found them.

Of the shared code only what defines the problem is used: a layer's integer matrix, a domain's
inequalities and the affine hull of its chart.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpz_mat

from ..activations import PiecewiseLinear
from ..queries.layer_certificate import Branch, Constraint, LayerCertificate, Leaf
from ..region import affine_hull_rows
from .report import VerificationError

Row = list[int]


def check_layer(certificate: LayerCertificate) -> int:
    """Check a proof that a layer is injective on a domain; returns the number of nodes.

    Raises:
        VerificationError: what does not hold, by the number of the node.
    """
    return _LayerChecker(certificate).check()


class _LayerChecker:
    def __init__(self, certificate: LayerCertificate) -> None:
        self.certificate = certificate
        layer, domain = certificate.layer, certificate.domain
        self.forms = [[int(v) for v in row] for row in layer.integer_matrix.table()]
        self.inequalities = domain.inequalities()
        self.equalities = affine_hull_rows(domain.chart().matrix)
        self.rank = domain.dim - _rank([row[:-1] for row in self.equalities])
        for unit in layer.units:
            if any(s > 0 for s in unit.slopes) and any(s < 0 for s in unit.slopes):
                raise VerificationError("the criterion holds for monotone units only")

    def check(self) -> int:
        """Replay the tree: the nodes that are still to come stand on a stack."""
        if self.rank == 0:
            return 0
        open_nodes: list[dict[int, int]] = [{}]
        number = 0
        for number, node in enumerate(self.certificate):
            if not open_nodes:
                raise VerificationError(f"node {number} belongs to no branch")
            fixed = open_nodes.pop()
            try:
                if isinstance(node, Leaf):
                    self._check_leaf(node, fixed)
                else:
                    open_nodes += reversed(self._children(node, fixed))
            except VerificationError as error:
                raise VerificationError(f"node {number}: {error}") from None
        if open_nodes:
            raise VerificationError(f"{len(open_nodes)} nodes are missing at the end")
        return number + 1

    def _children(self, node: Branch, fixed: dict[int, int]) -> list[dict[int, int]]:
        units = self.certificate.layer.units
        weights = [self.forms[u][:-1] for u in node.units]
        hull = [row[:-1] for row in self.equalities]
        if _rank(weights + hull) < self.rank + len(hull) or len(node.units) != self.rank:
            raise VerificationError("the units' weights are no basis")
        now = dict(fixed)
        children = []
        for u, interval in zip(node.units, node.intervals, strict=True):
            turns = _turns(units[u])
            if not 0 <= interval <= len(turns) or not _is_active(units[u], interval):
                raise VerificationError(f"unit {u} is not active in interval {interval}")
            if fixed.get(u, interval) != interval:
                raise VerificationError(f"unit {u} is fixed elsewhere")
            if u not in fixed:
                children += [now | {u: i} for i in range(len(turns) + 1) if i != interval]
                now[u] = interval
        return children

    def _check_leaf(self, node: Leaf, fixed: dict[int, int]) -> None:
        rows = [self._row(constraint, fixed) for constraint in node.constraints]
        system = fmpz_mat(rows + self.equalities).transpose()
        basis, nullity = system.nullspace()
        if nullity != 1:
            raise VerificationError("the constraints have no unique combination that is 0")
        multipliers = [int(basis[i, 0]) for i in range(len(rows))]
        if not any(multipliers) or min(multipliers) * max(multipliers) < 0:
            raise VerificationError("no nonnegative combination of the constraints is 0")

    def _row(self, constraint: Constraint, fixed: dict[int, int]) -> Row:
        """Integers g with ``g . (x, 1) > 0`` by the constraint, which the node must imply."""
        if constraint.kind == "domain":
            return self.inequalities[constraint.index]
        if constraint.kind == "infinity":
            return [0] * self.certificate.domain.dim + [1]
        u, b = constraint.index, constraint.boundary
        if u not in fixed or (b < fixed[u]) != constraint.above:
            raise VerificationError(f"the node does not say where unit {u} is")
        t = _turns(self.certificate.layer.units[u])[b]
        row = [t.denominator * v for v in self.forms[u]]
        row[-1] -= t.numerator * self.forms[-1][-1]
        return row if constraint.above else [-v for v in row]


def _turns(unit: PiecewiseLinear) -> list:  # type: ignore[type-arg]
    """Breakpoints between a flat piece and one that is not."""
    return [
        t
        for k, t in enumerate(unit.breakpoints)
        if (unit.slopes[k] == 0) != (unit.slopes[k + 1] == 0)
    ]


def _is_active(unit: PiecewiseLinear, interval: int) -> bool:
    return (unit.slopes[0] != 0) == (interval % 2 == 0)


def _rank(rows: Sequence[Row]) -> int:
    return int(fmpz_mat([list(row) for row in rows]).rank()) if rows else 0
