"""Where the oracle is asked: points that are typical, and long segments through them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..domain import Box
from ..errors import DomainError
from ..network import Array

_LONG = 30.0  # a segment in the whole space: so many times the typical distance to the centre


class Places:
    """Random points and segments of the domain.

    Args:
        input_dim: d.
        domain: a box to ask in, but for short differences; None: anywhere, inputs are typically
            `scale` times a standard normal.
        scale: only without a box.

    Raises:
        DomainError: a box of another dimension, or with a side of length 0; a bad scale.
    """

    def __init__(self, input_dim: int, domain: Box | None, scale: float) -> None:
        if not (np.isfinite(scale) and scale > 0):
            raise DomainError(f"scale must be a positive number, not {scale!r}")
        if domain is not None and not isinstance(domain, Box):
            raise DomainError(f"domain must be a Box or None, not a {type(domain).__name__}")
        if domain is not None and domain.dim != input_dim:
            raise DomainError(f"domain must have dimension {input_dim}, not {domain.dim}")
        if domain is not None and np.any(domain.low >= domain.high):
            raise DomainError("domain must have sides of positive length")
        self.dim, self.domain, self.scale = input_dim, domain, scale
        self.reach = _LONG * scale * np.sqrt(input_dim)

    def points(self, n: int, rng: np.random.Generator) -> Array:
        """Typical points, shape (n, d)."""
        if self.domain is None:
            return self.scale * rng.normal(size=(n, self.dim))
        return rng.uniform(self.domain.low, self.domain.high, size=(n, self.dim))

    def segments(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Segments through typical points in random directions, as long as the domain allows."""
        middles, along = self.points(n, rng), rng.normal(size=(n, self.dim))
        if self.domain is None:
            along /= np.linalg.norm(along, axis=1)[:, None]
            return middles - self.reach * along, middles + self.reach * along
        along *= self.domain.high - self.domain.low
        with np.errstate(divide="ignore"):
            low, high = (self.domain.low - middles) / along, (self.domain.high - middles) / along
        back, ahead = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
        return middles + back[:, None] * along, middles + ahead[:, None] * along

    def mixed(self, n: int, rng: np.random.Generator) -> Array:
        """Typical points, and points of long segments at distances of all sizes: neurons that
        typical points never switch are switched far out. Shape (n, d), in random order."""
        low, high = self.segments(n - n // 2, rng)
        middles = self.points(n - n // 2, rng)
        share = 10 ** rng.uniform(-2.0, 0.0, size=(len(low), 1))
        ends = np.where(rng.uniform(size=(len(low), 1)) < 0.5, low, high)
        points = np.concatenate([self.points(n // 2, rng), middles + share * (ends - middles)])
        return np.asarray(rng.permutation(points))

    def holds(self, points: Array) -> npt.NDArray[np.bool_]:
        """Which points may be asked."""
        if self.domain is None:
            return np.asarray(np.linalg.norm(points, axis=-1) <= self.reach)
        return np.asarray(
            np.all((points >= self.domain.low) & (points <= self.domain.high), axis=-1)
        )
