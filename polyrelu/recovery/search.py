"""The search for a network behind an oracle, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..network import Array, Network
from .account import provisos, reasons, recovered_layers
from .check import checked, evidence_against
from .finish import layers_of, normal_rows, scaled
from .first_layer import FirstLayer, add_planes, find_first_layer, on_planes
from .kinks import Kinks, find_kinks
from .last import Asked, Output, fit_output, needed
from .lifted import Known, Rows
from .next_layer import NextLayer, add_wall, complete, extend
from .normals import Witness, witnesses
from .oracle import Oracle
from .partial import resolved, shown
from .places import Places
from .polish import polished, samples_for
from .residual import missing_wall
from .result import Recovery, Verdict
from .signs import sign_equations, solve_signs

Bools = npt.NDArray[np.bool_]

_LINES = 60  # in the search for the first layer
_BATCH = 3  # further lines at a time
_QUIET = 6  # batches without a new neuron before a layer is taken to be complete
_STARTS = 3  # unexplained samples that are asked what neuron is missing
_LARGE = 0.03  # of what is explained worst: less may be rounding
_STALE = 4  # neurons that the outputs show in a row, and that explain no sample more
_ATTEMPTS = 4  # at the deeper layers
_CHECKS = 6  # of a network that fitted what was asked before
_NOISE_POINTS = 24


@dataclass
class Search:
    """What is known so far.

    Attributes:
        most: hidden layers at most.
        first: the planes of the first layer.
        deeper: the layers on top of it.
        signs: of each layer below the top one, and which of them are known.
        weights: which weights of each layer the layers above show.
        asked: samples to which outputs are fitted.
        checks: of a whole network, that failed.
        disagreement: what the last of them said.
        lifted: all that is known of the layers, as it was looked at last.
    """

    oracle: Oracle
    places: Places
    rng: np.random.Generator
    most: int
    first: FirstLayer = field(default_factory=FirstLayer)
    deeper: list[NextLayer] = field(default_factory=list)
    signs: list[tuple[Array, Bools]] = field(default_factory=list)
    weights: list[Bools] = field(default_factory=list)
    checks: int = 0
    disagreement: str | None = None
    lifted: Known | None = None

    def __post_init__(self) -> None:
        self.asked = Asked(self.oracle, self.places, self.rng)

    def run(self) -> Recovery:
        near = self.places.points(_NOISE_POINTS, self.rng)
        far = self.places.segments(_NOISE_POINTS, self.rng)[0]
        self.oracle.measure_noise(near, far, self.rng)
        reason = evidence_against(self.oracle, self.places, self.rng)
        if reason is not None:
            return self.result(Verdict.NOT_RECOVERED, reason)
        find_first_layer(self.oracle, self.places, self.rng, _LINES, self.first)
        if self.first.torn:
            return self.result(
                Verdict.NOT_RECOVERED,
                f"this is not continuous: the value jumps at {self.first.torn} places seen",
            )
        attempts = 0
        while attempts < _ATTEMPTS:
            planes = len(self.first.planes)
            done = self._layers()
            if done is not None:
                return done
            attempts = attempts + 1 if len(self.first.planes) <= planes else 0
        return self.result(Verdict.PARTIAL, *reasons(self.first, self.deeper, self.disagreement))

    def _layers(self) -> Recovery | None:
        """From the first layer on; None if that was not complete, or if the rest is not found:
        other random places may have more luck."""
        self.deeper, self.signs, self.weights, self.lifted, self.checks = [], [], [], None, 0
        known, pool = Known((), self._first_rows()), list(self.first.others)
        output = fit_output(self.asked, known)
        if output.fits and self._spared(output):
            known = Known((), self._first_rows())
            output = fit_output(self.asked, known)
        for depth in range(1, self.most + 1):
            while output.close and self.checks < _CHECKS:
                done = self._finished(output)
                if done is not None:
                    return done
                again = self._as_last(self.deeper[-1]) if self.deeper else None
                output = again or fit_output(self.asked, known)
            if depth == self.most or not known.n_top:
                return None
            found = self._next_layer(known, pool, output)
            if found is None:
                return None
            known, output = found.known, found
            pool = self.deeper[-1].others
        return None

    def _spared(self, output: Output) -> bool:
        """Take out planes that the outputs can do without."""
        keep = needed(self.asked, output)
        planes = zip(self.first.planes, keep, strict=True)
        self.first.planes = [plane for plane, k in planes if k]
        return not keep.all()

    def _first_rows(self) -> Rows:
        weight, bias = self.first.rows
        return weight.reshape(-1, self.places.dim), bias

    def _next_layer(self, known: Known, pool: list[Witness], output: Output) -> Output | None:
        """The layer on top of a known one, complete as far as it can be seen, and the outputs as
        functions of it; None if it has no neuron, or planes of the first layer turned up."""
        layer = NextLayer(known)
        self.deeper.append(layer)
        extend(self.oracle, self.places, layer, pool, self.rng)
        quiet = 0
        while quiet < _QUIET:
            found = len(layer.whole)
            output = self._as_last(layer) or output
            if output.fits or (output.close and quiet):
                return output
            planes = len(self.first.planes)
            worst = self.asked.x[int(np.argmax(output.off))]
            extend(self.oracle, self.places, layer, self._more(layer, worst), self.rng)
            if len(self.first.planes) > planes:
                return None
            quiet = 0 if len(layer.whole) > found else quiet + 1
        if not layer.neurons:
            self.deeper.pop()
            return None
        return output

    def _as_last(self, layer: NextLayer) -> Output | None:
        """The outputs as functions of a layer, which is given the neurons that they show to be
        missing if hardly any are."""
        output, least, stale = None, len(self.asked.x), 0
        while layer.neurons and stale < _STALE:
            output = fit_output(self.asked, self._lift(layer))
            if output.fits and self._pruned(layer, output):
                continue
            if output.fits or not self._missing(layer, output):
                break
            left = int(np.count_nonzero(output.off > output.least))
            least, stale = min(left, least), 0 if left < least else stale + 1
        return output

    def _pruned(self, layer: NextLayer, output: Output) -> bool:
        """Take out neurons that turn out to do nothing."""
        known = output.known
        size = np.abs(known.features(self.asked.x)[:, : known.n_top]).max(axis=0)
        least = 10 * output.least * self.asked.size
        idle = (np.abs(output.c).max(axis=0) * size <= least)[: len(layer.whole)]
        layer.whole = [n for n, i in zip(layer.whole, idle, strict=True) if not i]
        return bool(idle.any())

    def _missing(self, layer: NextLayer, output: Output) -> bool:
        """Look for one neuron more where the outputs are not explained."""
        unexplained = output.unexplained
        if unexplained is None:
            return False
        large = unexplained & (output.off > _LARGE * output.off.max())
        candidates = self.rng.permutation(np.flatnonzero(large))[:_STARTS]
        for start in self.asked.x[candidates]:
            wall = missing_wall(
                self.oracle, self.places, self.asked, layer.known, output, start, self.rng
            )
            if wall is not None:
                add_wall(self.oracle, self.places, layer, wall, self.rng)
                return True
        return False

    def _more(self, layer: NextLayer, worst: Array) -> list[Witness]:
        """Witnesses from further lines that nothing known explains; one line leads to where the
        outputs are explained worst."""
        pool: list[Witness] = []
        starts, ends = self.places.segments(_BATCH, self.rng)
        starts[0], ends[0] = self.places.points(1, self.rng)[0], worst
        for kinks in find_kinks(self.oracle, starts, ends):
            known = on_planes(self.first.planes, kinks) | self._on_walls(layer, kinks)
            pool += witnesses(self.oracle, kinks, np.flatnonzero(~known), self.rng)
        before = len(self.first.others)
        add_planes(self.oracle, self.places, self.first, pool, self.rng)
        return self.first.others[before:]

    def _on_walls(self, layer: NextLayer, kinks: Kinks) -> Bools:
        """Which kinks of a segment lie on walls that are known already."""
        near = np.zeros(len(kinks.t), dtype=bool)
        step = 1e-5 * kinks.gap[:, None] * kinks.direction
        for walls in [*(d for d in self.deeper if d is not layer), layer]:
            if walls.neurons and len(kinks.t):
                below, above = walls.values(kinks.points - step), walls.values(kinks.points + step)
                near |= np.any((below > 0) != (above > 0), axis=1)
        return near

    def _lift(self, layer: NextLayer) -> Known:
        """The layer found, on the layer below with its signs."""
        known = layer.known
        signs = self._signs_by_walls(layer)
        if self.signs[len(known.below)][1].all():
            complete(self.oracle, self.places, layer, signs, self.rng)
        vectors = layer.vectors
        c, slopes, constants = np.split(vectors, [known.n_top, -1 % vectors.shape[1]], axis=1)
        below = resolved(known, signs, c, slopes, self.asked.x)
        sign_known = self.signs[len(known.below)][1]
        self.weights[len(known.below) :] = [shown(known, signs, sign_known, c)]
        rows = normal_rows(2 * c, constants[:, 0] - (c * signs) @ known.top[1])
        side = np.array([n.side for n in layer.neurons])
        self.lifted = Known((*known.below, below), rows, side if side.any() else None)
        return self.lifted

    def _signs_by_walls(self, layer: NextLayer) -> Array:
        """The signs of the layer below; those that are once known, all of them, are kept."""
        depth = len(layer.known.below)
        if len(self.signs) > depth and self.signs[depth][1].all():
            return self.signs[depth][0]
        points = [n.points for n in layer.neurons]
        values = [np.zeros(len(x)) for x in points]
        return self._solve(layer.known, layer.vectors[:, : layer.known.n_top], points, values)

    def _solve(self, known: Known, c: Array, points: list[Array], values: list[Array]) -> Array:
        """The signs of the top known layer from functions of it."""
        functions = zip(c, points, values, strict=True)
        parts = [sign_equations(known, row, x, v) for row, x, v in functions]
        matrix = np.concatenate([m for m, _ in parts])
        signs, open_ = solve_signs(matrix, np.concatenate([r for _, r in parts]))
        self.signs[len(known.below) :] = [(signs, ~open_)]
        return signs

    def _finished(self, output: Output) -> Recovery | None:
        """The signs of the top layer, the polish and the check; None if fresh inputs showed more
        than was asked so far."""
        known, x, y = output.known, self.asked.x, self.asked.y
        signs, sign_known = np.ones(0), np.ones(0, dtype=bool)
        if known.n_top:
            signs = self._solve(known, output.c, [x] * len(output.c), list(y.T))
            sign_known = self.signs[-1][1]
            self.weights[len(known.below) :] = [shown(known, signs, sign_known, output.c)]
            if not all(k.all() for _, k in self.signs[:-1]):
                self.checks = _CHECKS
                return None
        return self._polished(layers_of(output, signs, sign_known, x, y))

    def _polished(self, layers: tuple[Rows, ...]) -> Recovery | None:
        """Fit all parameters, and check on fresh inputs; they are asked from then on."""
        self.asked.grow(samples_for(layers, self.oracle.output_dim))
        layers = scaled(polished(layers, self.asked))
        agreement = checked(self.oracle, self.places, layers, self.rng)
        if agreement.reason is None:
            return self.result(
                Verdict.EQUIVALENT, rows=layers[:-1],
                network=Network.from_layers(layers),
                deviation=agreement.deviation, checked=len(agreement.points),
            )  # fmt: skip
        self.checks += 1
        self.disagreement = agreement.reason
        self.asked.add(agreement.points, agreement.values)
        return None

    def _rows_so_far(self) -> tuple[Rows, ...]:
        return (self._first_rows(),) if self.lifted is None else self.lifted.rows

    def result(
        self,
        verdict: Verdict,
        *reasons: str,
        rows: tuple[Rows, ...] | None = None,
        network: Network | None = None,
        deviation: float | None = None,
        checked: int = 0,
    ) -> Recovery:
        signs = [known for _, known in self.signs]
        layers = recovered_layers(
            self.first, self.deeper, self._rows_so_far() if rows is None else rows, signs,
            self.weights,
        )  # fmt: skip
        notes = provisos(signs, self.weights, self.asked.relative_noise)
        return Recovery(
            verdict, (*reasons, *notes), network, layers,
            self.oracle.queries, self.oracle.seconds, self.oracle.typical_noise, deviation, checked,
        )  # fmt: skip
