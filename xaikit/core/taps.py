"""Layers to read: by name, by path, or the last one with positions on the way to the scores."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ModelError, UnknownName
from .explanation import Tensor
from .lazy import tf
from .passes import Call, Pass, ancestors
from .tracing import note
from .view import Model, shape_text


@dataclass(frozen=True)
class Tap:
    """One side of one use of a layer.

    Attributes:
        path: "outer/inner".
        number: Which use of the layer, 1 for the first.
        side: Its "output", or its "input".
        uses: How many times the layer is used, so that the spelling says which one where there are several.
    """

    path: str
    number: int = 1
    side: Literal["output", "input"] = "output"
    uses: int = 1

    def tensor(self, made: Pass) -> Tensor:
        """Give the tensor that was read in a forward pass."""
        for call in made.calls:
            if (call.path, call.number) == (self.path, self.number):
                return call.outputs if self.side == "output" else call.inputs
        raise ModelError(f"Layer {self.path!r} was not called in this forward pass, but was in the first one.")

    def __str__(self) -> str:
        number = f"#{self.number}" if self.uses > 1 else ""
        return f"{self.path}{number}" + (":input" if self.side == "input" else "")


def layer(model: Model, name: str) -> Tap:
    """Find a layer by its name, `conv5`, or its path, `backbone/conv5`.

    A number takes one use of a layer that is called more than once, `conv5#1`; the last one is the default. The ending
    `:input` reads what goes into the layer instead of what comes out.

    Raises:
        UnknownName: The model has no such layer, or several of that name.
        ModelError: What was asked for is not one tensor.
    """
    text, side = (name.removesuffix(":input"), "input") if name.endswith(":input") else (name, "output")
    match = re.fullmatch(r"(.*?)(?:#(\d+))?", text)
    path, number = (match[1], match[2]) if match else (text, None)
    calls = [call for call in model.preview.calls if call.path == path or call.path.endswith(f"/{path}")]
    paths = sorted({call.path for call in calls})
    if path in paths:
        calls = [call for call in calls if call.path == path]
    elif len(paths) > 1:
        raise UnknownName("layer", name, paths, owner=model.name, hint="Several end so: give the whole path.")
    if number is not None:
        calls = [call for call in calls if call.number == int(number)]
    if not calls:
        raise UnknownName("layer", name, _spellings(model.preview.calls), owner=model.name, hint=_hidden(model.preview))
    tap = _tap(calls[-1], model.preview, "input" if side == "input" else "output")
    found = tap.tensor(model.preview)
    if not tf.is_tensor(found):
        raise ModelError(f"The {side} of layer {name!r} is not one tensor: choose another layer.")
    if found.graph is not model.preview.graph:
        raise ModelError(f"Layer {name!r} runs inside of a loop, once for each step: choose the layer around it.")
    return tap


def spatial_layer(model: Model, name: str = "") -> Tap:
    """Find the layer whose features a class activation map reads; the result's notes say which it is.

    Args:
        model: The view that `bind` received.
        name: A layer's name or path; by default the last one with positions on the way to the scores, where pooling,
            dropout, padding and the like, and maps of one position, do not count.

    Raises:
        UnknownName: The model has no such layer.
        ModelError: The layer, or every layer on the way to the scores, is without positions.
    """
    tap = layer(model, name) if name else _last_spatial(model)
    features = tap.tensor(model.preview)
    if not has_positions(features):
        raise ModelError(f"Layer {tap} gives {shape_text(features.shape)}, without positions: choose another layer.")
    _same_rank(model, tap, features)
    note("layer", str(tap))
    return tap


def spatial_layers(model: Model) -> list[Tap]:
    """List the layers with positions on the way to the scores, the last first, in the order of the traced ops."""
    made = model.preview
    ways = [ancestors(leaf) for leaf in model.score_leaves(made) if leaf.graph is made.graph]
    on_the_way = set().union(*ways)
    # a nested model that ends in pooling hands on no features of its own either; dropout hands on its input itself
    handed = {id(call.outputs) for call in made.calls if call.passive and call.outputs is not call.inputs}
    found = [call for call in made.calls if _counts(call, made, on_the_way) and id(call.outputs) not in handed]
    # where a nested model hands on its last layer's tensor, the inner one made it
    found.sort(key=lambda call: (made.order[call.outputs.op.name], call.path.count("/")), reverse=True)
    return [_tap(call, made) for call in found]


def _tap(call: Call, made: Pass, side: Literal["output", "input"] = "output") -> Tap:
    return Tap(call.path, call.number, side, sum(other.path == call.path for other in made.calls))


def has_positions(features: Tensor) -> bool:
    """Whether features [B, *positions, K] have positions, and more than one."""
    rank = features.shape.rank
    return rank is not None and rank > 2 and any(side != 1 for side in features.shape[1:-1])


def _last_spatial(model: Model) -> Tap:
    taps = spatial_layers(model)
    if not taps:
        raise ModelError(
            f"No layer on the way to the scores of {model.name} has positions: use a method that needs none, such as "
            f"gradients. {_hidden(model.preview)}".rstrip()
        )
    return taps[0]


def _counts(call: Call, made: Pass, on_the_way: set[str]) -> bool:
    tensor = call.outputs
    return (
        not call.passive
        and tf.is_tensor(tensor)
        and tensor.graph is made.graph  # what runs inside a loop cannot be read from outside
        and tensor.op.name in on_the_way
        and tensor.dtype.is_floating
        and has_positions(tensor)
    )


def _same_rank(model: Model, tap: Tap, features: Tensor) -> None:
    """Refuse positions that are not the input's, such as the tokens of a picture: where they lie is not known."""
    ranks = {leaf.shape.rank for leaf in tf.nest.flatten(model.spec)}
    if features.shape.rank not in ranks:
        raise ModelError(
            f"Layer {tap} gives {shape_text(features.shape)}, whose positions are not those of the input: choose a "
            "layer that has them."
        )


def _spellings(calls: Sequence[Call]) -> set[str]:
    return {call.path for call in calls} | {call.path.split("/")[-1] for call in calls}


def _hidden(made: Pass) -> str:
    """Name the function calls that hide layers, if there are any."""
    names = [op.name for op in made.graph.get_operations() if op.type in ("PartitionedCall", "StatefulPartitionedCall")]
    return f"Layers inside of the function {names[0]!r} cannot be seen." if names else ""


Layers = list[dict[str, Any]]


def described(model: Model) -> Layers:
    """Describe each call of each layer, in the order of calling: path, class, shape, positions, whether the default.

    Returns:
        Dicts with "path", "class", "shape" (a list, None for an open side; a text where it is no single tensor),
        "positions" (whether it can be read by a class activation map), and "default".
    """
    spatial = [str(tap) for tap in spatial_layers(model)]
    rows = []
    for call in model.preview.calls:
        path = str(_tap(call, model.preview))
        one = tf.is_tensor(call.outputs)
        shape = list(call.outputs.shape) if one and call.outputs.shape.rank is not None else "several tensors"
        rows.append(
            {
                "path": path,
                "class": call.kind,
                "shape": shape,
                "positions": path in spatial,
                "default": path == spatial[0] if spatial else False,
            }
        )
    return rows
