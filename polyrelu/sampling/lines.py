"""Sampling along random lines: crossings per length, and what they say of the walls' content."""

from __future__ import annotations

from dataclasses import dataclass
from math import gamma, pi, sqrt

import numpy as np

from ..domain import Domain, Slice
from ..errors import DomainError
from ..limits import Limits
from ..network import Array, Network
from ..progress import Progress
from ..queries.path import activation_path
from .sample import Collector, Counts, Sample, positive
from .uniform import Uniform, chord, directions, float_rows, full_dimensional, generator

MARGIN = 1e-12  # of a chord: its ends are kept inside of the domain


@dataclass(frozen=True, eq=False)
class LineEstimate:
    """Crossings of random chords of a domain.

    A chord runs through a uniform point in a uniform direction. Then the mean over chords of
    crossings per length is an unbiased estimator, and what it estimates is

        crossing_constant(d) * (content of the walls) / (volume of the domain)

    (Cauchy and Crofton: chords are drawn in proportion to their lengths, which the quotient takes
    out). Hanin and Rolnick (ICML 2019, NeurIPS 2019) bound this density for random networks by a
    constant times the number of neurons, whatever the depth; :attr:`per_neuron` is that constant.

    Attributes:
        sample: the patterns of the points on the chords.
        ends: shape (lines, 2, dim).
        crossings: shape (lines,): how many walls each chord crosses: by changes of pattern between
            its points, which misses some, or exactly.
        exact: which of both.
        neurons: units with thresholds.
    """

    sample: Sample
    ends: Array
    crossings: Counts
    exact: bool
    neurons: int

    @property
    def lengths(self) -> Array:
        """Shape (lines,)."""
        found: Array = np.linalg.norm(self.ends[:, 1] - self.ends[:, 0], axis=1)
        return found

    @property
    def density(self) -> float:
        """Crossings per length, the mean over chords."""
        return float((self.crossings / self.lengths).mean())

    @property
    def standard_error(self) -> float:
        """Of :attr:`density`; nan for one chord."""
        rates = self.crossings / self.lengths
        return float(rates.std(ddof=1) / sqrt(len(rates))) if len(rates) > 1 else float("nan")

    @property
    def wall_density(self) -> float:
        """An estimate of the content of the walls per volume of the domain."""
        return self.density / crossing_constant(self.sample.domain.dim)

    @property
    def per_neuron(self) -> float:
        """Crossings per length and neuron."""
        return self.density / self.neurons if self.neurons else 0.0

    def __repr__(self) -> str:
        kind = "crossings" if self.exact else "changes of pattern"
        return (f"LineEstimate({len(self.crossings)} lines, {self.density:.4g} +- "
                f"{self.standard_error:.2g} {kind} per length)")  # fmt: skip


def crossing_constant(dim: int) -> float:
    """The mean of |u_1| over the unit sphere of R^dim: 1, 2/pi, 1/2, 4/(3 pi), ...: how often a
    random line crosses a hypersurface per length, for each unit of content per volume."""
    return gamma(dim / 2) / (sqrt(pi) * gamma((dim + 1) / 2))


def random_lines(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    budget: int = 100_000,
    per_line: int = 100,
    exact: bool = False,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> LineEstimate:
    """Equally spaced points on random chords of a bounded domain.

    Args:
        budget: forward passes.
        per_line: points on each chord, its ends included, at least 2.
        exact: count crossings by :func:`polyrelu.activation_path`, about a millisecond a chord, not
            by points, which miss some. The points are looked at all the same.

    Raises:
        DomainError: an unbounded or flat domain; a budget of less than one line.
    """
    collector = Collector(network, domain, budget, limits, progress)
    m = positive("per_line", per_line, 2)
    if budget < m:
        raise DomainError(f"a budget of {budget} forward passes is less than a line of {m}")
    rng, rows = generator(seed), float_rows(collector.domain)
    full_dimensional(collector.domain)
    source = Uniform(collector.domain, rng)
    share = np.linspace(0.0, 1.0, m)[None, :, None]
    ends: list[Array] = []
    changes: list[Counts] = []

    def step(n: int) -> bool:
        if collector.left < m:
            return False
        pair = _chords(rows, source.draw(max(1, n // m)), rng)
        x = pair[:, :1] * (1 - share) + pair[:, 1:] * share
        packed = collector.look(x.reshape(-1, x.shape[-1])).reshape(len(pair), m, -1)
        ends.append(pair)
        changes.append((packed[:, 1:] != packed[:, :-1]).any(axis=2).sum(axis=1))
        return True

    collector.repeat(step)
    sample = collector.sample("lines", seed=seed, independent=False)
    chords = np.concatenate(ends)
    crossings = np.concatenate(changes)
    if exact:
        paths = (activation_path(collector.network, pair) for pair in chords)
        crossings = np.array([len(path) - 1 for path in paths], dtype=np.int64)
    neurons = {(k, unit) for k, unit, _ in collector.network.thresholds}
    return LineEstimate(sample, chords, crossings, exact, len(neurons))


def _chords(rows: Array, x: Array, rng: np.random.Generator) -> Array:
    """Through points x, shape (n, dim), in random directions: ends, shape (n, 2, dim)."""
    u = directions(len(x), x.shape[1], rng)
    low, high = chord(x @ rows[:, :-1].T + rows[:, -1], u @ rows[:, :-1].T)
    cut = MARGIN * (high - low)
    return np.stack([x + (low + cut)[:, None] * u, x + (high - cut)[:, None] * u], axis=1)
