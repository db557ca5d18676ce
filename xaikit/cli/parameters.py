"""-p NAME=VALUE and --layer: parameters of an expression, given beside it."""

import ast
from collections.abc import Sequence
from typing import Any

from ..core import Recipe
from ..errors import UsageError


def with_parameters(explainer: Any, given: Sequence[str]) -> Any:
    """Set parameters at the one level of an expression that has them.

    Raises:
        UsageError: Not NAME=VALUE; no level has the parameter, or several have.
        ParameterError: The value is refused.
    """
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"-p takes NAME=VALUE, not {text!r}.")
        owners = [level.name for level in _levels(explainer) if name in level.parameters]
        if len(owners) > 1:
            raise UsageError(f"{' and '.join(owners)} have a parameter {name!r}: write it in the expression.")
        if not owners:
            known = sorted({known for level in _levels(explainer) for known in level.parameters})
            raise UsageError(f"{explainer!r} has no parameter {name!r}; it has: {', '.join(known) or 'none'}.")
        explainer = _set(explainer, name, _value(value))
    return explainer


def with_layer(explainer: Any, layer: str) -> Any:
    """Set the layer at every level of an expression that reads one.

    Raises:
        UsageError: None does.
    """
    if not layer:
        return explainer
    if not any("layer" in level.parameters for level in _levels(explainer)):
        raise UsageError(f"{explainer!r} reads no layer: leave --layer out.")
    return _set(explainer, "layer", layer)


def _levels(explainer: Any) -> list[Recipe[Any]]:
    if not isinstance(explainer, Recipe):
        return []
    return [explainer, *(level for operand in explainer.explainers for level in _levels(operand))]


def _set(explainer: Any, name: str, value: Any) -> Any:
    if not isinstance(explainer, Recipe):
        return explainer
    operands = tuple(_set(operand, name, value) for operand in explainer.explainers)
    changed: Recipe[Any] = Recipe(explainer.declaration, explainer.values, operands)
    return changed(**{name: value}) if name in explainer.parameters else changed


def _value(text: str) -> Any:
    """Read a value as in an expression; what is no literal is a text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text
