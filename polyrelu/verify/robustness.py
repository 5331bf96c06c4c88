"""Re-checking how far it is to a change of the decision, without the code that found it.

Of the shared code only what defines the problem is used: a network's integer matrices and units,
its exact value at a point, a domain's inequalities and chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, inf, isinf

from flint import fmpz_mat

from ..domain import Domain
from ..network import Network
from ..queries.robust_certificate import Beyond, Flat, Part, RobustnessCertificate, Step
from ..queries.robustness import RobustRadius
from .forms import Row, combined, over_common
from .report import VerificationError

Point = Sequence[Fraction]


def check_robustness(proof: RobustRadius | RobustnessCertificate) -> int:
    """Check a proved radius again; returns how many regions were looked at (about 1 ms each).

    The point must lie in the domain, at that distance, and another decision be as good there. The
    parts of the certificate must leave out nothing: each begins across a step that names it, and
    decides every threshold that is open there, layer by layer. What is not followed further must be
    as far as the radius, by its multipliers, or be flat.

    Raises:
        VerificationError: what does not hold, and where.
        TypeError: not a proof of a radius.
    """
    certificate = proof.certificate if isinstance(proof, RobustRadius) else proof
    if not isinstance(certificate, RobustnessCertificate):
        raise TypeError(f"this is no proof of a radius: {proof!r}")
    try:
        _check_kinds(certificate)
        _check_ends(certificate)
        if isinstance(proof, RobustRadius):
            _check_figures(proof, certificate)
        return 0 if certificate.distance == 0 else _Checker(certificate).check()
    except VerificationError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise VerificationError(f"the certificate is malformed ({error!r})") from None


def _check_kinds(c: RobustnessCertificate) -> None:
    """Exact numbers, and nothing else: floats would underflow where integers do not."""
    numbers = [*c.x, *(c.point or ()), c.level, *([] if c.distance is None else [c.distance])]
    if not all(type(v) in (int, Fraction) for v in numbers):
        raise VerificationError("points, level and distance must be fractions")
    if type(c.label) is not int or not 0 <= c.label < max(c.network.output_dim, 2):
        raise VerificationError(f"there is no decision {c.label!r}")
    if c.norm not in (1, 2, inf):
        raise VerificationError(f"the norm must be 1, 2 or inf, not {c.norm!r}")
    for part in c.parts:
        proofs = [*part.rivals.values(), *(step.across for step in part.steps)]
        named = [v for p in proofs if isinstance(p, Beyond | Flat)
                 for v in (p.own, *p.multipliers, *p.multipliers.values())]  # fmt: skip
        if not all(type(v) is int for v in named):
            raise VerificationError("multipliers must be integers")


def _at(row: Point | Row, x: Point) -> Fraction:
    total = Fraction(row[-1])
    for k, v in enumerate(x):
        total += row[k] * v
    return total


def _holds(domain: Domain, x: Point) -> bool:
    return len(x) == domain.dim and all(_at(g, x) >= 0 for g in domain.inequalities())


def _better(network: Network, x: Point, label: int, level: Fraction) -> dict[int, Fraction]:
    """For each other decision by how much it is better than the label at x."""
    values, _ = network.exact(x)
    if len(values) == 1:
        return {1 - label: level - values[0] if label else values[0] - level}
    return {j: v - values[label] for j, v in enumerate(values) if j != label}


def _check_ends(c: RobustnessCertificate) -> None:
    """x and the point: where they lie, how far apart, and what is decided there."""
    if not _holds(c.domain, c.x):
        raise VerificationError("x is outside of the domain")
    at_x = max(_better(c.network, c.x, c.label, c.level).values())
    if (at_x >= 0) != (c.distance == 0):
        raise VerificationError("the decision at x is not strictly the label")
    if (c.point is None) != (c.distance is None):
        raise VerificationError("a radius has a point at which it is attained")
    if c.point is not None:
        if not _holds(c.domain, c.point):
            raise VerificationError("the point is outside of the domain")
        if max(_better(c.network, c.point, c.label, c.level).values()) < 0:
            raise VerificationError("the decision does not change at the point")
        if _length([a - b for a, b in zip(c.x, c.point, strict=True)], c.norm) != c.distance:
            raise VerificationError("the point is not at the distance that is named")


def _length(u: Point, norm: float) -> Fraction:
    """In the norm 2 squared."""
    if norm == 2:
        return sum((v * v for v in u), Fraction(0))
    size = [abs(v) for v in u]
    return max(size) if isinf(norm) else sum(size, Fraction(0))


def _check_figures(proof: RobustRadius, c: RobustnessCertificate) -> None:
    """The numbers of the answer against those of its certificate."""
    if c.distance is None:
        sound = isinf(proof.radius) and proof.exact is proof.exact_squared is None
    else:
        square = c.distance if c.norm == 2 else c.distance**2
        ends = Fraction(proof.radius) ** 2 <= square
        ends &= proof.radius >= 0 and proof.upper >= 0
        ends &= isinf(proof.upper) or square <= Fraction(proof.upper) ** 2
        sound = ends and proof.exact_squared == square
        sound &= proof.exact == (None if c.norm == 2 else c.distance)
    if not sound or proof.point != c.point or proof.label != c.label or proof.norm != c.norm:
        raise VerificationError("the answer is not the one that its certificate proves")
    if c.point is not None:
        better = _better(c.network, c.point, c.label, c.level)
        if proof.rival not in better or better[proof.rival] < 0:
            raise VerificationError(f"the rival {proof.rival} is not as good at the point")


class _Checker:
    def __init__(self, certificate: RobustnessCertificate) -> None:
        self.c = certificate
        self.thresholds = certificate.network.thresholds
        self.rivals = set(_better(certificate.network, certificate.x, certificate.label,
                                  certificate.level))  # fmt: skip
        self.inequalities = certificate.domain.inequalities()
        self.hull = certificate.domain.chart().matrix
        self.before_layer = [
            {t for t, (layer, _, _) in enumerate(self.thresholds) if layer < k}
            for k in range(len(certificate.network.layers))
        ]
        self.inherited: list[dict[int, int]] = []
        self.begun: set[tuple[int, int]] = set()

    def check(self) -> int:
        parts = self.c.parts
        if not parts:
            raise VerificationError("there is no part")
        for number, part in enumerate(parts):
            try:
                self._check_part(number, part)
            except VerificationError as error:
                raise VerificationError(f"part {number}: {error}") from None
        return len(parts)

    def _check_part(self, number: int, part: Part) -> None:
        decided = self._origin(number, part)
        self.inherited.append(dict(decided))
        bits = decided | {step.threshold: step.bit for step in part.steps}
        if set(bits) != set(range(len(self.thresholds))) or set(bits.values()) - {0, 1}:
            raise VerificationError("it does not decide every threshold")
        rows, outputs = compose(self.c.network, bits)
        for at, step in enumerate(part.steps):
            t = step.threshold
            if t in decided:
                raise VerificationError(f"threshold {t} is decided twice")
            if not self.before_layer[self.thresholds[t][0]] <= decided.keys():
                raise VerificationError(f"threshold {t} is decided before the layers below it")
            self._check_across(number, at, step, rows, decided)
            decided[t] = step.bit
        if set(part.rivals) != self.rivals:
            raise VerificationError("it does not look at every rival")
        for rival, beyond in part.rivals.items():
            self._check_beyond(beyond, self._rival(outputs, rival), rows, decided)

    def _origin(self, number: int, part: Part) -> dict[int, int]:
        """What is decided where a part begins."""
        if number == 0:
            if part.parent != -1:
                raise VerificationError("the first part must begin at the domain")
            return {}
        if not 0 <= part.parent < number:
            raise VerificationError(f"it begins at part {part.parent}")
        steps = self.c.parts[part.parent].steps
        if not 0 <= part.at < len(steps) or steps[part.at].across != number:
            raise VerificationError("the step where it begins does not name it")
        decided = self.inherited[part.parent] | {s.threshold: s.bit for s in steps[: part.at]}
        return decided | {steps[part.at].threshold: 1 - steps[part.at].bit}

    def _check_across(
        self, number: int, at: int, step: Step, rows: list[Row], decided: dict[int, int]
    ) -> None:
        own, across = rows[step.threshold], step.across
        if isinstance(across, int):
            if not number < across < len(self.c.parts):
                raise VerificationError(f"there is no part {across}")
            part = self.c.parts[across]
            if (part.parent, part.at) != (number, at):
                raise VerificationError(f"part {across} does not begin at step {at}")
        elif isinstance(across, Beyond):
            self._check_beyond(across, [-v for v in own], rows, decided)
        elif isinstance(across, Flat):
            self._check_flat(across, own, rows, decided)
        else:
            raise VerificationError(f"step {at} does not say what is across")

    def _total(
        self, proof: Beyond | Flat, rows: list[Row], decided: dict[int, int], own: Row, sign: int
    ) -> list[Fraction]:
        """``own`` times a row, plus or minus the combination of a cell's rows."""
        if proof.own < 0 or min(proof.multipliers.values(), default=1) <= 0:
            raise VerificationError("multipliers must be positive")
        total = [proof.own * v for v in _reduced(own)]
        for code, y in proof.multipliers.items():
            if code >= 0 and code not in decided:
                raise VerificationError(f"threshold {code} does not bound the cell")
            if code < -len(self.inequalities):
                raise VerificationError(f"the domain has no inequality {-1 - code}")
            row = _reduced(rows[code] if code >= 0 else self.inequalities[-1 - code])
            total = [a + sign * y * b for a, b in zip(total, row, strict=True)]
        return total

    def _check_beyond(
        self, proof: Beyond, own: Row, rows: list[Row], decided: dict[int, int]
    ) -> None:
        """With the combination a . (X - x) + h, everywhere >= 0 in the cell and h < 0:
        |X - x| >= -h / |a|*."""
        total = self._total(proof, rows, decided, own, 1)
        height = -_at(total, self.c.x)
        normal = total[:-1]
        if height <= 0:
            raise VerificationError("the combination of rows does not exclude x")
        if not any(normal):
            return
        if self.c.distance is None:
            raise VerificationError("some point of the cell was not excluded")
        if self.c.norm == 2:
            near = height * height < self.c.distance * sum(v * v for v in normal)
        else:
            size = [abs(v) for v in normal]
            near = height < self.c.distance * (sum(size) if isinf(self.c.norm) else max(size))
        if near:
            raise VerificationError("the combination of rows is nearer than the radius")

    def _check_flat(self, proof: Flat, own: Row, rows: list[Row], decided: dict[int, int]) -> None:
        total = over_common(self._total(proof, rows, decided, own, -1))
        total = fmpz_mat([total]) * self.hull
        *normal, constant = [int(v) for v in total.entries()]
        if proof.own <= 0 or any(normal) or constant < 0:
            raise VerificationError("the cell is not shown to be on one side")

    def _rival(self, outputs: list[Row], rival: int) -> Row:
        """The form that is >= 0 where a rival is as good."""
        *table, bottom = outputs
        if len(table) > 1:
            return [a - b for a, b in zip(table[rival], table[self.c.label], strict=True)]
        level = self.c.level
        form = combined(level.denominator, table[0], -level.numerator, bottom)
        return form if rival else [-v for v in form]


def _reduced(row: Row) -> list[Fraction]:
    """Scaled as the certificate's multipliers mean it."""
    size = gcd(*row[:-1]) or abs(row[-1]) or 1
    return [Fraction(v, size) for v in row]


def compose(network: Network, bits: dict[int, int]) -> tuple[list[Row], list[Row]]:
    """For each threshold its row, looking to its bit's side; and the output, homogeneous."""
    n = network.input_dim + 1
    values = fmpz_mat([[int(i == j) for j in range(n)] for i in range(n)])
    rows: list[Row] = []
    for layer in network.layers:
        *forms, bottom = [[int(v) for v in row] for row in (layer.integer_matrix * values).table()]
        chosen = []
        for form, unit in zip(forms, layer.units, strict=True):
            above = 0
            for b in unit.breakpoints:
                bit = bits[len(rows)]
                sign = 1 if bit else -1
                rows.append(combined(sign * b.denominator, form, -sign * b.numerator, bottom))
                above += bit
            chosen.append(unit.piece(above))
        whole = over_common([*(v for piece in chosen for v in piece), Fraction(1)])
        outputs = [
            combined(whole[2 * i], form, whole[2 * i + 1], bottom) for i, form in enumerate(forms)
        ]
        values = fmpz_mat([*outputs, combined(whole[-1], bottom, 0, bottom)])
    return rows, [[int(v) for v in row] for row in values.table()]
