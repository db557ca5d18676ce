"""Layers with weights by their depth: from the scores down to the inputs."""

from typing import Any

from .explanation import Tensor
from .lazy import tf
from .passes import Pass, ancestors
from .tracing import new_trace
from .view import Model
from .weights import owners


def from_scores_down(model: Model) -> dict[str, list[Any]]:
    """Give the variables that the scores depend on by the path of their layer, the layer that is used last first.

    A layer counts where it is used last. The model's own variables, which are no layer's, stand under the model's name.
    """
    owned = owners(model.keras_model)
    made, marks = _marked(model, [variable for _, variable in owned])
    reached = set[str]().union(*(ancestors(leaf) for leaf in model.score_leaves(made)))
    found: dict[str, list[Any]] = {}
    last: dict[str, int] = {}
    for (path, variable), mark in zip(owned, marks, strict=True):
        uses = [made.order[op.name] for op in mark.consumers() if op.name in reached]
        if uses:
            found.setdefault(path, []).append(variable)
            last[path] = max(last.get(path, 0), *uses)
    return {path: found[path] for path in sorted(found, key=lambda path: -last[path])}


def _marked(model: Model, variables: list[Any]) -> tuple[Pass, list[Tensor]]:
    """Trace a forward pass with a tensor of its own in each variable's place: what uses the tensor uses the variable.

    So it is seen of layers in loops, of shared ones, and of weights that are no layer's, alike.
    """
    made: list[Any] = []

    def look(*leaves: Tensor) -> Tensor:
        marks = [tf.identity(tf.convert_to_tensor(variable.value)) for variable in variables]
        weights = {id(variable): (variable, mark) for variable, mark in zip(variables, marks, strict=True)}
        with new_trace():
            made.extend([model.changed(weights=weights).run(tf.nest.pack_sequence_as(model.spec, leaves)), marks])
        return tf.constant(0)

    with tf.init_scope():
        tf.function(look, autograph=False).get_concrete_function(*tf.nest.flatten(model.spec))
    return made[0], made[1]
