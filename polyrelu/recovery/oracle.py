"""A black box: called in batches, counted, held to a budget, its noise measured first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import LimitsError, NetworkError
from ..network import Array, Network
from ..progress import Progress

_SHORT, _LONGER = 1e-7, 1e-4  # segments on which noise is measured, beside typical inputs
_HIDDEN = 64.0  # so many times the noise of short segments on longer ones: outputs are rounded
SAFETY = 16.0  # a deviation this many times the noise is no noise
_STEPS = np.linspace(-1.0, 1.0, 12)  # of the short segments on which noise is measured


class StoppedError(Exception):
    """The budget is spent, or Ctrl-C came. Internal: :func:`recover` never lets it out."""


def function_of(source: Any) -> Callable[[Array], Any]:
    """What to call with an array of shape (n, input_dim).

    Args:
        source: a :class:`Network`, a torch module (called without gradients, in its own
            precision), a fitted scikit-learn regressor (its ``predict``), or any function.

    Raises:
        NetworkError: it is none of these.
    """
    if isinstance(source, Network):
        return source
    if hasattr(source, "state_dict") and callable(source):
        return _torch_function(source)
    if hasattr(source, "predict_proba"):
        raise NetworkError(
            "a classifier's labels are not piecewise affine: the oracle must give its logits"
        )
    if hasattr(source, "predict"):
        return source.predict  # type: ignore[no-any-return]
    if callable(source):
        return source  # type: ignore[no-any-return]
    raise NetworkError(
        f"the oracle must be a function of a batch, a Network, a torch module or a fitted "
        f"regressor, not a {type(source).__name__}"
    )


def _torch_function(module: Any) -> Callable[[Array], Array]:
    import torch

    like = next(iter(module.parameters()), torch.zeros(1, dtype=torch.float64))

    def call(x: Array) -> Array:
        with torch.no_grad():
            batch = torch.as_tensor(x).to(like.dtype).to(like.device)
            return np.asarray(module(batch).cpu().double())

    return call


class Oracle:
    """The black box that all of the recovery asks.

    Args:
        source: see :func:`function_of`.
        input_dim: d.
        queries, seconds: the budget; None is no bound.
        batch: at most this many inputs in one call.
        report: called with (queries, seconds) after every call.
        interrupted: asked before every call: is no more to be asked?

    Attributes:
        queries: inputs asked so far.
    """

    def __init__(
        self,
        source: Any,
        input_dim: int,
        *,
        queries: int | None = None,
        seconds: float | None = None,
        batch: int = 4096,
        report: Progress | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        if int(input_dim) != input_dim or input_dim < 1:
            raise NetworkError(f"input_dim must be a positive integer, not {input_dim!r}")
        for name, bound in (("queries", queries), ("seconds", seconds), ("batch", batch)):
            if bound is not None and not bound > 0:
                raise LimitsError(f"{name} must be positive, not {bound!r}")
        self._call = function_of(source)
        self._most, self._batch, self._report = queries, batch, report
        self._interrupted = interrupted
        self._begin = time.monotonic()
        self._until = None if seconds is None else self._begin + seconds
        self.input_dim = int(input_dim)
        self.output_dim = 0
        self.queries = 0
        self._near = self._far = 0.0
        self._center = np.zeros(self.input_dim)

    @property
    def seconds(self) -> float:
        """Wall time since the oracle was made."""
        return time.monotonic() - self._begin

    def __call__(self, x: Array) -> Array:
        """Outputs of shape (n, output_dim) for inputs of shape (n, input_dim).

        Raises:
            StoppedError: the batch does not fit in what is left of the budget, or Ctrl-C came.
            NetworkError: the function's answer has another shape, or is not finite.
        """
        if self._most is not None and self.queries + len(x) > self._most:
            raise StoppedError(f"the budget of {self._most:,} queries is spent")
        parts = [self._ask(x[i : i + self._batch]) for i in range(0, len(x), self._batch)]
        return np.concatenate(parts) if parts else np.empty((0, self.output_dim))

    def _ask(self, x: Array) -> Array:
        if self._until is not None and time.monotonic() > self._until:
            raise StoppedError("the budget of seconds is spent")
        if self._interrupted():
            raise StoppedError("interrupted")
        y = np.asarray(self._call(x), dtype=np.float64)
        y = y[:, None] if y.ndim == 1 else y
        if y.ndim != 2 or len(y) != len(x) or not y.shape[1]:
            raise NetworkError(
                f"the oracle must return shape ({len(x)}, outputs) for {len(x)} inputs, "
                f"not {y.shape}"
            )
        if self.output_dim not in (0, y.shape[1]):
            raise NetworkError(
                f"the oracle returned {self.output_dim} outputs at first, and now {y.shape[1]}"
            )
        if not np.isfinite(y).all():
            raise NetworkError("the oracle must return finite numbers, not NaN or infinity")
        self.output_dim = y.shape[1]
        self.queries += len(x)
        if self._report is not None:
            self._report(self.queries, self.seconds)
        return y

    def measure_noise(self, near: Array, far: Array, rng: np.random.Generator) -> None:
        """Set the noise from the residuals of straight fits to very short segments. Outputs that
        are rounded coarsely do not change on these at all, so longer ones are looked at too.

        Args:
            near, far: points of shape (n, input_dim), where the function is asked typically and
                at most.
        """
        self._center = near.mean(axis=0)
        self._near = self._noise_at(near, rng)
        reach = float(np.median(np.linalg.norm(far - self._center, axis=1)))
        self._far = self._noise_at(far, rng) / reach

    def _noise_at(self, points: Array, rng: np.random.Generator) -> float:
        short = self._residual(points, rng, _SHORT, 0.75)
        # of its own, so that exact networks are asked at the same places with and without it
        longer = self._residual(points, np.random.default_rng(0), _LONGER, 0.5)
        return longer if longer > _HIDDEN * short else short

    def _residual(
        self, points: Array, rng: np.random.Generator, relative: float, share: float
    ) -> float:
        """The greatest deviation at a share of the points: the others lie on a kink by chance."""
        n, dim = points.shape
        size = relative * np.linalg.norm(points - self._center, axis=1).mean() / np.sqrt(dim)
        steps = size * rng.normal(size=(n, 1, dim)) * _STEPS[:, None]
        inputs = (points[:, None] + steps).reshape(-1, dim)
        values = self(inputs).reshape(n, len(_STEPS), -1)
        design = np.stack([np.ones_like(_STEPS), _STEPS], axis=1)
        fit = design @ np.linalg.pinv(design)
        deviation = np.abs(values - fit @ values).max(axis=(1, 2))
        rounding = np.finfo(np.float64).eps * np.abs(values).max()
        return max(float(np.quantile(deviation, share)), float(rounding))

    @property
    def typical_noise(self) -> float:
        """The noise at typical inputs."""
        return self._near

    def noise(self, x: Array) -> Array:
        """How far values at points of shape (..., input_dim) may be off, shape (...)."""
        return np.asarray(self._near + self._far * np.linalg.norm(x - self._center, axis=-1))
