"""Answers that are printed, and drawn if they are to be saved."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .output import CODES, described, print_json, say
from .reading import network_in
from .searching import limits_of, with_progress
from .targets import check_target

if TYPE_CHECKING:
    from ..wording import Wording

PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Shown:
    """An answer, written and ready to be drawn: ``draw(ax)``."""

    wording: Wording
    draw: Callable[[Any], Any]


def plot() -> Any:
    """The pictures, which need matplotlib."""
    from .. import plot as pictures

    return pictures


def draw_answer(args: argparse.Namespace, answer: Callable[..., Any], asked: dict[str, Any]) -> int:
    """An answer that is printed, and drawn if it is to be saved."""
    from ..io._extras import require

    if args.save is not None:
        check_target(Path(args.save), PICTURES)
        require("matplotlib", "plot")
    network = network_in(args)
    task = partial(answer, args, network, limits_of(args))
    shown = with_progress(args, task)
    if args.save is not None:
        _save_picture(shown, Path(args.save))
    saved = {} if args.save is None else {"saved": args.save}
    if args.json:
        asked |= {"file": str(args.file), "network": described(network)}
        print_json(asked | shown.wording.json | saved)
    else:
        say(args, *shown.wording.lines, *(f"saved: {path}" for path in saved.values()))
    return CODES[shown.wording.outcome]


def _save_picture(shown: Shown, path: Path) -> None:
    """The answer, drawn."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    shown.draw(figure.subplots())
    figure.savefig(path, dpi=150)
