"""Local affine maps by differences, the normal of a wall by the jump between two of them, and the
place of a kink near a point where one is expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Array
from .kinks import Kinks
from .oracle import SAFETY, Oracle

_SHRINK = 8.0
_TRIES = 5
_CHECKS = 2  # inputs by which a local map is tested


@dataclass(frozen=True)
class Witness:
    """A point on a wall.

    Attributes:
        point, normal: shape (input_dim,); the normal has length 1.
        jump: shape (output_dim,): the change of slope along the normal.
        error: how far the normal may be off, by the noise.
        reach: a distance within which no other wall was seen.
    """

    point: Array
    normal: Array
    jump: Array
    error: float
    reach: float


def local_maps(
    oracle: Oracle, points: Array, size: Array, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Jacobians at points of shape (n, d), from steps of the given sizes, and whether the function
    is affine between the steps; shapes (n, output_dim, d) and (n,). d + 3 queries each."""
    n, d = points.shape
    extra = rng.normal(size=(_CHECKS, d))
    extra /= np.linalg.norm(extra, axis=1)[:, None]
    extra[1] = -extra[1]
    steps = np.concatenate([np.zeros((1, d)), np.eye(d), extra])
    inputs = points[:, None] + size[:, None, None] * steps
    values = oracle(inputs.reshape(-1, d)).reshape(n, len(steps), -1)
    rise = values[:, 1:] - values[:, :1]
    predicted = np.einsum("cd,ndm->ncm", extra, rise[:, :d])
    off = np.abs(predicted - rise[:, d:]).max(axis=(1, 2))
    affine = off <= SAFETY * (1 + np.sqrt(d)) * oracle.noise(points)
    return rise[:, :d].transpose(0, 2, 1) / size[:, None, None], affine


def witnesses(
    oracle: Oracle, kinks: Kinks, wanted: npt.NDArray[np.intp], rng: np.random.Generator
) -> list[Witness]:
    """The normals of the walls at some kinks of a segment; those are left out at which two walls
    meet too closely to be told apart. Some 2 d + 6 queries each."""
    d = len(kinks.start)
    points = kinks.points
    wanted = wanted[kinks.gap[wanted] > 0]  # noise can put two kinks in one place
    found: list[Witness] = []
    apart = kinks.gap / 2
    size = apart / (2 * np.sqrt(d))
    for _ in range(_TRIES):
        if not len(wanted):
            break
        away = apart[wanted, None] * kinks.direction
        sides = np.concatenate([points[wanted] - away, points[wanted] + away])
        maps, affine = local_maps(oracle, sides, np.tile(size[wanted], 2), rng)
        before, after = np.split(maps, 2)
        clear = affine[: len(wanted)] & affine[len(wanted) :]
        done = np.zeros(len(wanted), dtype=bool)
        for i, k in enumerate(wanted):
            witness = _witness(oracle, kinks, int(k), after[i] - before[i], size[k])
            if clear[i] and witness is not None:
                found.append(witness)
                done[i] = True
        wanted = wanted[~done]
        apart[wanted] /= _SHRINK
        size[wanted] = np.minimum(size[wanted] / _SHRINK, apart[wanted])
    return found


def _witness(oracle: Oracle, kinks: Kinks, k: int, jump: Array, size: float) -> Witness | None:
    """From the jump of the Jacobian, if it has rank one and agrees with the kink's own slopes."""
    d = len(kinks.start)
    point = kinks.start + kinks.t[k] * kinks.direction
    error = SAFETY * float(oracle.noise(point)) * np.sqrt(d) / size
    left, values, right = np.linalg.svd(jump, full_matrices=False)
    if values[0] <= 10 * error or (len(values) > 1 and values[1] > 4 * error):
        return None
    off = np.abs(jump @ kinks.direction - kinks.jump[k]).max()
    if off > 4 * error + 1e-3 * np.abs(kinks.jump[k]).max():
        return None
    return Witness(point, right[0], left[:, 0] * values[0], error / values[0], kinks.gap[k] / 2)


@dataclass(frozen=True)
class Located:
    """Kinks looked for at points along directions.

    Attributes:
        offset: shape (n,): the kink is at point + offset * direction; NaN if none was seen.
        jump: shape (n, output_dim): the change of slope along the direction.
        straight: shape (n,): the function is straight there, so there is no kink.
    """

    offset: Array
    jump: Array
    straight: npt.NDArray[np.bool_]

    @property
    def kinked(self) -> npt.NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.offset))


def locate(
    oracle: Oracle, points: Array, directions: Array, radius: Array, within: Array
) -> Located:
    """Is there a kink at each point, across the direction (of length 1), no farther than `within`?
    5 queries each, more where other kinks are in the way: the radius shrinks until they are not."""
    n = len(points)
    at = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    offset, straight = np.full(n, np.nan), np.zeros(n, dtype=bool)
    jump = np.zeros((n, oracle.output_dim))
    left = np.arange(n)
    radius = np.array(radius, dtype=np.float64)
    for _ in range(_TRIES):
        if not len(left):
            break
        steps = radius[left, None] * at
        inputs = points[left, None] + steps[:, :, None] * directions[left, None]
        values = oracle(inputs.reshape(-1, points.shape[1])).reshape(len(left), 5, -1)
        tolerance = SAFETY * oracle.noise(points[left])
        meets, size, flat = _meet(values, tolerance)
        ok = np.abs(meets) * radius[left] <= within[left]  # NaN is not
        offset[left[ok]] = meets[ok] * radius[left[ok]]
        jump[left[ok]] = size[ok] / radius[left[ok], None]
        straight[left[flat]] = True
        left = left[~ok & ~flat]
        radius[left] /= _SHRINK
    return Located(offset, jump, straight)


def _meet(values: Array, tolerance: Array) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Of samples at -2, -1, 0, 1, 2: where the two straight ends meet (NaN if not close to 0, or
    if the middle sample lies on neither), the change of slope, and whether all is straight."""
    before, after = values[:, 1] - values[:, 0], values[:, 4] - values[:, 3]
    jump = after - before
    ahead = (values[:, 3] - after) - (values[:, 1] + before)
    size = np.sum(jump**2, axis=1)
    largest = np.abs(jump).max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = -np.sum(ahead * jump, axis=1) / size
    on_left = values[:, 1] + before
    on_right = values[:, 3] - after
    middle = np.where((place >= 0)[:, None], on_left, on_right)
    fits = np.abs(values[:, 2] - middle).max(axis=1) <= 6 * tolerance
    # Both ends must meet in one point, in every output.
    meet = np.abs(ahead + place[:, None] * jump).max(axis=1) <= 12 * tolerance
    flat = (largest <= 8 * tolerance) & (np.abs(ahead).max(axis=1) <= 12 * tolerance) & fits
    good = fits & meet & (largest > 20 * tolerance) & (np.abs(place) < 0.5)
    return np.where(good & ~flat, place, np.nan), jump, flat
