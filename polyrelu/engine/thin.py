"""Exact points of regions that are too thin for a float64 one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property

import numpy as np

Point = tuple[Fraction, ...]


class ThinWitnesses(Mapping[int, Point]):
    """Index of a region -> exact point. What the kernel certified is the sum of two float64 points,
    and is added up when it is asked for: there may be as many as regions.

    Args:
        exact: points by their indices.
        index, high, low: indices of others, shape (n,), and the two parts, shape (n, dim).
    """

    def __init__(
        self, exact: Mapping[int, Point], index: np.ndarray, high: np.ndarray, low: np.ndarray
    ) -> None:
        self.exact, self.index, self.high, self.low = dict(exact), index, high, low

    @classmethod
    def joined(cls, parts: Sequence[Mapping[int, Point]], starts: Sequence[int]) -> ThinWitnesses:
        """Of several blocks of regions, whose indices count from ``starts`` on."""
        exact: dict[int, Point] = {}
        sums = []
        for part, start in zip(parts, starts, strict=True):
            here: Mapping[int, Point] = part
            if isinstance(part, ThinWitnesses):
                here = part.exact
                sums.append((part.index + start, part.high, part.low))
            exact |= {start + i: point for i, point in here.items()}
        sums = [s for s in sums if len(s[0])] or sums[:1]
        if not sums:
            nothing = np.zeros((0, 0))
            return cls(exact, np.zeros(0, np.int64), nothing, nothing)
        index, high, low = (np.concatenate(column) for column in zip(*sums, strict=True))
        return cls(exact, index, high, low)

    def renumbered(self, new: np.ndarray) -> ThinWitnesses:
        """With ``new[i]`` for each index i; those below 0 are left out."""
        index = new[self.index]
        stays = index >= 0
        exact = {int(new[i]): point for i, point in self.exact.items() if new[i] >= 0}
        return ThinWitnesses(exact, index[stays], self.high[stays], self.low[stays])

    @cached_property
    def _at(self) -> dict[int, int]:
        return {i: k for k, i in enumerate(self.index.tolist())}

    def __getitem__(self, index: int) -> Point:
        k = self._at.get(index)
        if k is None:
            return self.exact[index]
        parts = zip(self.high[k].tolist(), self.low[k].tolist(), strict=True)
        return tuple(Fraction(high) + Fraction(low) for high, low in parts)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted([*self.exact, *self._at]))

    def __len__(self) -> int:
        return len(self.exact) + len(self.index)

    def __repr__(self) -> str:
        return f"ThinWitnesses({len(self)} points)"
