"""The command ``polyrelu``. Data on stdout, all else on stderr; docs/cli.md describes it."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
import traceback
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli_options import parser, with_signed_values
from .cli_where import UsageError, domain_of, numbers, point_of, start_of
from .errors import DomainError, IncompleteError, PolyreluError
from .suggestion import no_such_file

if TYPE_CHECKING:
    from .graph import RegionGraph
    from .limits import Limits
    from .network import Network
    from .store.store import RegionStore

CHECKED_PAIRS = 200  # of regions, by query --check
LARGEST_COORDINATE = 1e300  # matplotlib overflows beyond
DONE, REFUTED, USAGE, LIMIT = 0, 1, 2, 3


# --- files, progress, results ------------------------------------------------------------------


def _is_graph(path: Path) -> bool:
    if path.suffix.lower() != ".npz":
        return False
    if not path.exists():
        raise no_such_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return "header.npy" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _limits(args: argparse.Namespace) -> Limits:
    from .limits import Limits

    return Limits(args.limit_regions, args.limit_seconds, args.limit_memory)


def _with_progress(
    args: argparse.Namespace, task: Callable[..., Any], counted: str = "regions"
) -> Any:
    """``task(progress=...)``, shown on stderr if that is a terminal."""
    from .progress import Meter, on_terminal

    if args.quiet or not on_terminal():
        return task(progress=False)
    meter = Meter(counted)
    try:
        return task(progress=meter)
    finally:
        meter.close()


def _enumerate(args: argparse.Namespace, network: Network, enumerator: Callable[..., Any]) -> Any:
    """``regions`` or ``count_regions`` of what the options say."""
    where = domain_of(args, network)
    if args.command == "plot":
        _check_drawable(args.save, where.dim)
    task = partial(enumerator, network, where, limits=_limits(args))
    start = start_of(args, where.dim)
    found = _with_progress(args, task if start is None else partial(task, start=start))
    kept = found.count if hasattr(found, "count") else len(found)
    if found.stopped_by == "interrupt" and not kept:
        raise KeyboardInterrupt
    return found


def _graph_of(args: argparse.Namespace) -> RegionGraph:
    """The graph in the file, or that of the network in it, in memory."""
    found = _regions_in(args)
    return found.to_graph() if hasattr(found, "to_graph") else found


def _regions_in(args: argparse.Namespace) -> RegionGraph | RegionStore:
    """The graph in the file, or that of the network in it; or the store, if it is a directory."""
    if args.file.is_dir() or _is_graph(args.file):
        for option in ("box", "axes", "at", "slice", "segment"):
            if getattr(args, option) is not None:
                raise UsageError(f"--{option} is for a network; {args.file} holds regions")
        if args.space or _limits(args) != type(_limits(args))():
            raise UsageError(f"--space and limits are for a network; {args.file} holds regions")
        from .io import load_graph
        from .store.store import open_store

        return open_store(args.file) if args.file.is_dir() else load_graph(args.file)
    from .enumeration import regions
    from .io import load_network

    graph: RegionGraph = _enumerate(args, load_network(args.file), regions)
    return graph


def _say(args: argparse.Namespace, *lines: str) -> None:
    """Text for people: on stdout, or on stderr if stdout is for JSON."""
    stream = sys.stderr if args.json else sys.stdout
    if stream is not None and not getattr(args, "quiet", False):
        print(*lines, sep="\n", file=stream)


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def _describe(network: Network) -> dict[str, Any]:
    box = network.input_box
    return {
        "widths": list(network.widths),
        "thresholds": len(network.thresholds),
        "hash": network.hash,
        "input_box": None if box is None else [box.low.tolist(), box.high.tolist()],
        "notes": list(network.notes),
    }


def _state(complete: bool, stopped_by: str | None) -> str:
    reason = "Ctrl-C" if stopped_by == "interrupt" else f"the limit on {stopped_by}"
    return "all of them" if complete else f"INCOMPLETE: stopped by {reason}"


# --- commands ----------------------------------------------------------------------------------


def _info(args: argparse.Namespace) -> int:
    if _is_graph(args.file):
        raise UsageError(f"{args.file} holds regions, not a network; see polyrelu verify, plot")
    if args.file.is_dir():
        return _info_of_store(args)
    from .describe import layer_rows
    from .io import load_network

    network = load_network(args.file)
    data = _describe(network) | {"layers": layer_rows(network)}
    if args.json:
        _print_json({"command": "info", "file": str(args.file), **data})
        return DONE
    print(
        f"{args.file}: {network.input_dim} inputs, {network.output_dim} outputs, "
        f"{len(network.thresholds)} thresholds"
    )
    for k, layer in enumerate(data["layers"]):
        print(f"  layer {k}: {layer['inputs']} -> {layer['outputs']}  {layer['units']}")
    print(f"  input box: {network.input_box or 'none in the file'}")
    for note in network.notes:
        print(f"  note: {note}")
    print(f"  sha256: {network.hash}")
    return DONE


def _info_of_store(args: argparse.Namespace) -> int:
    from .store.store import open_store

    store = open_store(args.file)
    data = store.statistics()
    if args.json:
        asked = {"command": "info", "file": str(args.file), "network": _describe(store.network)}
        _print_json(asked | {"domain": repr(store.domain)} | data)
        return DONE
    state = _state(store.complete, store.stopped_by)
    print(
        f"{args.file}: {len(store):,} regions ({state}) in {store.n_parts} parts",
        *_counted(data),
        f"  network: {store.network.input_dim} inputs, {store.network.output_dim} outputs, "
        f"{len(store.network.thresholds)} thresholds, sha256 {store.network.hash}",
        f"  domain: {store.domain!r}",
        sep="\n",
    )
    return DONE


def _regions(args: argparse.Namespace) -> int:
    from .io import load_network

    _check_kept(args)
    if args.save is not None:
        _check_target(args.save, (".npz",))
        _check_apart(args)
    network = load_network(args.file)
    began = time.perf_counter()
    found = _enumerate(args, network, _enumerator(args))
    seconds = time.perf_counter() - began
    if args.count:
        data = {
            "regions": found.count,
            "complete": found.complete,
            "stopped_by": found.stopped_by,
            **found.stats,
        }
    else:
        data = found.statistics()
    if args.save is not None:
        found.save(args.save)
    if args.json:
        _print_json(
            {
                "command": "regions",
                "file": str(args.file),
                "saved": _kept(args),
                "network": _describe(network),
                **_asked(args, network),
                **data,
                "total_seconds": seconds,
            }
        )
    elif args.quiet:
        print(data["regions"])
        if not found.complete:
            state = _state(found.complete, found.stopped_by)
            _complain(state)
    else:
        print(*_summary(data, seconds), sep="\n")
        if _kept(args) is not None:
            print(f"saved: {_kept(args)}")
    return DONE if found.complete else LIMIT


def _enumerator(args: argparse.Namespace) -> Callable[..., Any]:
    """What to call with a network, a domain, limits and progress."""
    from .enumeration import count_regions, regions

    if args.count:
        return partial(count_regions, workers=args.workers, checkpoint=args.checkpoint)
    if args.store is None:
        return partial(regions, workers=args.workers)
    from .storing import store_regions

    def store(network: Network, domain: Any, **options: Any) -> RegionStore:
        return store_regions(network, domain, args.store, workers=args.workers, **options)

    return store


def _check_kept(args: argparse.Namespace) -> None:
    """Refuse options about what is kept that contradict each other."""
    if args.count and (args.save is not None or args.store is not None):
        option = "--save" if args.save is not None else "--store"
        raise UsageError(f"--count stores nothing; leave out {option}, or --count")
    if args.checkpoint is not None and not args.count:
        raise UsageError("--checkpoint is for --count; --store survives without it")
    if args.store is not None and (args.save is not None or args.start is not None):
        option = "--save" if args.save is not None else "--start"
        raise UsageError(f"--store and {option} do not go together; leave out one of them")
    if args.checkpoint is not None and args.start is not None:
        raise UsageError("--checkpoint and --start do not go together; leave out one of them")


def _kept(args: argparse.Namespace) -> str | None:
    """Where the graph is kept."""
    where = args.save or args.store
    return None if where is None else str(where)


def _asked(args: argparse.Namespace, network: Network) -> dict[str, Any]:
    """Where and within which limits it looked."""
    where = domain_of(args, network)
    asked = {"domain": repr(where), "limits": asdict(_limits(args))}
    return asked | ({} if args.start is None else {"start": args.start})


def _summary(data: dict[str, Any], seconds: float) -> list[str]:
    state = _state(data["complete"], data["stopped_by"])
    lines = [f"{data['regions']:,} regions ({state}) in {seconds:.2f} s"]
    if "walls" in data:
        lines += _counted(data)
    lines.append(f"  signs that needed rational arithmetic: {data['rational_signs']:,}")
    return lines


def _counted(data: dict[str, Any]) -> list[str]:
    lines = [
        f"  {data['walls']:,} walls between them, {data['domain_facets']:,} facets on the "
        f"boundary of the domain",
        f"  neighbours: {data['average_degree']:.2f} on average, from "
        f"{data['least_degree']} to {data['greatest_degree']}",
        f"  unbounded regions: {data['unbounded_regions']:,}",
    ]
    if data["unexplored_facets"]:
        lines.append(f"  facets behind which nobody looked: {data['unexplored_facets']:,}")
    return lines


def _verify(args: argparse.Namespace) -> int:
    graph = _regions_in(args)
    sample = {} if args.sample is None else {"sample": args.sample}
    task = partial(graph.verify, args.level, seed=args.seed, **sample)
    report = _with_progress(args, task)
    if args.json:
        found = {"complete": graph.complete, "stopped_by": graph.stopped_by, "ok": report.ok}
        _print_json({"command": "verify", "file": str(args.file), **found, **asdict(report)})
    else:
        _say(
            args,
            f"{len(graph):,} regions ({_state(graph.complete, graph.stopped_by)})",
            str(report),
        )
    if not report.ok:
        return REFUTED
    return DONE if graph.complete else LIMIT


def _plot(args: argparse.Namespace) -> int:
    from .io._extras import require

    require("matplotlib", "plot")
    _check_target(args.save, (".png", ".pdf", ".svg", ".html"))
    window = None if args.window is None else numbers("--window", args.window, (2, 4))
    if window is not None and not all(abs(v) <= LARGEST_COORDINATE for v in window):
        raise UsageError(f"--window must be numbers up to {LARGEST_COORDINATE:g} in size")
    graph = _graph_of(args)
    _check_drawable(args.save, graph.dim)
    if graph.dim == 3:
        _draw_solids(args, graph, window)
    else:
        _draw(args, graph, window)
    if args.json:
        _print_json(
            {
                "command": "plot",
                "file": str(args.file),
                "saved": str(args.save),
                **graph.statistics(),
            }
        )
    else:
        state = _state(graph.complete, graph.stopped_by)
        _say(args, f"{len(graph):,} regions ({state})", f"picture: {args.save}")
    return DONE if graph.complete else LIMIT


def _check_drawable(path: Path, dim: int) -> None:
    if dim not in (1, 2, 3):
        raise DomainError(
            f"a picture needs a line, a plane or space, not {dim} coordinates: cut the network by "
            f"--axes=0,1, --slice or --segment"
        )
    if path.suffix.lower() == ".html" and dim != 3:
        raise UsageError(
            f"an .html page is of three coordinates, not {dim}: use .png, .pdf or .svg"
        )


def _draw_solids(args: argparse.Namespace, graph: RegionGraph, window: list[float] | None) -> None:
    """The regions of space as solids: a picture, or a page to turn them in."""
    if window is not None or args.no_walls:
        raise UsageError("--window and --no-walls are for a plane or a line")
    if args.save.suffix.lower() == ".html":
        from .viewer import save_html

        save_html(graph, args.save, title=args.file.name)
        return
    from .io._extras import require
    from .plot import plot_solids

    require("matplotlib", "plot").use("Agg")
    ax = plot_solids(graph, color=args.color, output=args.output)
    ax.figure.savefig(args.save, dpi=args.dpi)


def _draw(args: argparse.Namespace, graph: RegionGraph, window: list[float] | None) -> None:
    from matplotlib.figure import Figure

    from .plot import plot_line, plot_regions
    from .plot.axes import fit_figure

    if window is not None and len(window) != 2 * graph.dim:
        raise UsageError(f"--window must have {2 * graph.dim} numbers, not {len(window)}")
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    ax = figure.subplots()
    if graph.dim == 1:
        line = None if window is None else (window[0], window[1])
        plot_line(
            graph,
            window=line,
            outputs=None if args.output is None else [args.output],
            walls=not args.no_walls,
            ax=ax,
        )
    else:
        plane = None if window is None else (window[0], window[1], window[2], window[3])
        plot_regions(
            graph,
            color=args.color,
            output=args.output,
            walls=not args.no_walls,
            window=plane,
            ax=ax,
        )
        fit_figure(ax)
    figure.savefig(args.save, dpi=args.dpi)


def _check_target(path: Path, suffixes: tuple[str, ...]) -> None:
    """Before the work, not after it."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"-o (--save) must end in {' or '.join(suffixes)}, not {str(path)!r}")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"--save: there is no folder {str(folder)!r}")
    if path.is_dir():
        raise UsageError(f"--save must be a file, but {str(path)!r} is a folder")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"--save: {str(path)!r} cannot be written")


def _check_apart(args: argparse.Namespace) -> None:
    if args.save.exists() and args.file.exists() and args.save.samefile(args.file):
        raise UsageError(f"--save would replace the network in {str(args.save)!r}")


def _conformance(args: argparse.Namespace) -> int:
    from .conformance import Outcome, export, instances, run

    if args.export is not None:
        count = export(args.export, args.quick)
        _say(args, f"{count} instances written to {args.export}")
        return DONE
    if not args.json:
        _say(args, Outcome.HEADER)
    outcomes = []
    for instance in instances(args.quick):
        outcomes.append(run(instance))
        if not args.json:
            _say(args, str(outcomes[-1]))
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    _say(args, f"{len(outcomes) - wrong} of {len(outcomes)} conform")
    if args.json:
        _print_json({"command": "conformance", "instances": [o.to_json() for o in outcomes]})
    return REFUTED if wrong else DONE


def _theorems(args: argparse.Namespace) -> int:
    from .cli_theorems import (
        HEADER,
        as_json,
        check_targets,
        chosen_claims,
        described,
        line,
        written,
    )
    from .progress import Meter, on_terminal
    from .theorems import Report, Verdict, reports
    from .theorems.page import summary

    args.json = args.json_file == "-"
    check_targets(args)
    chosen = chosen_claims(args)
    if args.list:
        _say(args, *(text for claim in chosen for text in described(claim)), *written(args, chosen))
        if args.json:
            print(as_json(chosen))
        return DONE
    meter = Meter("instances") if not args.quiet and on_terminal() else None
    found: list[Report] = []
    _say(args, HEADER)
    for report in reports(chosen, seed=args.seed, size=args.size, limits=_limits(args),
                          progress=meter or False):  # fmt: skip
        found.append(report)
        _say(args, *line(report))
    _say(args, summary(found), *written(args, found))
    if args.json:
        print(as_json(found))
    if not all(report.expected for report in found):
        return REFUTED
    unknown = len(found) < len(chosen) or any(r.verdict is Verdict.UNKNOWN for r in found)
    return LIMIT if unknown else DONE


def _query(args: argparse.Namespace) -> int:
    from .cli_data import QUESTIONS as ABOUT_DATA
    from .cli_query import MESHES, ONLY_FOR, PICTURES, WITH_NORM, ask, save_boundary
    from .cli_report import report
    from .io import load_network

    if args.check and args.question != "injective":
        raise UsageError("--check is for proofs of `query injective`")
    if (args.point is not None) != (args.question == "radius"):
        raise UsageError("`query radius` needs --point=X, and nothing else takes it")
    if args.norm is not None and args.question not in WITH_NORM:
        raise UsageError(f"--norm is for `query {'` and `query '.join(WITH_NORM)}`")
    for option, question in ONLY_FOR.items():
        if getattr(args, option) is not None and args.question != question:
            raise UsageError(f"--{option} is for `query {question}`")
    if args.question in ABOUT_DATA:
        return _query_data(args)
    if args.data is not None:
        raise UsageError(f"--data is for `query {'` and `query '.join(ABOUT_DATA)}`")
    if args.save is not None:
        if args.question != "boundary":
            raise UsageError("-o (--save) is for `query boundary` and questions about --data")
        _check_target(Path(args.save), (*PICTURES, *MESHES))
    network = load_network(args.file)
    where = domain_of(args, network)
    if args.save is not None:
        dims = (2, 3) if args.save.lower().endswith(PICTURES) else (3,)
        if where.dim not in dims:
            raise UsageError(
                f"{args.save} needs {' or '.join(map(str, dims))} inputs, not {where.dim}"
            )
    point = None if args.point is None else point_of("--point", args.point, where.dim)
    task = partial(ask, args.question, network, where, _limits(args), point, args.norm)
    found = _with_progress(args, task)
    shown = report(found)
    checked = _checked(found) if args.check else {}
    saved = {} if args.save is None else {"saved": args.save}
    if args.json:
        asked = {"command": "query", "question": args.question, "file": str(args.file),
                 "network": _describe(network), "domain": repr(where)}  # fmt: skip
        _print_json(asked | shown.json | checked | saved)
    else:
        _say(args, *shown.lines)
        if checked:
            _say(args, f"  checked again: {checked['checked']:,} {checked['of']}")
    if saved:
        save_boundary(found, args.save)
        if not args.json:
            _say(args, f"saved: {args.save}")
    return {"done": DONE, "refuted": REFUTED, "limit": LIMIT}[shown.outcome]


def _query_data(args: argparse.Namespace) -> int:
    from .cli_data import answer

    return _drawn(args, answer, {"command": "query", "question": args.question, "data": args.data})


def _compare(args: argparse.Namespace) -> int:
    from .cli_compare import comparison

    asked = {"command": "compare", "budget": args.budget, "seed": args.seed, "data": args.data}
    return _drawn(args, comparison, asked)


def _drawn(args: argparse.Namespace, answer: Callable[..., Any], asked: dict[str, Any]) -> int:
    """An answer that is printed, and drawn if it is to be saved."""
    from .cli_data import save_picture
    from .cli_query import PICTURES
    from .io import load_network
    from .io._extras import require

    if args.save is not None:
        _check_target(Path(args.save), PICTURES)
        require("matplotlib", "plot")
    network = load_network(args.file)
    task = partial(answer, args, network, _limits(args))
    shown = _with_progress(args, task)
    if args.save is not None:
        save_picture(shown, Path(args.save))
    saved = {} if args.save is None else {"saved": args.save}
    if args.json:
        asked |= {"file": str(args.file), "network": _describe(network)}
        _print_json(asked | shown.report.json | saved)
    else:
        _say(args, *shown.report.lines, *(f"saved: {path}" for path in saved.values()))
    return {"done": DONE, "refuted": REFUTED, "limit": LIMIT}[shown.report.outcome]


def _checked(answer: Any) -> dict[str, Any]:
    """What independent code says of a proof of injectivity; a refutation was checked when made."""
    from .queries.network_injectivity import GraphCertificate
    from .verify.injectivity import check_injectivity

    if not answer.proved:
        return {}
    checked = check_injectivity(answer, sample=CHECKED_PAIRS)
    if not isinstance(answer.certificate, GraphCertificate):
        return {"checked": checked, "of": "nodes, all of them"}
    n = len(answer.certificate)
    return {"checked": checked, "of": f"of {n * (n - 1) // 2:,} pairs of regions"}


def _recover(args: argparse.Namespace) -> int:
    from .cli_recover import recovered
    from .io import load_network, save_network

    if args.save is not None:
        _check_target(args.save, (".npz",))
        _check_apart(args)
    network = load_network(args.file)
    shown, found = _with_progress(args, partial(recovered, args, network), "queries")
    saved = args.save is not None and found.network is not None
    if saved:
        save_network(found.network, args.save)
    if args.json:
        asked = {"command": "recover", "file": str(args.file), "network": _describe(network)}
        _print_json(asked | shown.json | {"saved": str(args.save) if saved else None})
    else:
        _say(args, *shown.lines, *([f"saved: {args.save}"] if saved else []))
    if args.save is not None and not saved:
        _complain(f"nothing saved in {args.save}: there is no network yet")
    return DONE if shown.outcome == "done" else LIMIT


def _report(args: argparse.Namespace) -> int:
    import shlex

    from .io import load_network
    from .reporting import report

    _check_target(args.save, (".html",))
    network = load_network(args.file)
    axes = None if args.plane is None else numbers("--plane", args.plane, (2,))
    if axes is not None and not all(v.is_integer() for v in axes):
        raise UsageError(f"--plane must be two input numbers, not {args.plane!r}")
    task = partial(
        report, network, domain_of(args, network), args.save, seconds=args.seconds, seed=args.seed,
        limits=_limits(args), plane=None if axes is None else (int(axes[0]), int(axes[1])),
        title=args.title, command=shlex.join(["polyrelu", *args.typed]),
    )  # fmt: skip
    found = _with_progress(args, task)
    if args.json:
        _print_json({"command": "report", "file": str(args.file), "saved": str(args.save),
                     **found.summary()})  # fmt: skip
    else:
        _say(args, *found.lines(), f"report: {args.save}")
    return DONE if found.complete else LIMIT


COMMANDS = {
    "info": _info,
    "regions": _regions,
    "report": _report,
    "verify": _verify,
    "plot": _plot,
    "query": _query,
    "compare": _compare,
    "recover": _recover,
    "conformance": _conformance,
    "theorems": _theorems,
}


# --- entry -------------------------------------------------------------------------------------


def _complain(text: str) -> None:
    """On stderr, if somebody listens there: the exit code must be right all the same."""
    if sys.stderr is not None:  # print would take None for stdout
        with suppress(OSError, ValueError):
            print(f"polyrelu: {text}", file=sys.stderr)
            sys.stderr.flush()


def _encode_anything() -> None:
    """A file name may hold what the terminal's encoding does not."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv``; the exit code: 0 done, 1 refuted, 2 usage, 3 limit."""
    _encode_anything()
    try:
        typed = sys.argv[1:] if argv is None else argv
        args = parser().parse_args(with_signed_values(typed))
        args.typed = typed
        code: int = COMMANDS[args.command](args)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse has written its message
        return stop.code if isinstance(stop.code, int) else USAGE
    except BrokenPipeError:  # the reader has gone: `polyrelu ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except IncompleteError as error:
        _complain(str(error))
        return LIMIT
    except (PolyreluError, OSError) as error:
        _complain(str(error))
        return USAGE
    except KeyboardInterrupt:
        _complain("interrupted, nothing was kept")
        return 130
    except Exception:  # a bug of ours: its code must not be taken for "refuted"
        with suppress(OSError, ValueError, AttributeError):
            traceback.print_exc()
        return 70
