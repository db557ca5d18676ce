"""The whole catalogue, to be evaluated: what needs many forward passes gets fewer than by default."""

from collections.abc import Mapping
from typing import Any

from ...registry import registry

CHEAPER: Mapping[str, Mapping[str, Any]] = {
    "integrated_gradients": {"steps": 16},
    "expected_gradients": {"samples": 16},
    "guided_integrated_gradients": {"steps": 16},
    "blur_integrated_gradients": {"steps": 16},
    "rise": {"samples": 500},
    "lime": {"samples": 300},
    "kernel_shap": {"samples": 300},
    "sobol": {"designs": 8},
    "hsic": {"samples": 500},
}


def catalogue(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Give every method, plugins' included, by its spelling; with some parameters changed, by the methods' names."""
    found = {}
    for entry in registry().catalogue.values():
        if entry.kind != "method":
            continue
        chosen = {**CHEAPER.get(entry.name, {}), **parameters.get(entry.name, {})}
        method = entry.value(**chosen) if chosen else entry.value
        found[repr(method)] = method
    return found
