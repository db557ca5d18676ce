"""The inputs seen through their maps: what speaks for the target is kept, and the rest fades to zero."""

from ..core import Model, Tensor, forward, tf, to_heat
from ..errors import ModelError
from .case import Case
from .outputs import seen
from .ranking import lying


def probabilities(model: Model) -> Model:
    """Give the view whose scores are probabilities, of a model whose inputs can be multiplied.

    Raises:
        ModelError: No softmax or sigmoid makes the outputs; or an input is tokens.
    """
    if any(spec.dtype.is_integer and spec.shape.rank == 2 for spec in tf.nest.flatten(model.spec)):
        raise ModelError("Inputs are multiplied by their maps here, and tokens cannot be: use deletion or insertion.")
    return seen(model, "probability")


def before_and_after(view: Model, case: Case) -> tuple[Tensor, Tensor]:
    """Give the scores of the inputs, and of the inputs times their maps: [B] each.

    Cost: one forward pass beside that of the clean inputs.
    """
    clean = forward(view, case.inputs, case.targets)
    return clean[:, 0], forward(view, _through(case), case.targets)[:, 0]


def _through(case: Case) -> Tensor:
    """Multiply each input by its map, made as `heatmap(show="for")` is; an input that no map lies on stays."""
    leaves = tf.nest.flatten(case.inputs)
    for maps, mapped in lying(case.maps, case.inputs):
        heat = to_heat(maps[..., tf.newaxis], mapped, "for")  # [B, *positions, 1], in [0, 1]
        heat = heat[..., 0] if mapped.shape.rank == 2 else heat
        values = heat * tf.cast(mapped, heat.dtype)
        values = values if mapped.dtype.is_floating else tf.round(values)
        leaves = [tf.cast(values, mapped.dtype) if leaf is mapped else leaf for leaf in leaves]
    return tf.nest.pack_sequence_as(case.inputs, leaves)
