"""Volume and faces of a union of cells, summed cell by cell."""

from __future__ import annotations

from fractions import Fraction
from math import factorial, prod

from flint import fmpz_mat

from .double_description import Cone, members

VOLUME_BITS = 1024


class Union:
    """Volume and Euler characteristic, summed over cells of a complex."""

    def __init__(self, exact: bool, with_volume: bool, with_faces: bool) -> None:
        self.exact, self.with_volume, self.with_faces = exact, with_volume, with_faces
        self.volume, self.roundings = Fraction(0), 0
        self.generators: dict[tuple[int, ...], int] = {}
        self.faces: dict[tuple[int, ...], int] = {}

    def add(self, cone: Cone) -> None:
        everything = (1 << len(cone.generators)) - 1
        walls = cone.on[:-1]
        if self.with_volume:
            self._add_volume(cone, walls, everything)
        if self.with_faces:
            self._add_faces(cone, walls, everything)

    def _add_volume(self, cone: Cone, walls: list[int], everything: int) -> None:
        dim, total = len(cone.generators[0]) - 1, Fraction(0)
        for simplex in _simplices(everything, walls, dim):
            corners = [cone.generators[k] for k in simplex]
            top = abs(int(fmpz_mat([list(g) for g in corners]).det()))
            bottom = factorial(dim) * prod(g[-1] for g in corners)
            if self.exact:
                total += Fraction(top, bottom)
            else:
                total += (top << VOLUME_BITS) // bottom
                self.roundings += 1
        self.volume += total

    def _add_faces(self, cone: Cone, walls: list[int], everything: int) -> None:
        name = [self.generators.setdefault(g, len(self.generators)) for g in cone.generators]
        points = everything & ~cone.on[-1]
        found, open_ = {everything}, [everything]
        while open_:
            face = open_.pop()
            new = {face & wall for wall in walls if face & wall & points} - found
            found |= new
            open_ += new
        for face in found:
            key = tuple(sorted(name[k] for k in members(face)))
            if key not in self.faces:
                spanned = fmpz_mat([list(cone.generators[k]) for k in members(face)])
                self.faces[key] = int(spanned.rank()) - 1

    def euler(self, lines: int) -> int:
        """The sum over relatively open faces of (-1)^dimension."""
        return sum((-1) ** (k + lines) for k in self.faces.values())


def _simplices(face: int, walls: list[int], dim: int) -> list[list[int]]:
    """A pulling triangulation: pyramids over the facets that miss the first vertex."""
    apex = face & -face
    if dim == 0:
        return [[apex.bit_length() - 1]]
    below = {face & wall for wall in walls} - {face, 0}
    largest = [b for b in below if not any(b != c and b & c == b for c in below)]
    return [
        [apex.bit_length() - 1, *rest]
        for b in largest if not b & apex
        for rest in _simplices(b, walls, dim - 1)
    ]  # fmt: skip
