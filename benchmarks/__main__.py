"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .process import ONE_THREAD

os.environ.update(ONE_THREAD)  # before numpy is imported

SUBJECTS = (
    "speed",
    "peers",
    "growth",
    "memory",
    "degenerate",
    "dimensions",
    "injectivity",
    "boundary",
    "folding",
    "similarity",
    "separability",
    "recovery_graph",
    "recovery",
    "sampling",
    "scaling",
)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Benchmarks of polyrelu, as tables; docs/benchmark.md says what is measured.",
    )
    made.add_argument(
        "subject", nargs="*", metavar="SUBJECT", help=f"{', '.join(SUBJECTS)}; default: all"
    )
    made.add_argument("--quick", action="store_true", help="few and small cases: does it run?")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the tables there too")
    made.add_argument(
        "--nets",
        type=Path,
        metavar="FOLDER",
        help="speed, scaling: also network files under this folder",
    )
    made.add_argument(
        "--pattern", default="HCAS*.nnet", help="speed: which files (default: %(default)s)"
    )
    made.add_argument(
        "--peer-python",
        default=sys.executable,
        metavar="PYTHON",
        help="the interpreter that has the other tools (default: this one)",
    )
    made.add_argument(
        "--time-limit",
        type=float,
        default=20.0,
        metavar="SECONDS",
        help="wall time for a tool on one network, imports included (default: %(default)g)",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser()
    options = made.parse_args(arguments)
    unknown = set(options.subject) - set(SUBJECTS)
    if unknown:
        made.error(f"SUBJECT must be among {', '.join(SUBJECTS)}, not {sorted(unknown)[0]}")
    if options.nets is not None and not options.nets.is_dir():
        made.error("--nets must be a folder")

    from . import (
        boundary,
        degenerate,
        dimensions,
        folding,
        growth,
        injectivity,
        machine,
        memory,
        peers,
        recovery,
        recovery_graph,
        sampling,
        scaling,
        separability,
        similarity,
        speed,
    )
    from .tools import Peers

    others = Peers(options.peer_python, options.time_limit)
    run = {
        "speed": lambda: speed.run(options.quick, options.nets, options.pattern),
        "peers": lambda: peers.run(options.quick, others),
        "growth": lambda: growth.run(options.quick),
        "memory": lambda: memory.run(options.quick),
        "degenerate": lambda: degenerate.run(options.quick, others),
        "dimensions": lambda: dimensions.run(options.quick),
        "injectivity": lambda: injectivity.run(options.quick),
        "boundary": lambda: boundary.run(options.quick),
        "folding": lambda: folding.run(options.quick),
        "similarity": lambda: similarity.run(options.quick),
        "separability": lambda: separability.run(options.quick),
        "recovery_graph": lambda: recovery_graph.run(options.quick),
        "recovery": lambda: recovery.run(options.quick),
        "sampling": lambda: sampling.run(options.quick),
        "scaling": lambda: scaling.run(options.quick, options.nets),
    }
    known = machine.facts() | {"quick": options.quick, "time_limit": options.time_limit}
    print(machine.header(known) + "\n")
    results: dict[str, list[dict[str, Any]]] = {}

    def write(complete: bool) -> None:
        if options.json is not None:
            found = {"machine": known, "complete": complete, "results": results}
            options.json.write_text(json.dumps(found, indent=1) + "\n")

    for subject in options.subject or SUBJECTS:
        results[subject] = []
        for table in run[subject]():
            table.show()
            results[subject].append(asdict(table))
            write(complete=False)  # after each table: an interrupt keeps what there is
    write(complete=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
