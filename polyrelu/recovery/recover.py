"""recover: the network behind a black box, layer by layer, and an honest word on how far it got."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain import Box
from ..errors import NetworkError
from ..network import Array, Network
from ..progress import Progress, reporter
from .check import checked, evidence_against
from .first_layer import FirstLayer, add_planes, find_first_layer, on_planes
from .kinks import Kinks, find_kinks
from .last import Output, fit_output
from .lifted import Known, Rows
from .next_layer import NextLayer, complete, extend
from .normals import Witness, witnesses
from .oracle import BudgetError, Oracle
from .places import Places
from .polish import Samples, polished
from .result import RecoveredLayer, Recovery, Verdict
from .signs import sign_equations, solve_signs

Bools = npt.NDArray[np.bool_]

_LINES = 60  # in the search for the first layer
_BATCH = 3  # further lines at a time
_QUIET = 6  # batches without a new neuron before a layer is taken to be complete
_GUESS = 2  # of them, before weights that no wall shows are guessed
_CHECKS = 4  # and polishes
_NOISE_POINTS = 24


def recover(
    oracle: Any,
    input_dim: int,
    *,
    domain: Box | None = None,
    scale: float = 1.0,
    queries: int | None = None,
    seconds: float | None = None,
    layers: int = 4,
    batch: int = 4096,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Recovery:
    """The ReLU network that an oracle computes, from its outputs alone.

    Args:
        oracle: takes a float64 array of shape (n, input_dim), returns shape (n, outputs) or (n,);
            or a :class:`Network`, a torch module, a fitted scikit-learn regressor. The more
            digits its outputs have, the more the rows will have; float32 gives some 1e-4.
        input_dim: d.
        domain: a box to ask in (differences may reach a little over its sides); None: anywhere.
        scale: without a box, inputs are typically `scale` times a standard normal.
        queries, seconds: the budget; None is no bound.
        layers: hidden layers at most.
        batch: inputs in one call at most.
        seed: of the random places; the same seed asks the same queries.
        progress: True for a line on stderr, or a function called with (queries, seconds).

    Returns:
        A :class:`Recovery`. Its network is there only if it agreed with the oracle, within the
        noise, on many fresh inputs. Equal are networks up to the order of a layer's neurons and
        positive factors of them.

    Raises:
        NetworkError: the oracle is no function, or its answers have wrong shapes or are not finite.
        DomainError: a domain that is not a box of this dimension.
        LimitsError: a budget that is not positive.

    Assumes fully connected ReLU layers and an affine output. Some 8 d queries a neuron of the first
    layer, and 20 times the width below a neuron of a deeper one. After Rolnick and Koerding,
    "Reverse-engineering deep ReLU networks", ICML 2020, and Carlini, Jagielski and Mironov,
    "Cryptanalytic extraction of neural network models", CRYPTO 2020. The lifted features, in which
    deeper walls are flat whatever the signs are: docs/recovery.md.
    """
    if not (isinstance(layers, int) and layers >= 1):
        raise NetworkError(f"layers must be a positive integer, not {layers!r}")
    asked = Oracle(
        oracle, input_dim, queries=queries, seconds=seconds, batch=batch, report=reporter(progress)
    )
    places = Places(asked.input_dim, domain, scale)
    search = _Search(asked, places, np.random.default_rng(seed), layers)
    try:
        return search.run()
    except BudgetError as error:
        return search.result(
            Verdict.PARTIAL if search.layers() else Verdict.NOT_RECOVERED, str(error)
        )


@dataclass
class _Search:
    oracle: Oracle
    places: Places
    rng: np.random.Generator
    most: int
    first: FirstLayer = field(default_factory=FirstLayer)
    deeper: list[NextLayer] = field(default_factory=list)
    signs: list[tuple[Array, Bools]] = field(default_factory=list)  # and which are known
    lines: int = 0

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
        while True:
            planes = len(self.first.planes)
            done = self._layers()
            if done is not None:
                return done
            if len(self.first.planes) == planes:
                break
        return self.result(Verdict.PARTIAL, *self._reasons())

    def _layers(self) -> Recovery | None:
        """From the first layer on; None if that was not complete, or if the rest is not found."""
        self.deeper, self.signs = [], []
        known, pool = Known((), self._first_rows()), list(self.first.others)
        for depth in range(1, self.most + 1):
            output = fit_output(self.oracle, self.places, known, self.rng)
            if output.fits:
                return self._finished(known, output)
            if depth == self.most:
                return None
            found = self._next_layer(known, pool, output.worst) if known.n_top else None
            if not found:
                return None
            layer = self.deeper[-1]
            known, pool = found, layer.others
        return None

    def _first_rows(self) -> Rows:
        weight, bias = self.first.rows
        return weight.reshape(-1, self.places.dim), bias

    def _next_layer(self, known: Known, pool: list[Witness], worst: Array) -> Known | None:
        """The layer on top of a known one, complete as far as it can be seen."""
        layer = NextLayer(known)
        self.deeper.append(layer)
        extend(self.oracle, self.places, layer, pool, self.rng)
        quiet, above = 0, None
        while quiet < _QUIET:
            if layer.neurons:
                above = self._lift(layer)
                signs, known_signs = self.signs[-1]
                if known_signs.all() and complete(
                    self.oracle, self.places, layer, signs, quiet >= _GUESS, self.rng
                ):
                    quiet, above = 0, self._lift(layer)
                output = fit_output(self.oracle, self.places, above, self.rng)
                if output.fits:
                    return above
                worst = output.worst
            planes = len(self.first.planes)
            new = extend(self.oracle, self.places, layer, self._more(layer, worst), self.rng)
            if len(self.first.planes) > planes:
                return None
            quiet = 0 if new else quiet + 1
        if not layer.neurons:
            self.deeper.pop()
        return above

    def _more(self, layer: NextLayer, worst: Array) -> list[Witness]:
        """Witnesses from further lines that nothing known explains; one line leads to where the
        outputs are explained worst."""
        pool: list[Witness] = []
        starts, ends = self.places.segments(_BATCH, self.rng)
        starts[0], ends[0] = self.places.points(1, self.rng)[0], worst
        for kinks in find_kinks(self.oracle, starts, ends):
            self.lines += 1
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
        known, walls = layer.known, [n.wall for n in layer.neurons]
        c = np.array([w.theta[: known.n_top] for w in walls])
        at = [n.points for n in layer.neurons]
        signs = self._solve(known, c, at, [np.zeros(len(x)) for x in at])
        constants = np.array([w.constant for w in walls])
        rows = _normal_rows(2 * c, constants - (c * signs) @ known.top[1])
        guessed = sorted({j for n in layer.neurons for j in n.open})
        return Known(known.signed(signs), rows, tuple(guessed))

    def _solve(self, known: Known, c: Array, points: list[Array], values: list[Array]) -> Array:
        """The signs of the top known layer from functions of it."""
        functions = zip(c, points, values, strict=True)
        parts = [sign_equations(known, row, x, v) for row, x, v in functions]
        matrix = np.concatenate([m for m, _ in parts])
        signs, open_ = solve_signs(matrix, np.concatenate([r for _, r in parts]))
        self.signs[len(known.below) :] = [(signs, ~open_)]
        return signs

    def _finished(self, known: Known, output: Output) -> Recovery:
        """The signs of the top layer, the polish and the check."""
        if not known.n_top:  # no kink anywhere
            none = np.empty((len(output.c), 0))
            return self._polished(_with_affine_part((), none, output.points, output.values))
        signs = self._solve(known, output.c, [output.points] * len(output.c), list(output.values.T))
        hidden = known.signed(signs)
        if not all(k.all() for _, k in self.signs[:-1]):
            return self.result(Verdict.PARTIAL, *self._reasons(), rows=hidden)
        activations = np.maximum(signs * known.pre_activations(output.points), 0.0)
        rest = output.values - 2 * activations @ output.c.T
        if self.signs[-1][1].all():
            return self._polished((*hidden, (2 * output.c, np.median(rest, axis=0))))
        return self._polished(
            _with_affine_part(hidden, 2 * output.c, known.under(output.points), rest)
        )

    def _polished(self, layers: tuple[Rows, ...]) -> Recovery:
        """Fit all parameters, and check on fresh inputs; what disagrees there is fitted too, and
        the check is begun afresh."""
        samples = Samples.drawn(self.oracle, self.places, layers, self.rng)
        for _ in range(_CHECKS):
            layers = _normal(polished(layers, samples))
            agreement = checked(self.oracle, self.places, layers, self.rng)
            if agreement.reason is None:
                return self.result(
                    Verdict.EQUIVALENT, *self._provisos(), rows=layers[:-1],
                    network=Network.from_layers(layers),
                    deviation=agreement.deviation, checked=len(agreement.points),
                )  # fmt: skip
            samples = samples.joined(self.oracle, agreement.points, agreement.values)
        return self.result(Verdict.PARTIAL, str(agreement.reason), rows=layers[:-1])

    def _provisos(self) -> list[str]:
        """What the outputs do not tell of the rows."""
        out = []
        for k, (_, known) in enumerate(self.signs):
            if not known.all():
                out.append(
                    f"layer {k}: the signs of {int((~known).sum())} of {len(known)} neurons are "
                    "open: other functions of the layer below make up for them (a neuron that is "
                    "always on, or more neurons than equations)"
                )
        for k, layer in enumerate(self.deeper, start=1):
            guessed = sum(len(n.open) for n in layer.neurons)
            if guessed:
                out.append(
                    f"layer {k}: {guessed} weights are shown by no wall, as the walls of the two "
                    "neurons never meet; the outputs alone may leave them open"
                )
        return out

    def _reasons(self) -> list[str]:
        """Why the recovery stopped."""
        others = len(self.deeper[-1].others if self.deeper else self.first.others)
        reasons = [
            *self._provisos(),
            f"after {1 + len(self.deeper)} hidden layers the outputs are not affine in what is "
            f"known; kinks that belong to no neuron found: {others}",
        ]
        if self.first.unclear:
            reasons.append(f"{self.first.unclear} places had kinks too close to be told apart")
        return reasons

    def layers(self, rows: tuple[Rows, ...] | None = None) -> tuple[RecoveredLayer, ...]:
        """What was recovered; `rows` are the polished ones."""
        if not self.first.planes:
            return ()
        if rows is None:
            rows = self._rows_so_far()
        measured = [
            (
                np.array([p.error for p in self.first.planes]),
                np.array([p.witnesses for p in self.first.planes]),
            )
        ]
        for layer in self.deeper:
            measured.append(
                (
                    np.array([n.residual for n in layer.neurons]),
                    np.array([len(n.points) for n in layer.neurons]),
                )
            )
        out = []
        for k, ((weight, bias), (error, count)) in enumerate(zip(rows, measured, strict=False)):
            known = self.signs[k][1] if k < len(self.signs) else np.zeros(len(bias), dtype=bool)
            n = len(error)  # a pair that carries an affine part is no neuron found
            out.append(RecoveredLayer(weight[:n], bias[:n], known[:n], error, count))
        return tuple(out)

    def _rows_so_far(self) -> tuple[Rows, ...]:
        if not self.deeper or not self.deeper[-1].neurons:
            return (self._first_rows(),)
        known = self._lift(self.deeper[-1])
        return (*known.below, known.top)

    def result(
        self,
        verdict: Verdict,
        *reasons: str,
        rows: tuple[Rows, ...] | None = None,
        network: Network | None = None,
        deviation: float | None = None,
        checked: int = 0,
    ) -> Recovery:
        oracle = self.oracle
        return Recovery(
            verdict, reasons, network, self.layers(rows), oracle.queries, oracle.seconds,
            oracle.typical_noise, deviation, checked,
        )  # fmt: skip


def _with_affine_part(
    hidden: tuple[Rows, ...], out: Array, under: Array, rest: Array
) -> tuple[Rows, ...]:
    """A network whose outputs have an affine part in what is under the last hidden layer: a pair of
    opposite neurons, relu(t) - relu(-t) = t, carries it.

    Args:
        hidden: its hidden layers.
        out: shape (outputs, n), the output's weights on the neurons of the last.
        under, rest: activations under that layer at some points, and the rest of the outputs there.
    """
    design = np.concatenate([under, np.ones((len(under), 1))], axis=1)
    size = np.maximum(np.linalg.norm(design, axis=1, keepdims=True), 1e-300)
    affine = np.linalg.lstsq(design / size, rest / size, rcond=1e-13)[0].T
    linear, constant = affine[:, :-1], affine[:, -1]
    m = len(linear)
    if not hidden:
        return ((linear, constant),)
    weight, bias = hidden[-1]
    last = (np.concatenate([weight, linear, -linear]), np.concatenate([bias, np.zeros(2 * m)]))
    return (*hidden[:-1], last, (np.concatenate([out, np.eye(m), -np.eye(m)], axis=1), constant))


def _normal_rows(weight: Array, bias: Array) -> Rows:
    """Rows of length 1."""
    size = np.linalg.norm(weight, axis=1)
    return weight / size[:, None], bias / size


def _normal(layers: tuple[Rows, ...]) -> tuple[Rows, ...]:
    """Hidden rows of length 1; the next layer takes the factors."""
    out, factor = [], np.ones(layers[0][0].shape[1])
    for k, (weight, bias) in enumerate(layers):
        weight = weight * factor
        factor = np.linalg.norm(weight, axis=1)
        factor[factor == 0] = 1.0
        if k == len(layers) - 1:
            factor = np.ones(len(bias))
        out.append((weight / factor[:, None], bias / factor))
    return tuple(out)
