"""What an explainer costs: the rows that it feeds the model, counted while it explains one example.

The count is made beside the evaluation: a view of the model that counts its forward passes cannot be compiled by XLA,
and one example is enough, since rows do not depend on the budget.
"""

import threading
from dataclasses import dataclass, fields, replace
from typing import Any

from ..core import Explainer, Explanation, Model, Step, Tensor, tf
from ..core.passes import Pass
from ..core.steps import bound
from ..core.tracing import current, tracing
from ..engine.engine import results
from ..engine.options import Options
from ..errors import XaikitError

_lock = threading.Lock()
_seen: list[int] = []  # of the one count that is going on


def rows_fed(explainer: Explainer, model: Any, example: Any, targets: Any, options: Options) -> int | None:
    """Count the rows that an explainer feeds a model for one example, copies, views and masks included.

    Args:
        explainer: What explains.
        model: A Keras model.
        example: Data of one example, an iterator that is read once.
        targets: As for `explain`; those of the first example count.
        options: How the engine is asked to work.

    Returns:
        The rows that went forward through the model, and through what follows a layer that is replaced; None where the
        explainer fails by itself.
    """
    size = 32 if options.batch_size == "auto" else options.batch_size  # nothing to be measured for one example
    beside = replace(options, batch_size=size, jit=False, steps=None, callbacks=(), progress=False)
    with _lock:
        _seen.clear()
        try:
            next(results([Counted(explainer)], model, example, targets, beside))
        except XaikitError:
            return None
        replicas: int = model.distribute_strategy.num_replicas_in_sync
        return sum(_seen) // replicas  # one example is padded to one for each


@dataclass(frozen=True)
class Counted:
    """An explainer whose model counts the rows that it is fed."""

    explainer: Explainer

    def bind(self, model: Model, /) -> Step:
        """Bind the explainer to a view that counts."""
        view = _Counting(**{item.name: getattr(model, item.name) for item in fields(model)})
        step = bound(self.explainer, view)

        def counted(inputs: Tensor, targets: Tensor, /) -> Explanation:
            with tracing(replace(current(), passes=[])):
                view.run(inputs)  # in the place of the engine's own, which was made without a count
                return step(inputs, targets)

        return counted


class _Counting(Model):
    """A view that counts its rows."""

    def _made(self, inputs: Tensor) -> Pass:
        # an op with an effect runs whenever the graph around it does, so nothing has to pass through it
        tf.numpy_function(_count, [tf.shape(tf.nest.flatten(inputs)[0])[0]], [], stateful=True)
        return super()._made(inputs)


def _count(rows: Any) -> None:
    _seen.append(int(rows))
