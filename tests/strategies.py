"""Random explainers: compositions of the catalogue with parameters drawn from their declared types."""

from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types as at
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from xaikit.core import Array, Recipe
from xaikit.registry import registry


def entries(kind):
    """The built-in explainers of a kind, with one operand each in the case of transformers."""
    found = [entry.value for entry in registry().catalogue.values() if entry.origin == "xaikit" and entry.kind == kind]
    return [explainer for explainer in found if isinstance(explainer, Recipe)]


def metrics():
    """The built-in metrics, with few steps and samples."""
    found = [
        entry.value for entry in registry().catalogue.values() if entry.origin == "xaikit" and entry.kind == "metric"
    ]
    return [each(**{name: value for name, value in FEW.items() if name in each.parameters}) for each in found]


def explainers(max_leaves=4, calm=False):
    """Complete explainers, such as smooth(tta(gradcam), noise=0.3).

    Args:
        max_leaves: How deep they go, roughly.
        calm: Leave parameters at values under which a small model traces fast, and any layer is found.
    """
    # the sample model has no attention
    known = [each for each in entries("method") if not (calm and each.name.startswith("attention_"))]
    leaves = st.sampled_from(known)
    leaves = leaves.map(small) if calm else leaves.flatmap(with_parameters)
    return st.recursive(leaves, lambda inner: _around(inner, calm), max_leaves=max_leaves)


def _around(inner, calm):
    def composed(transformer):
        count = transformer.declaration.operands or 2
        operands = st.tuples(*[inner] * count)
        made = operands.map(lambda explainers: transformer(*explainers))
        return made.map(small) if calm else made.flatmap(with_parameters)

    # the scores of a redrawn model are its own
    known = [each for each in entries("transformer") if not calm or each.name != "randomized"]
    return st.sampled_from(known).flatmap(composed)


SMALL = {
    "repetitions": 2,
    "scales": (0.5,),
    "steps": 2,
    "samples": 2,
    "designs": 2,
    "segments": 4,
    "channels": 2,
}


FEW = {"steps": 2, "samples": 6, "shares": (0.2, 0.5), "step": 0.1}  # of metrics: two samples always correlate


def small(explainer):
    """Keep what costs little: two copies, one scale."""
    return explainer(**{name: value for name, value in SMALL.items() if name in explainer.parameters})


def with_parameters(explainer):
    """Change some of an explainer's parameters to legal values."""
    drawn = {name: values(item.type) for name, item in explainer.declaration.parameters.items()}
    return st.fixed_dictionaries({}, optional=drawn).map(lambda chosen: explainer(**chosen))


def values(kind: Any) -> st.SearchStrategy:
    """Legal values of a parameter's type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _bounded(arguments[0], _bounds(arguments[1:]))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if arguments:
        return st.one_of(*[values(argument) for argument in arguments if argument is not Array])
    plain = {
        bool: st.booleans(),
        int: st.integers(-(2**40), 2**40),
        float: st.floats(allow_nan=False, allow_infinity=False),
        str: st.text(max_size=12),
        type(None): st.none(),
    }
    return plain[kind]


def _bounds(extras):
    found = {}
    for extra in extras:
        for rule in extra.metadata if isinstance(extra, FieldInfo) else [extra]:
            if isinstance(rule, at.Ge | at.Gt):
                found["low"], found["open_low"] = (
                    getattr(rule, "ge", getattr(rule, "gt", None)),
                    isinstance(rule, at.Gt),
                )
            if isinstance(rule, at.Le | at.Lt):
                found["high"], found["open_high"] = (
                    getattr(rule, "le", getattr(rule, "lt", None)),
                    isinstance(rule, at.Lt),
                )
    return found


def _bounded(base, bounds):
    low, high = bounds.get("low"), bounds.get("high")
    if base is int:
        low = None if low is None else low + bounds["open_low"]
        high = 2**40 if high is None else min(high - bounds["open_high"], 2**40)
        return st.integers(low, high)
    return st.floats(
        low,
        high,
        exclude_min=bool(bounds.get("open_low")),
        exclude_max=bool(bounds.get("open_high")),
        allow_nan=False,
        allow_infinity=False,
    )
