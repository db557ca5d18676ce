"""Layers to read: by name, by path, or the last one with positions on the way to the scores."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..errors import ModelError, UnknownName
from .attentions import Way
from .explanation import Tensor
from .lazy import tf
from .logits import CALLS
from .passes import Call, Pass, Writes, ancestors
from .reading import tokens_read
from .tokens import Grid, Sides, grid_of
from .tracing import current, note, warn_where
from .view import Model, shape_text


@dataclass(frozen=True)
class Tap:
    """One side of one use of a layer.

    Attributes:
        path: "outer/inner".
        number: Which use of the layer, 1 for the first.
        side: Its "output", or its "input".
        uses: How many times the layer is used, so that the spelling says which one where there are several.
        grid: Where its tokens [B, N, K] stand; None where the features have positions of their own.
    """

    path: str
    number: int = 1
    side: Literal["output", "input"] = "output"
    uses: int = 1
    grid: Grid | None = None

    def tensor(self, made: Pass) -> Tensor:
        """Give the tensor that was read in a forward pass."""
        for call in made.calls:
            if (call.path, call.number) == (self.path, self.number):
                return call.outputs if self.side == "output" else call.inputs
        raise ModelError(f"Layer {self.path!r} was not called in this forward pass, but was in the first one.")

    def laid(self, values: Tensor) -> Tensor:
        """Lay what was read here, or its slopes, on the positions: [B, *positions, K]."""
        return values if self.grid is None else self.grid.lay(values)

    def put(self, laid: Tensor, values: Tensor) -> Tensor:
        """Put back what was laid on the positions, in its place among `values`, as they were read here."""
        return laid if self.grid is None else self.grid.put(laid, values)

    def replaced(self, tensor: Tensor) -> Writes:
        """Have a forward pass go on with `tensor` instead of what this reads, an output."""
        return {(self.path, self.number): lambda own: tf.cast(tensor, own.dtype)}

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


def spatial_layer(model: Model, name: str = "", grid: Sides = ()) -> Tap:
    """Find the layer whose features a class activation map reads; the result's notes say which it is.

    Tokens [B, N, K] of an input with other axes are laid on a grid of positions by the tap's `laid`; the notes say it.

    Args:
        model: The view that `bind` received.
        name: A layer's name or path; by default the last one with positions on the way to the scores, where pooling,
            dropout, padding and the like, maps of one position, and layers of which the scores read the class token
            alone, do not count.
        grid: The sides of the grid on which tokens stand; by default that of the input's aspect ratio.

    Raises:
        UnknownName: The model has no such layer.
        ParameterError: The grid has not one side for each axis of the input's positions.
        ModelError: The layer, or every layer on the way to the scores, is without positions, or its tokens fit no grid.
    """
    tap = layer(model, name) if name else _last_spatial(model, grid)
    features = tap.tensor(model.preview)
    if not has_positions(features):
        raise ModelError(f"Layer {tap} gives {shape_text(features.shape)}, without positions: choose another layer.")
    tap = _placed(model, tap, grid)
    if name and not _goes_on(model, tap, grid):
        _warn_of(tap)
    note("layer", str(tap))
    if tap.grid is not None:
        _check_rows(model, tap)
        note("grid", str(tap.grid))
    return tap


def written_layer(model: Model, tap: Tap) -> Tap:
    """Find the output that a tap reads: what goes into a layer is replaced where another layer gives it.

    Raises:
        ModelError: No layer gives it.
    """
    if tap.side == "output":
        return tap
    made = model.preview
    for call in made.calls:
        if call.outputs is tap.tensor(made):
            return replace(_tap(call, made), grid=tap.grid)
    raise ModelError(f"{tap} is no layer's output, and so cannot be replaced: choose a layer's output.")


def spatial_layers(model: Model) -> list[Tap]:
    """List the layers with positions on the way to the scores, the last first, in the order of the traced ops."""
    made = model.preview
    ways = [ancestors(leaf) for leaf in model.score_leaves(made) if leaf.graph is made.graph]
    on_the_way = set().union(*ways)
    asked = Way(made, model.all_scores(made)).projections()
    # a nested model that ends in pooling hands on no features of its own either; dropout hands on its input itself
    handed = {id(call.outputs) for call in made.calls if call.passive and call.outputs is not call.inputs}
    found = [call for call in made.calls if _counts(call, made, on_the_way) and id(call.outputs) not in handed]
    found = [call for call in found if call.outputs.name not in asked]
    # where a nested model hands on its last layer's tensor, the inner one made it
    found.sort(key=lambda call: (made.order[call.outputs.op.name], call.path.count("/")), reverse=True)
    return [_tap(call, made) for call in found]


def _tap(call: Call, made: Pass, side: Literal["output", "input"] = "output") -> Tap:
    return Tap(call.path, call.number, side, sum(other.path == call.path for other in made.calls))


def has_positions(features: Tensor) -> bool:
    """Whether features [B, *positions, K] have positions, and more than one."""
    rank = features.shape.rank
    return rank is not None and rank > 2 and any(side != 1 for side in features.shape[1:-1])


def _last_spatial(model: Model, grid: Sides = ()) -> Tap:
    taps = spatial_layers(model)
    if not taps:
        raise ModelError(
            f"No layer on the way to the scores of {model.name} has positions: use a method that needs none, such as "
            f"gradients. {_hidden(model.preview)}".rstrip()
        )
    return next((tap for tap in taps if _goes_on(model, tap, grid)), taps[0])


def _goes_on(model: Model, tap: Tap, grid: Sides) -> bool:
    """Whether the scores depend on what stands at the positions, and not on the class token alone."""
    found = _located(model, tap, grid)
    if found is None or found.grid is None:
        return True
    made = model.preview
    tokens = tap.tensor(made)
    read = tokens_read(made, tokens, tokens.shape[1], model.all_scores(made))
    return read is None or any(token >= found.grid.special for token in read)


def _warn_of(tap: Tap) -> None:
    graph = current().graph
    if graph is not None and graph is tf.compat.v1.get_default_graph():
        text = f"Of layer {tap} the scores read class tokens alone: slopes at its positions are 0. Read one before it."
        warn_where(tf.constant(True), text)


def _located(model: Model, tap: Tap, grid: Sides = ()) -> Tap | None:
    """Give a tap with its grid, or None where its positions are not known."""
    try:
        return _placed(model, tap, grid)
    except ModelError:
        return None


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


def _placed(model: Model, tap: Tap, grid: Sides) -> Tap:
    """Lay tokens on a grid; features of an input's own rank have its positions.

    Raises:
        ModelError: It is not known where they stand.
    """
    features = tap.tensor(model.preview)
    shapes = [leaf.shape for leaf in tf.nest.flatten(model.spec)]
    if not grid and any(features.shape.rank == shape.rank for shape in shapes):
        return tap
    if features.shape.rank != 3:
        why = "which a grid of tokens does not fit" if grid else "whose positions are not those of the input"
        raise ModelError(f"Layer {tap} gives {shape_text(features.shape)}, {why}: choose a layer that has them.")
    return replace(tap, grid=grid_of(features.shape[1], shapes, grid, subject=f"Layer {tap}"))


def _check_rows(model: Model, tap: Tap) -> None:
    """Refuse tokens that stand in windows, which are more than the examples."""
    rows = tap.tensor(model.pair).shape[0]
    if rows not in (2, None):
        raise ModelError(
            f"Layer {tap} gives {rows // 2} parts of each example, such as windows, by themselves: choose a layer that "
            "gives examples as a whole."
        )


def _spellings(calls: Sequence[Call]) -> set[str]:
    return {call.path for call in calls} | {call.path.split("/")[-1] for call in calls}


def _hidden(made: Pass) -> str:
    """Name the function calls that hide layers, if there are any."""
    names = [op.name for op in made.graph.get_operations() if op.type in CALLS]
    return f"Layers inside of the function {names[0]!r} cannot be seen." if names else ""


Layers = list[dict[str, Any]]


def described(model: Model) -> Layers:
    """Describe each call of each layer, in the order of calling: path, class, shape, positions, whether the default.

    Returns:
        Dicts with "path", "class", "shape" (a list, None for an open side; a text where it is no single tensor),
        "positions" (whether it can be read by a class activation map), and "default".
    """
    taps = [tap for tap in spatial_layers(model) if _located(model, tap) is not None]
    spatial = [str(tap) for tap in taps]
    default = str(_last_spatial(model)) if taps else ""
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
                "default": path == default and path in spatial,
            }
        )
    return rows
