"""Second-layer neurons from their walls: which walls are one neuron's, and what they tell of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from ..linear_complex import Complex
from ..rational import dot_point, rank
from .bent_walls import BentWall, Form, Key, kink
from .linear_system import Solutions, solutions

HALF = Fraction(1, 2)
Sides = tuple[int, ...]


def signs_at(keys: Sequence[Key], point: Sequence[Fraction]) -> Sides:
    values = (dot_point(key, point) for key in keys)
    return tuple((v > 0) - (v < 0) for v in values)


@dataclass
class Neuron:
    """A second-layer neuron, up to its sign.

    Attributes:
        direction: what it adds to the outputs, see :class:`~.bent_walls.Kink`.
        walls: wall -> 1 or -1, oriented alike.
        pieces: on which sides of the first layer's hyperplanes its walls lie, and the form there.
    """

    direction: Form
    walls: dict[int, int]
    pieces: list[tuple[Sides, Form]]

    def turned(self) -> Neuron:
        walls = {w: -sign for w, sign in self.walls.items()}
        return Neuron(self.direction, walls, [(p, _negative(form)) for p, form in self.pieces])

    def joined(self, other: Neuron) -> Neuron:
        pieces = list(dict.fromkeys([*self.pieces, *other.pieces]))
        return Neuron(self.direction, self.walls | other.walls, pieces)


def _negative(form: Form) -> Form:
    return tuple(-v for v in form)


@dataclass
class SecondLayer:
    """All second-layer neurons, and where parts are.

    Attributes:
        keys: the first layer's hyperplanes.
        neurons: in no order.
        sides: for each part on which side of each hyperplane it is.
        active: for each part and neuron 1 where the neuron's forms are positive, else -1.
        loose: pairs of neurons that might as well be one, since so little is known of either.
    """

    keys: tuple[Key, ...]
    neurons: list[Neuron]
    sides: list[Sides]
    active: list[Sides]
    loose: list[tuple[int, int]]

    def sign_equations(self, neuron: Neuron) -> list[list[Fraction]]:
        """v = (0, b) + 1/2 sum of s_k x_k U_k, for the gradient; if v and x are known."""
        found = _shape(self.keys, neuron.pieces)
        if found is None or found.free:
            return []
        dim = len(self.keys[0]) - 1
        v, x = found.particular[: dim + 1], found.particular[dim + 1 :]
        return [
            [*(HALF * w * key[j] for w, key in zip(x, self.keys, strict=True)), -v[j]]
            for j in range(dim)
        ]

    def weights(self, neuron: Neuron, signs: Sequence[int]) -> Solutions | None:
        """Its weights and bias, if the first layer has these signs; None if there are none."""
        equations = []
        for sides, form in neuron.pieces:
            for j, value in enumerate(form):
                row = [
                    Fraction(s * key[j]) if s == p else Fraction(0)
                    for s, p, key in zip(signs, sides, self.keys, strict=True)
                ]
                equations.append([*row, Fraction(int(j == len(form) - 1)), -value])
        return solutions(equations, len(self.keys) + 1)


def _shape(keys: Sequence[Key], pieces: Sequence[tuple[Sides, Form]]) -> Solutions | None:
    """Unknowns v, x: on the sides p of the hyperplanes the form is v + 1/2 sum of p_k x_k U_k."""
    dim = len(keys[0])
    equations = []
    for sides, form in pieces:
        for j, value in enumerate(form):
            own = [Fraction(int(i == j)) for i in range(dim)]
            along = [HALF * p * key[j] for p, key in zip(sides, keys, strict=True)]
            equations.append([*own, *along, -value])
    return solutions(equations, dim + len(keys))


def neurons_of(
    complex_: Complex, keys: tuple[Key, ...], walls: Sequence[BentWall]
) -> SecondLayer | None:
    """The second layer; None if the walls do not fit together."""
    found = []
    for bent in walls:
        pieces: dict[Sides, Form] = {}
        for w, sign in bent.walls.items():
            form = kink(complex_, complex_.walls[w]).form
            form = form if sign > 0 else _negative(form)
            sides = signs_at(keys, complex_.walls[w].point)
            if 0 in sides or pieces.setdefault(sides, form) != form:
                return None
        neuron = Neuron(bent.direction, bent.walls, list(pieces.items()))
        if _shape(keys, neuron.pieces) is None:
            return None
        found.append(neuron)
    found = _united(keys, found)
    where = [signs_at(keys, part.point) for part in complex_.parts]
    columns = [_coloured(complex_, neuron) for neuron in found]
    fitting = [column for column in columns if column is not None]
    if len(fitting) < len(found) or any(0 in row for row in where):
        return None
    loose = [pair for pair in combinations(range(len(found)), 2)
             if _fits_always(keys, *(found[i] for i in pair))]  # fmt: skip
    return SecondLayer(keys, found, where, list(zip(*fitting, strict=True)), loose)


def _united(keys: Sequence[Key], neurons: list[Neuron]) -> list[Neuron]:
    """Walls that do not touch may be one neuron's."""
    found = list(neurons)
    joined = True
    while joined:
        joined = False
        for a, b in combinations(range(len(found)), 2):
            whole = _union(keys, found[a], found[b])
            if whole is not None:
                found[a] = whole
                del found[b]
                joined = True
                break
    return found


def _union(keys: Sequence[Key], one: Neuron, other: Neuron) -> Neuron | None:
    """Two as one, if they fit together and two that are unrelated would not."""
    if one.direction != other.direction or _fits_always(keys, one, other):
        return None
    for turned in (other, other.turned()):
        if _fit(one, turned) and _shape(keys, one.joined(turned).pieces) is not None:
            return one.joined(turned)
    return None


def _fits_always(keys: Sequence[Key], one: Neuron, other: Neuron) -> bool:
    """Whether what is open of two neurons is so much that they could be one whatever is known."""
    shapes = [_shape(keys, neuron.pieces) for neuron in (one, other)]
    free = [list(row) for shape in shapes if shape is not None for row in shape.free]
    same = one.direction == other.direction
    return same and bool(free) and rank(free) == len(free[0])


def _fit(one: Neuron, other: Neuron) -> bool:
    forms = dict(one.pieces)
    return all(forms.get(sides, form) == form for sides, form in other.pieces)


def _coloured(complex_: Complex, neuron: Neuron) -> list[int] | None:
    """1 or -1 for each part: which side of the neuron's walls it is on; None if that fails."""
    links: dict[int, list[tuple[int, int]]] = defaultdict(list)
    pairs = [(*pair, 1) for pair in complex_.seams]
    pairs += [(*wall.sides, -1 if w in neuron.walls else 1)
              for w, wall in enumerate(complex_.walls)]  # fmt: skip
    for a, b, sign in pairs:
        links[a].append((b, sign))
        links[b].append((a, sign))
    wall, sign = next(iter(neuron.walls.items()))
    start = complex_.walls[wall].sides[0]
    colour, open_ = {start: sign}, [start]
    while open_:
        part = open_.pop()
        for other, change in links[part]:
            expected = colour[part] * change
            if other not in colour:
                colour[other] = expected
                open_.append(other)
            elif colour[other] != expected:
                return None
    for w, sign in neuron.walls.items():
        if colour[complex_.walls[w].sides[0]] != sign:
            return None
    return [colour[part] for part in range(len(complex_.parts))]
