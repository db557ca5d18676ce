"""Sanity checks of explainers: do their maps depend on what the model learned, and on the class?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from ..core import as_view
from ..core.depth import from_scores_down
from ..core.targets import chosen
from ..errors import ModelError, ParameterError
from ..measuring import Metric
from ..measuring.similarity import Similarity
from ..registry import find
from .evaluation import Evaluation
from .lines import Line, Panel, drawn
from .run import evaluate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..images.saving import Target

Order = Literal["top_down", "bottom_up"]
LIMIT = 0.2  # a map that shows what was learned keeps about 0


class Check(NamedTuple):
    """What is left of an explainer's maps, as a mean similarity over the examples; NaN where it could not be measured.

    Attributes:
        cascading: While layer after layer is drawn anew, the mean over the layers.
        all_redrawn: When all of them are.
        independent: When one layer alone is, the mean over the layers.
        random_logit: When another class is explained.
    """

    cascading: float
    all_redrawn: float
    independent: float
    random_logit: float

    def passes(self, limit: float = LIMIT) -> bool:
        """Whether maps change with what the model learned: no more than `limit` is left on the way."""
        return self.cascading <= limit


@dataclass(frozen=True, eq=False)
class Sanity:
    """Sanity checks of some explainers.

    Attributes:
        checks: By the explainer's label.
        layers: The layers that were drawn anew, from the scores down; empty where the model declares no inputs.
        order: In which order.
        evaluation: The figures of each example, their intervals and curves, and what could not be measured.
    """

    checks: Mapping[str, Check]
    layers: tuple[str, ...]
    order: Order
    evaluation: Evaluation

    def plot(self, *, to: "Target | None" = None) -> "Figure":
        """Draw the similarity while the layers are drawn anew, one after the other, and each alone.

        Args:
            to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

        Raises:
            OutputError: The file cannot be written.
        """
        cascading, independent = list(self.evaluation.metrics)[:2]
        way = {"top_down": "from the scores down", "bottom_up": "from the inputs up"}[self.order]
        down = self.layers if self.order == "top_down" else self.layers[::-1]
        return drawn(
            [
                self._panel(f"layers drawn anew, one after the other {way}", cascading, down),
                self._panel("each layer alone", independent, self.layers),
            ],
            to,
        )

    def _panel(self, title: str, metric: str, layers: tuple[str, ...]) -> Panel:
        cells = {name: self.evaluation.cells.get((name, metric)) for name in self.checks}
        lines = {
            name: Line(cell.band, colour)
            for colour, (name, cell) in enumerate(cells.items())
            if cell is not None and cell.band is not None
        }
        return Panel(title, lines, "" if layers else "layer", "similarity to the map of the model as it is", layers)


def sanity(
    explainers: Any,
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    order: Order = "top_down",
    similarity: Similarity = "spearman",
    seed: int = 0,
    **options: Any,
) -> Sanity:
    """Check whether explainers show what the model learned, and of which class: Adebayo et al. 2018.

    The layers of the model are drawn anew, one after the other and each alone, and another class is explained: an
    explainer whose maps stay as they were shows the input. The checks are the metrics `parameter_randomization` and
    `random_logit`; the model is never touched.

    Args:
        explainers: One or several, values or texts, as for `evaluate`.
        model: A built `keras.Model`.
        inputs: As for `evaluate`.
        targets: As for `explain`.
        order: The layers are drawn anew from the scores down, "top_down", or from the inputs up, "bottom_up".
        similarity: As of `parameter_randomization`.
        seed: Which draws.
        **options: The options of `evaluate`, such as `batch_size`.

    Returns:
        Figures of each explainer in `checks`, which also draw themselves: see `Sanity`.

    Raises:
        ParameterError: Another order or similarity.
        XaikitError: As `evaluate` does.
    """
    metrics = _metrics(order, similarity, seed)
    found = evaluate(explainers, model, inputs, targets, metrics=metrics, **options)
    return Sanity({name: _check(found, name) for name in found.explainers}, _layers(model, targets), order, found)


def _metrics(order: Order, similarity: Similarity, seed: int) -> list[Metric[Any]]:
    if order not in get_args(Order):
        raise ParameterError(f"order must be 'top_down' or 'bottom_up', not {order!r}.")
    forgetting: Any = find("parameter_randomization")
    another: Any = find("random_logit")
    options = {"similarity": similarity, "seed": seed}
    return [forgetting(order=order, **options), forgetting(order="independent", **options), another(**options)]


def _check(found: Evaluation, name: str) -> Check:
    cascading, independent, another = (found.cells.get((name, metric)) for metric in found.metrics)
    band = None if cascading is None else cascading.band
    means = (math.nan if cell is None else cell.mean for cell in (cascading, independent, another))
    first, alone, other = means
    return Check(first, math.nan if band is None else float(band.mean[-1]), alone, other)


def _layers(model: Any, targets: Any) -> tuple[str, ...]:
    try:
        view = as_view(model)
    except ModelError:
        return ()
    return tuple(from_scores_down(view.changed(output=chosen(targets).output)))
