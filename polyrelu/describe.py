"""What a network consists of, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .network import Network


def layer_rows(network: Network) -> list[dict[str, Any]]:
    """For each layer its "inputs", "outputs" and "units"."""
    described = []
    for layer in network.layers:
        names = [_unit_name(unit) for unit in layer.units]
        counts = {name: names.count(name) for name in dict.fromkeys(names)}
        units = (
            next(iter(counts))
            if len(counts) == 1
            else ", ".join(f"{count} {name}" for name, count in counts.items())
        )
        described.append(
            {"inputs": layer.in_features, "outputs": layer.out_features, "units": units}
        )
    return described


def _unit_name(unit: Any) -> str:
    if unit.is_identity:
        return "identity"
    slopes, breaks = map(float, unit.slopes), map(float, unit.breakpoints)
    found = f"slopes {', '.join(f'{v:g}' for v in slopes)}"
    found += f" at {', '.join(f'{v:g}' for v in breaks)}" if unit.breakpoints else ""
    return {"slopes 0, 1 at 0": "ReLU", "slopes -1, 1 at 0": "abs"}.get(found, found)
