"""Scores of copies of a layer's features, within the row budget: of what follows the layer alone.

The model is traced once more, with the copies in the place of what the layer gives. What leads to them then leads
nowhere: layers that nothing else asks for are not traced again, and all other ops are pruned.
"""

from collections.abc import Callable

from .copies import Number, parted
from .explanation import Tensor
from .lazy import tf
from .masking import scores_in_turn
from .passes import Call, Idle
from .taps import Tap
from .view import Model, forward


def replaced_scores(
    model: Model, inputs: Tensor, targets: Tensor, count: int, tap: Tap, copies: Callable[[Tensor], Tensor]
) -> Tensor:
    """Give the scores of `count` copies of a layer's features, [B, T, count].

    Cost: `count` passes through what follows the layer, as many at a time as the budget has room for.

    Args:
        model: The view that `bind` received.
        inputs: [B, ...].
        targets: [B, T], the same for every copy.
        count: How many copies, at least 1.
        tap: The output that is replaced.
        copies: From the numbers of some copies, [n], to features as the layer gives them, one copy after the other,
            [n * B, ...].
    """
    clean = forward(model, inputs, targets)
    idle = _idle(model, inputs, clean, tap)

    def at_once(start: Number, size: Number) -> Tensor:
        head = model.changed(writes=tap.replaced(copies(start + tf.range(size))), idle=idle)
        tiled = tf.nest.map_structure(lambda leaf: tf.tile(leaf, [size] + [1] * (leaf.shape.rank - 1)), inputs)
        return parted(forward(head, tiled, tf.tile(targets, [size, 1])), size)

    return scores_in_turn(inputs, targets, count, at_once, like=clean)


def _idle(model: Model, inputs: Tensor, scores: Tensor, tap: Tap) -> Idle:
    """Find the calls of layers that lead to the scores by way of a tap alone, with what they gave for the inputs.

    That has the static shape of what they would give for the copies, so that all else is traced as if they ran. Left
    out are layers that call others, results of a known number of rows, and models whose draws count the calls.
    """
    if model.dropout is not None:
        return {}
    made = model.run(inputs)
    asked = _asked([*tf.nest.flatten(made.outputs), scores], tap.tensor(made))
    outer = {call.path.rpartition("/")[0] for call in made.calls}
    calls = [call for call in made.calls if call.path not in outer and _any_rows(call, made.graph)]
    return {(call.path, call.number): call.outputs for call in calls if call.outputs.name not in asked}


def _any_rows(call: Call, graph: object) -> bool:
    one = tf.is_tensor(call.outputs) and call.outputs.graph is graph
    return one and bool(call.outputs.shape.rank) and call.outputs.shape[0] is None


def _asked(ends: list[Tensor], replaced: Tensor) -> set[str]:
    """Name what is replaced, and the tensors that others depend on, in value or in shape, not by way of it."""
    seen = {replaced.name}  # a layer that hands it on, such as dropout, has to run too
    ahead = [end for end in ends if tf.is_tensor(end)]
    while ahead:
        tensor = ahead.pop()
        if tensor.name not in seen:
            seen.add(tensor.name)
            ahead.extend(tensor.op.inputs)
    return seen
