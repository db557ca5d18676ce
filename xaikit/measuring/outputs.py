"""Which of the model's figures a metric follows: probabilities or logits."""

from typing import Literal, TypeAlias

from ..core import Model, tf
from ..core.logits import are_probabilities
from ..errors import ModelError

On: TypeAlias = Literal["probability", "logit"]


def seen(model: Model, on: On) -> Model:
    """Give the view whose scores are what the metric follows.

    Raises:
        ModelError: The outputs are no probabilities: no softmax or sigmoid makes them.
    """
    if on == "logit":
        return model.changed(scores="logits")
    view = model.changed(scores="outputs")
    for output in tf.nest.flatten(view.explained(view.preview)):
        if not are_probabilities(output):
            raise ModelError(
                f"The outputs of {model.name} are no probabilities, since no softmax or sigmoid makes them: put "
                "keras.layers.Softmax() on top of the model, or follow logits where the metric can, on='logit'."
            )
    return view
