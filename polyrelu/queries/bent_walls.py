"""Which walls of an unlabelled complex belong to one neuron, and in which layer it is.

A first-layer neuron bends on a hyperplane. Where a second-layer neuron crosses that, its wall bends
(its row changes by a multiple of the hyperplane's, as the function is continuous) while the
hyperplane goes straight on, or ends: it shows only where something that sees it is active.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

from ..errors import RecoveryError
from ..linear_complex import Complex, Wall
from ..rational import dot_point, integer_row, rank

Key = tuple[int, ...]  # of a hyperplane: its equation, the first entry positive
Form = tuple[Fraction, ...]

MOST_GUESSES = 64
MOST_UNSEEN = 4


def hyperplane(wall: Wall) -> Key:
    first = next(v for v in wall.equation if v)
    return wall.equation if first > 0 else tuple(-v for v in wall.equation)


@dataclass(frozen=True)
class Kink:
    """How the function bends at a wall: by ``direction`` times the form, where that is positive.

    Attributes:
        direction: for each output, in primitive integers.
        form: a positive multiple of the wall's equation.
    """

    direction: Form
    form: Form


def kink(complex_: Complex, wall: Wall) -> Kink:
    """The jump of the affine map across a wall, which is of rank one."""
    here, there = (complex_.maps[complex_.parts[side].cell] for side in wall.sides)
    at = next(j for j, v in enumerate(wall.equation) if v)
    jumps = [(a[at] - b[at]) / wall.equation[at] for a, b in zip(here, there, strict=True)]
    direction = integer_row(jumps)
    size = next(u / a for u, a in zip(jumps, direction, strict=True) if a)
    return Kink(tuple(map(Fraction, direction)), tuple(size * v for v in wall.equation))


@dataclass
class Crossings:
    """What the ridges show.

    Attributes:
        straight: pairs of walls in one hyperplane that go on in each other.
        bent: (wall, wall, hyperplane): the first goes on in the second across the hyperplane.
        forks: three walls around a ridge, one of which ends there, and which of them may.
        first: hyperplanes at which others bend; ``second``: those of walls that bend.
    """

    straight: list[tuple[int, int]] = field(default_factory=list)
    bent: list[tuple[int, int, Key]] = field(default_factory=list)
    forks: list[tuple[tuple[int, int, int], tuple[int, ...]]] = field(default_factory=list)
    first: set[Key] = field(default_factory=set)
    second: set[Key] = field(default_factory=set)


def crossings(complex_: Complex) -> Crossings:
    """Read every ridge.

    Raises:
        RecoveryError: more than two neurons meet in a ridge, or more than two layers show.
    """
    found = Crossings()
    keys = [hyperplane(wall) for wall in complex_.walls]
    for ridge in complex_.ridges:
        groups: dict[Key, list[int]] = defaultdict(list)
        for w in ridge:
            groups[keys[w]].append(w)
        pairs = [(g[0], g[1]) for g in groups.values() if len(g) == 2]
        single = [g[0] for g in groups.values() if len(g) == 1]
        shape = len(pairs), len(single)
        if shape not in ((0, 0), (1, 0), (2, 0), (1, 2), (0, 3)):
            raise RecoveryError(_strange(shape))
        found.straight += pairs
        if shape == (1, 2):
            key = keys[pairs[0][0]]
            found.first.add(key)
            found.second |= {keys[w] for w in single}
            found.bent.append((*single, key))  # type: ignore[arg-type]
        elif shape == (0, 3):
            ends = tuple(w for w in single if _between(complex_, w, single))
            found.forks.append((tuple(single), ends))  # type: ignore[arg-type]
    found.first |= _seen_apart(keys, found.straight)
    return found


def _strange(shape: tuple[int, int]) -> str:
    if shape == (0, 2):
        return ("a wall bends where no other wall shows: what it bends at does not show there, as "
                "where more than two hidden layers cancel")  # fmt: skip
    if shape == (1, 1):
        return ("a wall ends at one that does not bend: a facet is cancelled there, or there are "
                "more than two hidden layers")  # fmt: skip
    return "more than two neurons have a wall through one (d-2)-dimensional face: not generic"


def _between(complex_: Complex, w: int, around: list[int]) -> bool:
    """Whether the other two walls of a fork are on different sides of this one's hyperplane."""
    equation = complex_.walls[w].equation
    sides = [dot_point(equation, complex_.walls[v].point) > 0 for v in around if v != w]
    return sides[0] != sides[1]


def _seen_apart(keys: list[Key], straight: list[tuple[int, int]]) -> set[Key]:
    """Hyperplanes that show at places that do not connect: a wall that bends does not come back."""
    names = list(range(len(keys)))
    for a, b in straight:
        old, new = names[a], names[b]
        names = [new if n == old else n for n in names] if old != new else names
    parts: dict[Key, set[int]] = defaultdict(set)
    for key, name in zip(keys, names, strict=True):
        parts[key].add(name)
    return {key for key, found in parts.items() if len(found) > 1}


@dataclass(frozen=True)
class Layering:
    """Which hyperplanes are the first layer's, and where walls of the second bend."""

    first: tuple[Key, ...]
    bent: tuple[tuple[int, int, Key], ...]


def layerings(complex_: Complex, found: Crossings) -> Iterator[Layering]:
    """All ways to read the forks; most often one.

    Raises:
        RecoveryError: there is none, or there are too many.
    """
    keys = [hyperplane(wall) for wall in complex_.walls]
    stack = [(dict.fromkeys(found.first, True), dict.fromkeys(found.second, False))]
    if found.first & found.second:
        raise RecoveryError("a hyperplane bends in one place and is bent at in another: more than "
                            "two hidden layers")  # fmt: skip
    guesses = 0
    while stack:
        yes, no = stack.pop()
        status = _propagated(keys, found, yes | no)
        if status is None:
            continue
        unread = (f for f in found.forks if any(keys[w] not in status for w in f[0]))
        open_ = next(unread, None)
        if open_ is not None:
            guesses += 1
            if guesses > MOST_GUESSES:
                raise RecoveryError("it is open which of the walls that meet in threes are the "
                                    "first layer's")  # fmt: skip
            stack += [(status, {keys[w]: True}) for w in open_[1] if keys[w] not in status]
            continue
        yield from _read(keys, found, status)


def _read(keys: list[Key], found: Crossings, status: dict[Key, bool]) -> Iterator[Layering]:
    """With all forks read. A wall that neither bends nor is bent at may be of either layer."""
    bent = list(found.bent)
    for walls, _ in found.forks:
        (end,) = (w for w in walls if status[keys[w]])
        a, b = (w for w in walls if w != end)
        bent.append((a, b, keys[end]))
    unseen = sorted({key for key in keys if key not in status})
    if not bent or len(unseen) > MOST_UNSEEN:
        yield Layering(tuple(sorted(k for k in set(keys) if status.get(k, True))), tuple(bent))
        return
    for layers in product((True, False), repeat=len(unseen)):
        known = status | dict(zip(unseen, layers, strict=True))
        yield Layering(tuple(sorted(k for k, first in known.items() if first)), tuple(bent))


def _propagated(
    keys: list[Key], found: Crossings, status: dict[Key, bool]
) -> dict[Key, bool] | None:
    """What follows of each fork: one of its walls is the first layer's, two are not."""
    changed = True
    while changed:
        changed = False
        for walls, ends in found.forks:
            known = [status.get(keys[w]) for w in walls]
            possible = [w for w in walls if status.get(keys[w]) is not False and w in ends]
            if known.count(True) > 1 or not possible:
                return None
            if any(status.get(keys[w]) and w not in ends for w in walls):
                return None
            if len(possible) == 1 or True in known:
                end = possible[0] if True not in known else walls[known.index(True)]
                new = {keys[w]: w == end for w in walls}
                changed |= any(k not in status for k in new)
                status = status | new
    return status


@dataclass
class BentWall:
    """Walls of one second-layer neuron, oriented alike.

    Attributes:
        direction: see :class:`Kink`.
        walls: the number of each wall, and 1 or -1: which side is called positive.
    """

    direction: Form
    walls: dict[int, int]


def bent_walls(complex_: Complex, layering: Layering, straight: list[tuple[int, int]]) \
        -> list[BentWall] | None:  # fmt: skip
    """The second layer's walls, joined where they go on in each other; None if that fails."""
    first = set(layering.first)
    kinks = {
        w: kink(complex_, wall)
        for w, wall in enumerate(complex_.walls)
        if hyperplane(wall) not in first
    }
    links: dict[int, list[tuple[int, int]]] = defaultdict(list)
    joined = [(a, b, None) for a, b in straight] + list(layering.bent)
    for a, b, key in joined:
        if a not in kinks and b not in kinks:
            continue
        sign = _orientation(kinks[a].form, kinks[b].form, key)
        if sign is None or kinks[a].direction != kinks[b].direction:
            return None
        links[a].append((b, sign))
        links[b].append((a, sign))
    found: list[BentWall] = []
    seen: set[int] = set()
    for start in kinks:
        if start in seen:
            continue
        walls, open_ = {start: 1}, [start]
        while open_:
            w = open_.pop()
            for v, sign in links[w]:
                if v not in walls:
                    walls[v] = sign * walls[w]
                    open_.append(v)
                elif walls[v] != sign * walls[w]:
                    return None
        seen |= walls.keys()
        found.append(BentWall(kinks[start].direction, walls))
    return found


def _orientation(form: Form, other: Form, key: Key | None) -> int | None:
    """The sign with which a form goes on in another: the difference is a multiple of the
    hyperplane's, or 0."""
    for sign in (1, -1):
        rest = [sign * b - a for a, b in zip(form, other, strict=True)]
        if not any(rest) or (key is not None and rank([integer_row(rest), list(key)]) == 1):
            return sign
    return None
