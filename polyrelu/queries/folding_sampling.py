"""Space folding as others estimate it, by sampling a path, to be set beside the exact one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from ..forward import Forward
from ..network import Array, Layer, Network
from .folding import Folding, folding_of_patterns
from .path import path_corners
from .where import as_network

if TYPE_CHECKING:
    from .path import ActivationPath

DEEPEST = 40  # halvings of a segment


def sampled_folding(
    network: Layer | Network, x: npt.ArrayLike, y: npt.ArrayLike, samples: int
) -> Folding:
    """An estimate: the folding of the patterns at equally spaced points, in float64.

    Args:
        x, y: shape (input_dim,).
        samples: how many, ends included; >= 2.

    Its range and length are never greater than the exact ones, but for samples on walls and
    rounding (the triangle inequality); chi may be on either side. Lewandowski et al., TMLR 2025.
    """
    net = as_network(network)
    start, end = _ends(net, x, y)
    if samples < 2:
        raise DomainError(f"samples must be 2 or more, not {samples}")
    return folding_of_patterns(_patterns_at(net, start, end, np.linspace(0.0, 1.0, samples)))


def bisected_folding(
    network: Layer | Network, x: npt.ArrayLike, y: npt.ArrayLike, samples: int | None = None
) -> tuple[Folding, int]:
    """An estimate that needs no number of samples: halve wherever the patterns at two neighbouring
    samples differ in more than one bit, in float64.

    It finds every single crossing that it is not blind to: a bit that flips there and back between
    two samples with the same pattern is missed. Halving ends after 40 times, or when ``samples``
    points were looked at.

    Returns:
        The folding, and how many samples it took.

    In the spirit of the parameter-free sampling of Lewandowski et al., arXiv 2503.08502.
    """
    net = as_network(network)
    start, end = _ends(net, x, y)
    times = np.array([0.0, 1.0])
    patterns = _patterns_at(net, start, end, times)
    for _ in range(DEEPEST):
        apart = np.count_nonzero(patterns[1:] != patterns[:-1], axis=1)
        gaps = np.flatnonzero(apart > 1)
        if samples is not None:
            gaps = gaps[: max(0, samples - len(times))]
        if not len(gaps):
            break
        middles = (times[gaps] + times[gaps + 1]) / 2
        patterns = np.insert(patterns, gaps + 1, _patterns_at(net, start, end, middles), axis=0)
        times = np.insert(times, gaps + 1, middles)
    return folding_of_patterns(patterns), len(times)


def samples_needed(path: ActivationPath, share: float = 0.99, most: int = 1_000_000) -> int | None:
    """How many equally spaced samples of a path find a share of its length r2: the least number of
    1, 2, 5, 10, 20, 50, ... times 1 after which more of these find as much; None beyond ``most``.

    The path must be one segment. Samples on walls are taken to be on the piece behind.
    """
    if len(path.corners) != 2:
        raise DomainError("the path must be one segment")
    if not 0 < share <= 1:
        raise DomainError(f"share must be in (0, 1], not {share}")
    patterns, needed = path.patterns, share * path.folding().length
    tries = [m * 10**k for k in range(12) for m in (1, 2, 5) if 2 <= m * 10**k <= most]
    enough: int | None = None
    for samples in tries:
        seen = np.unique(path.piece_at(np.linspace(0.0, 1.0, samples)))
        length = np.count_nonzero(patterns[seen[1:]] != patterns[seen[:-1]])
        if length < needed:
            enough = None
        elif enough is None:
            enough = samples
    return enough


def _ends(network: Network, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Array, Array]:
    corners = path_corners([list(np.ravel(x)), list(np.ravel(y))], network.input_dim, False)
    start, end = np.array(corners, dtype=np.float64)
    return start, end


def _patterns_at(network: Network, start: Array, end: Array, times: Array) -> npt.NDArray[np.bool_]:
    """By one forward pass, shape (times, thresholds)."""
    return Forward(network).bits(start + times[:, None] * (end - start))
