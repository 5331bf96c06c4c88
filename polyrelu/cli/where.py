"""Where the command line looks at a network: from its options to a domain."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DomainError, PolyreluError
from ..suggestion import no_such_file

if TYPE_CHECKING:
    from ..domain import Box, Domain, Slice
    from ..network import Array, Network


class UsageError(PolyreluError):
    """Options that cannot be understood, or do not go together."""


def numbers(name: str, text: str, counts: tuple[int, ...]) -> list[float]:
    """Numbers separated by commas, as many as one of ``counts``."""
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        raise UsageError(f"{name} must be numbers separated by commas, not {text!r}") from None
    if len(values) not in counts:
        wanted = " or ".join(str(n) for n in sorted(set(counts)))
        raise UsageError(f"{name} must have {wanted} numbers, not {len(values)}")
    return values


def domain_of(args: argparse.Namespace, network: Network) -> Domain | Slice:
    slices = [o for o in ("axes", "slice", "segment") if getattr(args, o) is not None]
    if len(slices) > 1:
        raise UsageError(f"--{slices[0]} and --{slices[1]} do not go together")
    if args.box is not None and args.space:
        raise UsageError("--box and --space do not go together")
    if args.at is not None and args.axes is None:
        raise UsageError("--at says where --axes holds the other inputs; give --axes")
    n = network.input_dim
    if args.segment is not None:
        if args.box is not None or args.space:
            raise UsageError("--segment is from P to Q: --box and --space do not go with it")
        return _segment(args.segment, n)
    if args.slice is not None:
        return _through(args, n)
    whole = whole_domain(args, network)
    if args.axes is not None:
        return _along_axes(args, n, whole)
    if whole is None:
        raise DomainError(
            f"the file gives no input box; say where to look, for instance --box=-1,1 or "
            f"--space (the network takes {n} inputs)"
        )
    return whole


def whole_domain(args: argparse.Namespace, network: Network) -> Domain | None:
    """By --box or --space, or the file's input box; None if there is none of these."""
    from ..domain import Space

    if args.space:
        return Space(network.input_dim)
    return network.input_box if args.box is None else _box(args.box, network.input_dim)


def _box(text: str, n: int) -> Box:
    from ..domain import Box

    if ":" not in text:
        low, high = numbers("--box", text, (2,))
        return Box(low, high, dim=n)
    sides = [numbers("each side of --box", s.replace(":", ","), (2,)) for s in text.split(",")]
    if len(sides) != n:
        raise UsageError(
            f"--box must have {n} sides LO:HI, as the network has {n} inputs, not {len(sides)}"
        )
    return Box([s[0] for s in sides], [s[1] for s in sides])


def _along_axes(args: argparse.Namespace, n: int, whole: Domain | None) -> Slice:
    import numpy as np

    from ..domain import Box, Slice

    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", args.axes):
        raise UsageError(f"--axes must be input numbers separated by commas, not {args.axes!r}")
    axes = [int(v) for v in args.axes.split(",")]
    if len(set(axes)) != len(axes) or max(axes) >= n:
        raise UsageError(f"--axes must be different numbers from 0 to {n - 1}, not {args.axes}")
    if whole is None:
        raise DomainError("--axes needs a box to vary in: the file gives none; add --box=-1,1")
    box = whole if isinstance(whole, Box) else None
    if args.at is not None:
        origin = point_of("--at", args.at, n)
    else:
        origin = np.zeros(n) if box is None else (box.low + box.high) / 2
    origin[axes] = 0.0
    part = None if box is None else Box(box.low[axes], box.high[axes])
    units = np.zeros((len(axes), n))
    units[np.arange(len(axes)), axes] = 1.0
    return Slice(origin, units, part)


def start_of(args: argparse.Namespace, dim: int) -> Array | None:
    """The point to explore from, in the domain's coordinates."""
    if getattr(args, "start", None) is None:
        return None
    if args.count:
        raise UsageError("--start and --count do not go together: exploring stores the regions")
    return point_of("--start", args.start, dim)


def point_of(name: str, text: str, n: int) -> Array:
    """From one number for all coordinates, n numbers, or a file that holds n."""
    import numpy as np

    if _is_file(text):
        values = _read_points(Path(text)).ravel()
        if len(values) != n:
            raise UsageError(f"{text} must hold {n} numbers, not {len(values)}")
        return values
    given = numbers(name, text, (1, n))
    return np.full(n, given[0]) if len(given) == 1 else np.array(given)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a path: then it is numbers
        return False


def _segment(text: str, n: int) -> Slice:
    from ..domain import segment

    ends = text.split(":")
    if len(ends) != 2:
        raise UsageError(f"--segment must be P:Q, two points, not {text!r}")
    return segment(*(point_of("each end of --segment", end, n) for end in ends))


def _through(args: argparse.Namespace, n: int) -> Slice:
    from ..domain import Slice, Space, segment

    points = _read_points(args.slice)
    if points.ndim != 2 or points.shape[1] != n or len(points) < 2:
        raise UsageError(
            f"{args.slice} must hold at least 2 points of {n} numbers, not shape {points.shape}"
        )
    if args.space:
        return Slice.through(*points, domain=Space(len(points) - 1))
    if args.box is not None:
        return Slice.through(*points, within=_box(args.box, n))
    return segment(*points) if len(points) == 2 else Slice.through(*points)


def _load_npy(path: Path) -> Array:
    from ..io._archive import read_header, read_numbers

    with path.open("rb") as stream:
        header = read_header(str(path), stream, path.stat().st_size)
        return read_numbers(stream, header)


def _read_points(path: Path) -> Array:
    import numpy as np

    from ..io._archive import BROKEN
    from ..network import finite_array

    if not path.exists():
        raise no_such_file(path)
    try:
        if path.suffix.lower() == ".npy":
            return finite_array("its numbers", _load_npy(path), ndim=2)
        text = path.read_text()
        if not text.strip():
            raise ValueError("it is empty")
        return np.loadtxt(path, delimiter="," if "," in text else None, ndmin=2)
    except (*BROKEN, SyntaxError, KeyError) as error:
        raise UsageError(f"{path} must hold rows of numbers ({error})") from None
