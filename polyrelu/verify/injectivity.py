"""Re-checking proofs of injectivity in rational arithmetic, without the code that found them.

Of the shared code only what defines the problem is used: a layer's integer matrix, a domain's
inequalities, the affine hull of its chart, the forms of a region; and the exact simplex method.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise

from flint import fmpz_mat

from ..activations import PiecewiseLinear
from ..answer import Answer
from ..domain import Domain
from ..network import Layer
from ..queries.injectivity import Certificate, LayerwiseCertificate
from ..queries.layer_certificate import Branch, Constraint, LayerCertificate, Leaf, PairsCertificate
from ..queries.network_injectivity import GraphCertificate
from ..rational import margin
from ..region import Region, affine_hull_rows
from .levels import verify
from .report import VerificationError

Row = list[int]
Interval = tuple[Fraction | None, Fraction | None]


def check_injectivity(
    proof: Answer | Certificate, *, sample: int | None = None, seed: int = 0
) -> int:
    """Check a proof again; returns how many nodes, or pairs of regions, were looked at.

    A layer's tree is replayed node by node (some 0.2 ms each); of a layerwise proof also whether
    each layer's domain holds what comes in. A proof by regions is checked from the inequalities of
    regions and exact linear programs for pairs (tens of milliseconds each; ``sample`` takes so
    many pairs at random), and the regions by :func:`verify`, level "geometry".

    Raises:
        VerificationError: what does not hold, and where.
        TypeError: not a proof of injectivity.
    """
    if sample is not None and not (isinstance(sample, int) and sample >= 1):
        raise ValueError(f"sample must be an integer of at least 1, not {sample!r}")
    certificate = proof.certificate if isinstance(proof, Answer) else proof
    if isinstance(certificate, LayerCertificate | PairsCertificate):
        return check_layer(certificate)
    if isinstance(certificate, LayerwiseCertificate):
        return _check_layerwise(certificate)
    if isinstance(certificate, GraphCertificate):
        return _check_graph(certificate, sample, seed)
    raise TypeError(
        f"this is no proof of injectivity: {proof!r} (a refutation is checked by its two points)"
    )


def _check_layerwise(certificate: LayerwiseCertificate) -> int:
    if not certificate.layers:
        raise VerificationError("there is no layer")
    for k, (before, after) in enumerate(pairwise(certificate.layers)):
        if before.layer.out_features != after.layer.in_features:
            raise VerificationError(f"layer {k + 1}: it does not take what comes in")
        if not _holds_image(before.layer, before.domain, after.domain):
            raise VerificationError(f"layer {k + 1}: its domain does not hold what comes in")
    return sum(map(check_layer, certificate.layers))


def _holds_image(layer: Layer, before: Domain, after: Domain) -> bool:
    """Does every inequality of ``after``, each on one coordinate, hold on the layer's image of
    ``before``, bounded coordinate by coordinate?"""
    sides = _sides(before)
    *rows, bottom = [[int(v) for v in row] for row in layer.integer_matrix.table()]
    for g in after.inequalities():
        (i,) = (j for j, v in enumerate(g[:-1]) if v)
        z = _interval([Fraction(v, bottom[-1]) for v in rows[i]], sides)
        if not _stays_above(layer.units[i], z, g[i], g[-1]):
            return False
    return True


def _interval(form: Sequence[Fraction], sides: Sequence[Interval]) -> Interval:
    """The range of an affine form over a box."""
    ends: list[Fraction | None] = [form[-1], form[-1]]
    for weight, side in zip(form, sides, strict=False):
        for k in (0, 1):
            bound, before = side[k if weight > 0 else 1 - k], ends[k]
            if weight:
                ends[k] = None if bound is None or before is None else before + weight * bound
    return ends[0], ends[1]


def _stays_above(unit: PiecewiseLinear, z: Interval, factor: int, constant: int) -> bool:
    """Is ``factor * unit(v) + constant >= 0`` for all v in an interval?"""
    low, high = z
    if (low is None and factor * unit.slopes[0] > 0) or (
        high is None and factor * unit.slopes[-1] < 0
    ):
        return False
    inside = [
        t for t in unit.breakpoints if (low is None or low < t) and (high is None or t < high)
    ]
    corners = [*(v for v in z if v is not None), *inside] or [Fraction(0)]
    return all(factor * unit.exact(v) + constant >= 0 for v in corners)


def _sides(domain: Domain) -> list[Interval]:
    """Bounds of the coordinates, as far as single inequalities give them."""
    sides: list[list[Fraction | None]] = [[None, None] for _ in range(domain.dim)]
    for g in domain.inequalities():
        at = [j for j, v in enumerate(g[:-1]) if v]
        if len(at) == 1:
            sides[at[0]][int(g[at[0]] < 0)] = Fraction(-g[-1], g[at[0]])
    return [(a, b) for a, b in sides]


def _check_graph(certificate: GraphCertificate, sample: int | None, seed: int) -> int:
    """Ranks of all regions, and of pairs that only points of both have one image."""
    graph = certificate.graph
    if not graph.complete:
        raise VerificationError("the graph does not have all regions")
    report = verify(graph, "geometry", sample=sample, seed=seed)
    if not report.ok:
        raise VerificationError(str(report))
    chart = graph.domain.chart().matrix
    regions = list(graph)
    for region in regions:
        linear = [row[:-1] for row in (fmpz_mat(region.output_form) * chart).tolist()[:-1]]
        if fmpz_mat(linear).rank() < chart.ncols() - 1:
            raise VerificationError(f"region {region.index}: its map has too little rank")
    pairs = list(combinations(range(len(regions)), 2))
    if sample is not None and sample < len(pairs):
        pairs = random.Random(seed).sample(pairs, sample)
    if certificate.local:
        corners = [set(region.exact_vertices()) for region in regions]
        pairs = [(i, j) for i, j in pairs if corners[i] & corners[j]]
    hull = affine_hull_rows(chart)
    for i, j in pairs:
        if _collide(regions[i], regions[j], hull):
            raise VerificationError(f"regions {i} and {j} have common images where they differ")
    return len(pairs)


def _collide(r: Region, s: Region, hull: list[Row]) -> bool:
    """Are there x, y in the closures of two regions with one image, x not in the other's?

    In variables (x, y, scale), so that 0 is always a solution: first for a point at all, then for
    one where a pre-activation that has different signs on the regions is not 0.
    """
    zero = [0] * r.graph.dim

    def at_x(g: Row) -> Row:
        return [*g[:-1], *zero, g[-1], 0]

    def at_y(g: Row) -> Row:
        return [*zero, *g[:-1], g[-1], 0]

    weak = [at_x(g) for g in r.inequality_rows] + [at_y(g) for g in s.inequality_rows]
    equal = [at_x(g) for g in hull] + [at_y(g) for g in hull]
    (*images_r, (*_, scale_r)), (*images_s, (*_, scale_s)) = r.output_form, s.output_form
    for a, b in zip(images_r, images_s, strict=True):
        ours, theirs = at_x([scale_s * v for v in a]), at_y([scale_r * v for v in b])
        equal.append([u - v for u, v in zip(ours, theirs, strict=True)])
    weak += [[sign * v for v in row] for row in equal for sign in (1, -1)]
    finite = [*zero, *zero, 1, 0]
    weak.append(finite)
    apart = [0] * len(finite)
    for t in (r.pattern != s.pattern).nonzero()[0].tolist():
        sign = 1 if r.pattern[t] else -1
        apart = [u + sign * v for u, v in zip(apart, at_x(r.form(t)), strict=True)]
    held = frozenset(range(len(weak)))
    return all(margin([*weak, goal], held).value > 0 for goal in (finite, apart))


def check_layer(certificate: LayerCertificate | PairsCertificate) -> int:
    """Check a proof that a layer is injective on a domain; returns the number of nodes or slots.

    Raises:
        VerificationError: what does not hold, by the number of the node.
    """
    layer, domain = certificate.layer, certificate.domain
    if layer.in_features != domain.dim:
        raise VerificationError(
            f"the layer takes {layer.in_features} inputs, its domain has dimension {domain.dim}"
        )
    try:
        if isinstance(certificate, PairsCertificate):
            return _check_pairs(certificate)
        return _LayerChecker(certificate).check()
    except (IndexError, ValueError) as error:
        raise VerificationError(f"the certificate is malformed ({error})") from None


def _check_pairs(certificate: PairsCertificate) -> int:
    """Each slot is a unit that is nowhere flat, or two whose flat half-spaces do not meet."""
    layer, domain = certificate.layer, certificate.domain
    *forms, bottom = [[int(v) for v in row] for row in layer.integer_matrix.table()]
    for unit in layer.units:
        if any(s > 0 for s in unit.slopes) and any(s < 0 for s in unit.slopes):
            raise VerificationError("the criterion holds for monotone units only")
    equalities = affine_hull_rows(domain.chart().matrix)
    for slot in certificate.slots:
        flat = []
        if not all(0 <= u < len(layer.units) for u in slot):
            raise VerificationError(f"the layer has no units {slot}")
        for u in slot:
            turns, unit = _turns(layer.units[u]), layer.units[u]
            if len(turns) == 1:
                t, sign = turns[0], 1 if _is_active(unit, 0) else -1
                row = [sign * t.denominator * v for v in forms[u]]
                row[-1] -= sign * t.numerator * bottom[-1]
                flat.append(row)
            elif turns or not _is_active(unit, 0) or len(slot) > 1:
                raise VerificationError(f"unit {u} is flat on more than a half-space")
        always = len(slot) == 1 and not flat
        if not always and not (len(flat) == 2 and _exclude(flat[0], flat[1], equalities)):
            raise VerificationError(f"units {slot} may all be flat somewhere")
    hull = [row[:-1] for row in equalities]
    weights = [forms[slot[0]][:-1] for slot in certificate.slots]
    rank = _rank(hull)
    if _rank(weights + hull) < domain.dim or len(certificate.slots) != domain.dim - rank:
        raise VerificationError("the units' weights are no basis")
    return len(certificate.slots)


def _exclude(a: Row, b: Row, equalities: list[Row]) -> bool:
    """Is no point of the hull where both forms are positive: is a positive combination of them
    and any of the equalities a constant that is not positive?"""
    basis, nullity = fmpz_mat([g[:-1] for g in (a, b, *equalities)]).transpose().nullspace()
    for j in range(nullity):
        y = [int(basis[i, j]) for i in range(2 + len(equalities))]
        y = y if y[0] > 0 else [-v for v in y]
        constant = sum(v * g[-1] for v, g in zip(y, (a, b, *equalities), strict=True))
        if y[0] > 0 and y[1] > 0 and constant <= 0:
            return True
    return False


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
        if not all(0 <= u < len(units) for u in node.units):
            raise VerificationError(f"the layer has no units {node.units}")
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
            if not 0 <= constraint.index < len(self.inequalities):
                raise VerificationError(f"the domain has no inequality {constraint.index}")
            row = self.inequalities[constraint.index]
            if _rank([*self.equalities, row]) == _rank(self.equalities):
                raise VerificationError("an inequality that is 0 on the domain excludes nothing")
            return row
        if constraint.kind == "infinity":
            return [0] * self.certificate.domain.dim + [1]
        u, b = constraint.index, constraint.boundary
        if u not in fixed or (b < fixed[u]) != constraint.above:
            raise VerificationError(f"the node does not say where unit {u} is")
        turns = _turns(self.certificate.layer.units[u])
        if not 0 <= b < len(turns):
            raise VerificationError(f"unit {u} has no boundary {b}")
        t = turns[b]
        row = [t.denominator * v for v in self.forms[u]]
        row[-1] -= t.numerator * self.forms[-1][-1]
        return row if constraint.above else [-v for v in row]


def _turns(unit: PiecewiseLinear) -> list[Fraction]:
    """Breakpoints between a flat piece and one that is not."""
    flat = [slope == 0 for slope in unit.slopes]
    return [t for k, t in enumerate(unit.breakpoints) if flat[k] != flat[k + 1]]


def _is_active(unit: PiecewiseLinear, interval: int) -> bool:
    return (unit.slopes[0] != 0) == (interval % 2 == 0)


def _rank(rows: Sequence[Row]) -> int:
    return int(fmpz_mat([list(row) for row in rows]).rank()) if rows else 0
