"""The first region along a ray, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import fmpz_mat

from ..rational import IntegerRow, integer_row, primitive
from .compiled import Compiled
from .exact import activate

Point = tuple[Fraction, ...]


def enter(compiled: Compiled, start: Sequence[Fraction], direction: Sequence[Fraction]) -> Point:
    """A point of the first region that the ray from ``start`` runs through.

    Coordinates are the engine's. Values are carried with their derivatives along the ray: the
    signs just behind ``start`` are those of the value or, if it is 0, of the derivative. Signs
    that the ray cannot tell, as both are 0, count as inactive: the point then lies on that wall.
    """
    point = integer_row([*start, Fraction(1)])
    along = primitive(integer_row(direction))
    pair = fmpz_mat([[x, d] for x, d in zip(point, [*along, 0], strict=True)])
    domain = compiled.root_rows[: int(compiled.program.n_domain)]
    met = [_met(row, point, along) for row in domain]
    outputs = pair
    for k, layer in enumerate(compiled.layers):
        matrix = compiled.first_forms if k == 0 else layer.integer_matrix
        forms = matrix * outputs
        pieces = []
        table = forms.table()
        scale = table[-1][0]
        for unit, (value, slope) in zip(layer.units, table, strict=False):
            piece = 0
            for b in unit.breakpoints:
                beyond = b.denominator * value - b.numerator * scale
                met.append((beyond, b.denominator * slope))
                piece += (beyond, slope) > (0, 0)
            pieces.append(piece)
        outputs = activate(layer.units, forms, pieces)
    ahead = [Fraction(-int(v), int(d)) for v, d in met if v and d and (v > 0) != (d > 0)]
    t = min(ahead, default=Fraction(2)) / 2
    return tuple((x + t * d) / point[-1] for x, d in zip(point[:-1], along, strict=True))


def _met(row: IntegerRow, point: IntegerRow, along: IntegerRow) -> tuple[int, int]:
    """A row's value and slope; a bound of one coordinate has two entries of hundreds."""
    entries = [(j, a) for j, a in enumerate(row) if a]
    return (
        sum(a * point[j] for j, a in entries),
        sum(a * along[j] for j, a in entries if j < len(along)),
    )
