"""The rational stage: what float64 leaves open is decided here, in integers.

Forms and generators are homogeneous integers; only their signs matter, so positive scales are
free. Forms of deeper layers are composed along the current path and kept while it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

import numpy as np
from flint import fmpq, fmpz_mat

from ..activations import PiecewiseLinear
from ..rational import IntegerRow, dot, null_space
from .compiled import Compiled
from .kernel.names import CUT_WALL, DECIDE, INFINITY, NEW_BEGIN, NEW_END, PHASE, TOP
from .rounding import round_generator
from .state import Cells, Stack, Tables
from .tables import set_unit_forms

REMEMBERED_GENERATORS = 200_000


@dataclass
class Counters:
    """What the rational stage was asked for."""

    rational_signs: int = 0
    rational_generators: int = 0
    rational_compositions: int = 0
    rational_witnesses: int = 0


def activate(units: Sequence[PiecewiseLinear], forms: fmpz_mat, pieces: Sequence[int]) -> fmpz_mat:
    """Integer forms of a layer's outputs, from those of its pre-activations."""
    chosen = [unit.pieces[k] for unit, k in zip(units, pieces, strict=True)]
    different = {id(piece): piece for piece in chosen}.values()
    scale = lcm(*(v.denominator for piece in different for v in piece))
    table = forms.table()
    bottom = table[-1]
    rows = []
    for (slope, intercept), row in zip(chosen, table, strict=False):
        a = slope.numerator * (scale // slope.denominator)
        c = intercept.numerator * (scale // intercept.denominator)
        if c:
            rows.append([a * v + c * w for v, w in zip(row, bottom, strict=True)])
        else:
            rows.append([a * v for v in row] if a else [0] * len(row))
    rows.append([scale * w for w in bottom])
    return fmpz_mat(rows)


class ExactForms:
    """The integer forms of every layer's units on a path, composed when asked for."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self._cached: list[tuple[bytes, fmpz_mat]] = []

    def of_layer(self, layer: int, positive: np.ndarray, negative: np.ndarray) -> fmpz_mat | None:
        """Forms of the units of ``layer``, given the signs (words) of all layers before it."""
        if layer == 0:
            return None
        compiled, words = self.compiled, self.compiled.program.first_word
        forms = compiled.first_forms
        for k in range(2, layer + 1):
            before = slice(int(words[1]), int(words[k]))
            key = positive[before].tobytes() + negative[before].tobytes()
            if len(self._cached) > k - 2 and self._cached[k - 2][0] == key:
                forms = self._cached[k - 2][1]
                continue
            del self._cached[k - 2 :]
            pieces = self._pieces(k - 1, positive, negative)
            outputs = activate(compiled.layers[k - 2].units, forms, pieces)
            forms = compiled.layers[k - 1].integer_matrix * outputs
            self._cached.append((key, forms))
        return forms

    def _pieces(self, layer: int, positive: np.ndarray, negative: np.ndarray) -> list[int]:
        program = self.compiled.program
        pieces = []
        for unit in range(int(program.first_unit[layer]), int(program.first_unit[layer + 1])):
            count = 0
            for t in range(program.unit_threshold[unit], program.unit_threshold[unit + 1]):
                signs = positive if program.threshold_side[t] > 0 else negative
                bit = int(program.threshold_bit[t])
                count += (int(signs[bit >> 6]) >> (bit & 63)) & 1
            pieces.append(count)
        return pieces


@dataclass
class Resolver:
    """Answers what the kernel asks, by writing the answers into its stack and tables."""

    compiled: Compiled
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self.forms = ExactForms(self.compiled)
        self._generators: dict[int, IntegerRow] = {}

    def remember(self, generators: Mapping[int, IntegerRow]) -> None:
        """Generators by their idents."""
        self._generators.update(generators)

    def row(self, stack: Stack | Cells, e: int, wall: int) -> IntegerRow:
        """The exact form of a wall on entry e."""
        program = self.compiled.program
        layer = int(np.searchsorted(program.first_wall, wall, side="right")) - 1
        forms = self.forms.of_layer(layer, stack.positive[e], stack.negative[e])
        return self.compiled.form(layer, wall - int(program.first_wall[layer]), forms)

    def signs(self, stack: Stack) -> None:
        """Decide every open sign of the generators that were just made, or that enter a layer."""
        e = int(stack.scalar[TOP])
        cutting = stack.scalar[PHASE] != DECIDE
        if cutting:
            generators = range(int(stack.scalar[NEW_BEGIN]), int(stack.scalar[NEW_END]))
        else:
            generators = stack.vertex[e, : stack.n_vertices[e]].tolist()
        layer = int(stack.layer[e])
        words = range(*map(int, self.compiled.program.first_word[layer : layer + 2]))
        for i, p in enumerate(generators):
            solved = np.isfinite(stack.radius[p])
            if solved and not any(stack.unknown[p, k] for k in words):
                continue
            if cutting:
                mask, extra = stack.new_mask[i], [int(stack.scalar[CUT_WALL])]
            else:
                mask, extra = stack.mask[e, i], []
            generator = self.generator(stack, e, p, mask, extra)
            if not solved:
                write_generator(stack, p, generator)
            for k in words:
                self._sign_word(stack, e, p, k, layer, generator)

    def _sign_word(
        self, stack: Stack, e: int, p: int, k: int, layer: int, generator: IntegerRow
    ) -> None:
        program = self.compiled.program
        first = int(program.first_wall[layer]) + 64 * (k - int(program.first_word[layer]))
        pos, neg = int(stack.pos[p, k]), int(stack.neg[p, k])
        forms = self.forms.of_layer(layer, stack.positive[e], stack.negative[e])
        for i in _set_bits(int(stack.unknown[p, k])):
            wall = first + i - int(program.first_wall[layer])
            value = dot(self.compiled.form(layer, wall, forms), generator)
            pos |= (value > 0) << i
            neg |= (value < 0) << i
            self.counters.rational_signs += 1
        stack.pos[p, k], stack.neg[p, k], stack.unknown[p, k] = pos, neg, 0

    def generator(
        self, stack: Stack, e: int, p: int, mask: np.ndarray, extra: list[int]
    ) -> IntegerRow:
        """The exact homogeneous coordinates of generator p, which lies on the facets of
        ``mask`` of entry e and on the walls in ``extra``."""
        ident = int(stack.ident[p])
        known = self._generators.get(ident)
        if known is not None:
            return known
        self.counters.rational_generators += 1
        dim = self.compiled.dim
        on, off = self._incidence(stack, e, mask)
        rows = [self.row(stack, e, wall) for wall in extra]
        rows += [self.row(stack, e, facet >> 1) for facet in on if facet >= 0]
        if stack.x[p, dim] == 0.0:
            rows.append([0] * dim + [1])
        basis = null_space(rows, dim + 1)
        assert len(basis) == 1, "a generator is where its facets meet"
        generator = basis[0]
        if self._is_reversed(stack, e, generator, off):
            generator = [-v for v in generator]
        if len(self._generators) >= REMEMBERED_GENERATORS:
            self._generators.clear()
        self._generators[ident] = generator
        return generator

    def facets_of(self, stack: Stack, e: int, mask: np.ndarray) -> list[int]:
        """The facets of entry e that ``mask`` names, as the kernel codes them."""
        return self._incidence(stack, e, mask)[0]

    def _incidence(self, stack: Stack, e: int, mask: np.ndarray) -> tuple[list[int], list[int]]:
        """The facets of entry e that ``mask`` names, and the others."""
        through, slots = _as_int(mask), _as_int(stack.used[e])
        on: list[int] = []
        off: list[int] = []
        for s in _set_bits(slots & ~(1 << INFINITY)):
            (on if through >> s & 1 else off).append(int(stack.facet[e, s]))
        return on, off

    def _is_reversed(self, stack: Stack, e: int, generator: IntegerRow, off: list[int]) -> bool:
        if generator[-1] != 0:
            return generator[-1] < 0
        for facet in off:  # the generator is strictly inside of a facet that it is not on
            value = dot(self.row(stack, e, facet >> 1), generator)
            if value:
                return (value < 0) != bool(facet & 1)
        raise AssertionError("a direction of a pointed cell is off some facet")

    def rows(self, stack: Stack, tables: Tables) -> None:
        """Compose the next layer's forms on the top entry exactly; round each once."""
        self.compose(stack, int(stack.scalar[TOP]), tables)

    def compose(self, stack: Stack | Cells, e: int, tables: Tables) -> None:
        """The same on entry e."""
        layer = int(stack.layer[e]) + 1
        forms = self.forms.of_layer(layer, stack.positive[e], stack.negative[e])
        assert forms is not None
        set_unit_forms(self.compiled, tables, layer, forms)
        self.counters.rational_compositions += 1

    def witness(self, stack: Stack) -> tuple[Fraction, ...]:
        """A point strictly inside the top entry: the mean of its points, plus directions."""
        e = int(stack.scalar[TOP])
        dim = self.compiled.dim
        n_points, total, away = 0, [fmpq(0)] * dim, [fmpq(0)] * dim
        for i in range(int(stack.n_vertices[e])):
            p = int(stack.vertex[e, i])
            g = self.generator(stack, e, p, stack.mask[e, i], [])
            if g[-1]:
                n_points += 1
                total = [a + fmpq(v, g[-1]) for a, v in zip(total, g, strict=False)]
            else:
                size = max(map(abs, g))
                away = [a + fmpq(v, size) for a, v in zip(away, g, strict=False)]
        self.counters.rational_witnesses += 1
        point = [t / n_points + a for t, a in zip(total, away, strict=True)]
        return tuple(Fraction(int(v.p), int(v.q)) for v in point)


def _as_int(words: np.ndarray) -> int:
    return int.from_bytes(words.astype("<u8").tobytes(), "little")


def _set_bits(word: int) -> Iterator[int]:
    while word:
        low = word & -word
        yield low.bit_length() - 1
        word ^= low


def write_generator(stack: Stack, p: int, generator: IntegerRow) -> None:
    """Round an exact generator into the pool, with the radius that the rounding leaves."""
    stack.x[p], stack.radius[p], stack.size[p], stack.gap[p] = round_generator(generator)
