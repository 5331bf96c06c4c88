"""The commands of ``polyrelu``, and the parser of the whole command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import __version__
from . import compare, conformance, info, plot, query, recover, regions, report, theorems, verify
from .parser import SHELLS, Parser, PrintCompletion

_FILES = {
    "NET": "a network: .npz, .nnet or .onnx",
    "NET|GRAPH|STORE": "a network: .npz, .nnet or .onnx; regions that `polyrelu regions -o` wrote, "
    "or a store of them, a directory",
    "NET|GRAPH": "a network; for rank, oriented, surjective, range, lipschitz also regions that "
    "`polyrelu regions -o` wrote, or a store of them; for boundary also a store",
    "GRAPH|NET": "regions that `polyrelu regions -o` wrote, a store of them, or a network",
}

DESCRIPTION = """\
The exact linear regions of a ReLU network, and which of them touch.

NET is a network file (.npz, .nnet or .onnx); GRAPH is what `polyrelu regions -o` wrote.
"""
EXAMPLES = """\
examples:
  polyrelu info net.onnx                          what is in the file
  polyrelu regions net.onnx --box=-1,1            every region in the box [-1, 1]^n
  polyrelu regions net.onnx --space --count       how many in all of R^n, storing none
  polyrelu regions net.onnx --box=-1,1 -o g.npz   keep the regions and their graph
  polyrelu verify g.npz                           check them by independent code
  polyrelu plot net.onnx --axes=0,1 --box=-1,1    a picture of a plane of inputs
  polyrelu report net.onnx --box=-1,1             all of it on one page
  polyrelu query injective net.onnx --space       can it be inverted?
  polyrelu compare net.onnx --box=-1,1            what does sampling find of them?
  polyrelu recover net.onnx -o found.npz          from its outputs alone
  polyrelu conformance --quick                    known numbers against those found here
  polyrelu theorems                               claims of papers against networks

exit codes:
  0  done, proved, verified   2  wrong usage or input
  1  refuted, a check failed  3  a limit or Ctrl-C stopped it: the result is incomplete
"""
COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "info": info.run,
    "regions": regions.run,
    "report": report.run,
    "verify": verify.run,
    "plot": plot.run,
    "query": query.run,
    "compare": compare.run,
    "recover": recover.run,
    "conformance": conformance.run,
    "theorems": theorems.run,
}


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    made = Parser(
        prog="polyrelu",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"polyrelu {__version__}")
    made.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        metavar="SHELL",
        help="print a script that completes commands in bash, zsh or tcsh",
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str, file: str, first: Any = None) -> Any:
        one = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if first is not None:
            first(one)
        one.add_argument("file", metavar=file, type=Path, help=_FILES[file])
        one.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        return one

    command("info", "say what is in a file: a network, or regions", "NET|GRAPH|STORE")
    regions.add_options(command("regions", "enumerate every region", "NET"))
    text = "check regions, by code independent of the engine"
    verify.add_options(command("verify", text, "GRAPH|NET"))
    text = "draw the regions of a plane, of a line, or of space"
    plot.add_options(command("plot", text, "GRAPH|NET"))
    text = "answer a question about a network"
    query.add_options(command("query", text, "NET|GRAPH", query.add_question))
    compare.add_options(command("compare", "set methods of sampling beside all regions", "NET"))
    report.add_options(command("report", "write all of it on one page, in HTML", "NET"))
    recover.add_options(command("recover", "get a network back from its outputs alone", "NET"))
    conformance.add_conformance(commands)
    theorems.add_theorems(commands)
    return made
