"""The affine output in the lifted features, and which samples it does not explain.

The fit is robust: a neuron that is missing, or whose weight is not known somewhere, spoils the
samples that it is active on and no others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Array
from .lifted import Known
from .oracle import SAFETY, Oracle
from .places import Places
from .robust import robust_solution

_JUDGES = 1000  # samples beyond the unknowns: a neuron that few inputs switch is not overlooked
_FITS = 1e-10  # a misfit that rounding explains, relative to the outputs
_CLOSE = 1e-5  # a misfit that a polish may mend
_MOST = 0.6  # of the samples must be explained before the others mean something


class Asked:
    """Inputs and outputs that serve every fit; more are asked for when more are needed."""

    def __init__(self, oracle: Oracle, places: Places, rng: np.random.Generator) -> None:
        self._oracle, self._places, self._rng = oracle, places, rng
        self.x = np.empty((0, places.dim))
        self.y = np.empty((0, 0))
        self.weight = np.empty(0)
        self.size = 0.0

    def grow(self, n: int) -> None:
        """At least n of them. Those far out weigh less, as their noise is greater."""
        if n > len(self.x):
            x = self._places.mixed(n - len(self.x), self._rng)
            self.add(x, self._oracle(x))

    def add(self, x: Array, y: Array) -> None:
        """Samples of shapes (n, d) and (n, output_dim)."""
        self.y = np.concatenate([self.y.reshape(-1, y.shape[1]), y])
        self.x = np.concatenate([self.x, x])
        self.weight = np.concatenate([self.weight, self._weight(x)])
        self.size = float(np.abs(self.weight[:, None] * (self.y - np.median(self.y, 0))).max())

    def _weight(self, x: Array) -> Array:
        noise = np.maximum(self._oracle.noise(x), np.finfo(np.float64).tiny)  # constant 0 has none
        typical = max(self._oracle.typical_noise, np.finfo(np.float64).tiny)
        return np.asarray(typical / noise)

    @property
    def noise(self) -> float:
        return self._oracle.typical_noise

    @property
    def relative_noise(self) -> float:
        """The noise beside the size of the outputs; 0 before any was asked."""
        return self.noise / self.size if self.size > 0 else 0.0

    @property
    def fits(self) -> float:
        """A misfit, relative to the outputs, that is none."""
        noise = 4 * SAFETY * self._oracle.typical_noise
        return max(_FITS, noise / self.size) if self.size > 0 else np.inf

    def off(self, rest: Array, x: Array) -> Array:
        """How much a rest of shape (n, output_dim) at x is beside the size of the outputs."""
        largest = np.abs(rest).max(axis=1) * self._weight(x)
        return np.asarray(largest / self.size if self.size > 0 else largest)


@dataclass(frozen=True)
class Output:
    """The outputs as affine functions of the features (|y|, h).

    Attributes:
        coefficients: shape (features + 1, output_dim), the constant last.
        off: shape (s,), how far each sample is from it, relative to the size of the outputs.
        least: a misfit that is none.
        c: shape (output_dim, n), the coefficients of |y|.
    """

    known: Known
    coefficients: Array
    off: Array
    least: float

    @property
    def c(self) -> Array:
        return self.coefficients[: self.known.n_top].T

    @property
    def fits(self) -> bool:
        return bool(self.off.max() <= self.least)

    @property
    def close(self) -> bool:
        """May a polish make it fit?"""
        return bool(self.off.max() <= _CLOSE)

    @property
    def unexplained(self) -> npt.NDArray[np.bool_] | None:
        """Which samples are not explained; None if they are too many to trust the fit."""
        out = self.off > self.least
        return None if np.mean(out) > 1 - _MOST else out

    def __call__(self, x: Array) -> Array:
        return np.asarray(self.known.features(x) @ self.coefficients[:-1] + self.coefficients[-1])


def needed(asked: Asked, output: Output) -> npt.NDArray[np.bool_]:
    """Which neurons of the top layer the outputs cannot do without, shape (n,): noise may show one
    wall as two. One fit for each neuron, by least squares, as all is explained."""
    known = output.known
    features = np.concatenate([known.features(asked.x), np.ones((len(asked.x), 1))], axis=1)
    design, right = asked.weight[:, None] * features, asked.weight[:, None] * asked.y
    most = 2 * float(output.off.max()) + SAFETY * asked.noise / max(asked.size, 1e-300)
    size = np.abs(output.coefficients).max(axis=1) * np.abs(design).max(axis=0)
    keep = np.ones(design.shape[1], dtype=bool)
    for k in np.argsort(size[: known.n_top]):
        keep[k] = False
        solution = np.linalg.lstsq(design[:, keep], right, rcond=1e-13)[0]
        off = np.abs(design[:, keep] @ solution - right).max(initial=0.0)
        keep[k] = off > most * asked.size
    return keep[: known.n_top]


def fit_output(asked: Asked, known: Known) -> Output:
    """Fit to some 6 samples for each feature and 1,000 others."""
    asked.grow(6 * known.n_features + 30 + _JUDGES)
    features = np.concatenate([known.features(asked.x), np.ones((len(asked.x), 1))], axis=1)
    design, right = asked.weight[:, None] * features, asked.weight[:, None] * asked.y
    spread = np.maximum(np.abs(design).max(axis=0), np.finfo(float).tiny)
    solution = robust_solution(design / spread, right, asked.fits * asked.size)
    coefficients = solution / spread[:, None]
    off = asked.off(features @ coefficients - asked.y, asked.x)
    return Output(known, coefficients, off, asked.fits)
