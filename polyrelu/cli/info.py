"""``polyrelu info``: what is in a file."""

from __future__ import annotations

import argparse

from .output import DONE, counted_lines, described, print_json, show, state_of
from .reading import holds_regions, load_regions


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    return _of_regions(args) if holds_regions(args.file) else _of_network(args)


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


def _of_regions(args: argparse.Namespace) -> int:
    from ..store.store import RegionStore

    held = load_regions(args.file)
    data, where, network = held.statistics(), repr(held.slice or held.domain), held.network
    if args.json:
        asked = {"command": "info", "file": str(args.file), "network": described(network)}
        print_json(asked | {"domain": where} | data)
        return DONE
    show(
        f"{args.file}: {len(held):,} regions ({state_of(held.complete, held.stopped_by)})"
        + (_in_parts(held.n_parts) if isinstance(held, RegionStore) else ""),
        *counted_lines(data),
        f"  network{' on the slice' if held.slice else ''}: {network.input_dim} inputs, "
        f"{network.output_dim} outputs, {len(network.thresholds)} thresholds, "
        f"sha256 {network.hash}",
        f"  domain: {where}",
    )
    return DONE


def _in_parts(n: int) -> str:
    return " in one part" if n == 1 else f" in {n:,} parts"
