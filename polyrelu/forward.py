"""Patterns by a forward pass in float64, as any framework finds them: fast, and nothing certified.

Where a pre-activation is 0 in truth, its bit here is rounding noise. :mod:`polyrelu.locate` decides
the same exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .activations import relu
from .network import Array, Layer, Network

Packed = npt.NDArray[np.uint8]


class Forward:
    """A network's forward pass, prepared once.

    Args:
        network: any; each layer's factors are applied one after the other.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        last = max((k for k, v in enumerate(network.layers) if v.thresholds), default=-1)
        self._steps = [_Step(layer) for layer in network.layers[: last + 1]]

    @property
    def operations(self) -> int:
        """Multiplications in one forward pass, the layers after the last threshold left out."""
        return sum(f.weight.size for step in self._steps for f in step.layer.factors)

    def bits(self, x: Array) -> npt.NDArray[np.bool_]:
        """Shape (n, thresholds), for inputs of shape (n, input_dim)."""
        found = [np.zeros((len(x), 0), dtype=bool)]
        for k, step in enumerate(self._steps):
            z = step.layer.pre_activation(x)
            found.append(step.exceeded(z))
            if k + 1 < len(self._steps):
                x = step.activate(z)
        return np.concatenate(found, axis=1)

    def along(self, x: Array, u: Array) -> tuple[npt.NDArray[np.bool_], Array, Array]:
        """Patterns, and how the forms of their regions change: twice the work of a forward pass.

        Args:
            x, u: points and directions, shape (n, input_dim).

        Returns:
            Bits; and for each threshold its distance from being crossed, >= 0, and how fast that
            grows along u, shape (n, thresholds) each.
        """
        bits, slack, speed = [np.zeros((len(x), 0), dtype=bool)], [x[:, :0]], [x[:, :0]]
        for step in self._steps:
            z = step.layer.pre_activation(x)
            for factor in step.layer.factors:
                u = u @ factor.weight.T
                u = u if factor.divisor is None else u / factor.divisor
            bit = step.exceeded(z)
            sign = 2.0 * bit - 1.0
            bits.append(bit)
            slack.append(sign * (step.of_thresholds(z) - step.at))
            speed.append(sign * step.of_thresholds(u))
            x, u = step.layer.activate(z), u * step.slopes(z)
        return tuple(np.concatenate(c, axis=1) for c in (bits, slack, speed))  # type: ignore[return-value]

    def __call__(self, x: Array) -> Packed:
        """Packed patterns, as in :attr:`polyrelu.RegionGraph.packed_patterns`."""
        return np.packbits(self.bits(x), axis=1, bitorder="little")


class _Step:
    """A layer and where its units bend."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        units = [unit for unit, _ in layer.thresholds]
        self._units = None if units == list(range(layer.out_features)) else units
        self._all_relu = all(unit == relu() for unit in dict.fromkeys(layer.units))
        self.at = np.array([float(t) for _, t in layer.thresholds])

    def activate(self, z: Array) -> Array:
        """As the layer's own, but as fast as everybody's if all units are ReLUs."""
        return np.maximum(z, 0.0) if self._all_relu else self.layer.activate(z)

    def of_thresholds(self, z: Array) -> Array:
        """The column of each threshold's unit."""
        return z if self._units is None else z[:, self._units]

    def exceeded(self, z: Array) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.of_thresholds(z) > self.at
        return found

    def slopes(self, z: Array) -> Array:
        """Of each unit on the piece that it is on."""
        slopes = np.empty_like(z)
        for unit in dict.fromkeys(self.layer.units):
            columns = [i for i, other in enumerate(self.layer.units) if other == unit]
            pieces = np.searchsorted(np.array([float(t) for t in unit.breakpoints]), z[:, columns])
            slopes[:, columns] = np.array([float(v) for v in unit.slopes])[pieces]
        return slopes
