"""Re-checking proofs that two networks are the same function, without the code that found them.

Of the shared code only what defines the problem is used: a network's integer matrices and units,
its exact value at a point, a domain's chart. The network that runs both side by side is not
trusted: its regions are, once :func:`~polyrelu.verify.verify` has passed them, and only as
polyhedra on which its own thresholds do not change sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from flint import fmpz_mat

from ..answer import Answer
from ..graph import RegionGraph
from ..network import Layer
from ..queries.equivalence import EquivalenceCertificate
from .forms import Row, reduced
from .levels import verify
from .report import VerificationError
from .robustness import compose


def check_equivalence(proof: Answer | EquivalenceCertificate) -> int:
    """Check again that two networks are equal; returns how many regions were looked at.

    A proof by matched units is replayed layer by layer. Of a proof by regions, the regions are
    checked by :func:`verify`, level "geometry", and on each both networks are composed anew: every
    threshold of either must be a threshold of the region graph, or constant, so that both are
    affine there; and the two affine maps must be the same (5-30 ms a region in all).

    Raises:
        VerificationError: what does not hold, and where.
        TypeError: not a proof of equivalence.
    """
    certificate = proof.certificate if isinstance(proof, Answer) else proof
    if not isinstance(certificate, EquivalenceCertificate):
        raise TypeError(
            f"this is no proof that networks are equal: {proof!r} (a refutation is checked at its "
            f"point)"
        )
    if certificate.graph is None:
        _check_matching(certificate)
        return 0
    graph = certificate.graph
    if not graph.complete or graph.domain.to_dict() != certificate.domain.to_dict():
        raise VerificationError("the regions must be all those of the domain")
    verify(graph, "geometry").raise_if_failed()
    for index in range(len(graph)):
        _check_region(certificate, graph, index)
    return len(graph)


def _check_region(c: EquivalenceCertificate, graph: RegionGraph, index: int) -> None:
    hull = graph.domain.chart().matrix
    x = graph.exact_point(index)
    bits = dict(enumerate(int(b) for b in graph.pattern(index)))
    walls = {tuple(row) for row in _on(hull, compose(graph.network, bits)[0])}
    maps = []
    for network in (c.first, c.second):
        own = {t: int(sign > 0) for t, sign in enumerate(network.exact(x)[1])}
        rows, output = compose(network, own)
        for t, row in enumerate(_on(hull, rows)):
            if any(row[:-1]) and tuple(row) not in walls:
                raise VerificationError(f"region {index}: threshold {t} may change sign inside")
        *forms, scale = [[int(v) for v in row] for row in (fmpz_mat(output) * hull).table()]
        maps.append([[Fraction(v, scale[-1]) for v in row] for row in forms])
    if maps[0] != maps[1]:
        raise VerificationError(f"region {index}: the two affine maps differ")


def _on(hull: fmpz_mat, rows: Sequence[Row]) -> list[Row]:
    """Rows in the coordinates of a domain's chart."""
    return [reduced(row) for row in (fmpz_mat(rows) * hull).table()] if rows else []


def _check_matching(c: EquivalenceCertificate) -> None:
    """Matched units have the same row over matched inputs, and the same piecewise-linear unit."""
    n, m = c.first.input_dim, c.first.output_dim
    before: tuple[int | None, ...] = tuple(range(n))
    layers = zip_longest(c.first.layers, c.second.layers)
    if len(c.matching) != max(len(c.first.layers), len(c.second.layers)):
        raise VerificationError("the matching does not have a row for each layer")
    for k, ((a, b), matched) in enumerate(zip(layers, c.matching, strict=True)):
        first, second = _rows(a, m), _rows(b, m)
        if len(matched) != len(second):
            raise VerificationError(f"layer {k}: it does not match each unit")
        for j, i in enumerate(matched):
            if i is not None and _moved(second[j], before, len(first[0][0]) - 1) != first[i]:
                raise VerificationError(f"layer {k}: unit {j} is not unit {i} of the first")
        before = matched
    if before != tuple(range(m)):
        raise VerificationError("some output is not matched")


def _rows(layer: Layer | None, width: int) -> list[tuple[list[Fraction], Any]]:
    """Each unit's row and unit; without a layer values are passed on."""
    if layer is None:
        one = [[Fraction(int(i == j)) for j in range(width + 1)] for i in range(width)]
        return [(row, None) for row in one]
    *rows, bottom = [[int(v) for v in row] for row in layer.integer_matrix.table()]
    return [
        ([Fraction(v, bottom[-1]) for v in row], None if unit.is_identity else unit)
        for row, unit in zip(rows, layer.units, strict=True)
    ]


def _moved(
    row: tuple[list[Fraction], Any], before: Sequence[int | None], width: int
) -> tuple[list[Fraction], Any] | None:
    """A row over the first network's values; None if it needs one that is not matched."""
    values, unit = row
    moved = [Fraction(0)] * width + [values[-1]]
    for v, i in zip(values[:-1], before, strict=True):
        if v and i is None:
            return None
        if v and i is not None:
            moved[i] += v
    return moved, unit
