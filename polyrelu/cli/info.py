"""``polyrelu info``: what is in a file."""

from __future__ import annotations

import argparse

from .output import DONE, counted_lines, described, print_json, show, state_of
from .reading import is_graph
from .where import UsageError


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    if is_graph(args.file):
        raise UsageError(f"{args.file} holds regions, no network; see polyrelu verify, plot, query")
    return _of_store(args) if args.file.is_dir() else _of_network(args)


def _of_network(args: argparse.Namespace) -> int:
    from ..describe import layer_rows
    from ..io import load_network

    network = load_network(args.file)
    data = described(network) | {"layers": layer_rows(network)}
    if args.json:
        print_json({"command": "info", "file": str(args.file), **data})
        return DONE
    show(
        f"{args.file}: {network.input_dim} inputs, {network.output_dim} outputs, "
        f"{len(network.thresholds)} thresholds",
        *(
            f"  layer {k}: {layer['inputs']} -> {layer['outputs']}  {layer['units']}"
            for k, layer in enumerate(data["layers"])
        ),
        f"  input box: {network.input_box or 'none in the file'}",
        *(f"  note: {note}" for note in network.notes),
        f"  sha256: {network.hash}",
    )
    return DONE


def _of_store(args: argparse.Namespace) -> int:
    from ..store.store import open_store

    store = open_store(args.file)
    data = store.statistics()
    if args.json:
        asked = {"command": "info", "file": str(args.file), "network": described(store.network)}
        print_json(asked | {"domain": repr(store.domain)} | data)
        return DONE
    state = state_of(store.complete, store.stopped_by)
    show(
        f"{args.file}: {len(store):,} regions ({state}) in {store.n_parts} parts",
        *counted_lines(data),
        f"  network: {store.network.input_dim} inputs, {store.network.output_dim} outputs, "
        f"{len(store.network.thresholds)} thresholds, sha256 {store.network.hash}",
        f"  domain: {store.domain!r}",
    )
    return DONE
