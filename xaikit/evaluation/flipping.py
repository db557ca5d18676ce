"""Pixels flipped in the order of an explanation's relevance, for each quantile of it under dropout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..core.lazy import np, tf
from ..core.repeats import Quantiles
from ..engine.engine import results
from ..engine.options import BatchSize, Jit, Options
from ..errors import ParameterError
from ..measuring import Metric
from ..measuring.run import measured
from ..registry import find
from .figures import Cell, Figures, Sureness
from .lines import Line, Panel, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..images.saving import Target

Order = Literal["most_relevant", "least_relevant", "random"]
_ORDERS: list[Order] = ["most_relevant", "least_relevant", "random"]
_GREY = 7


@dataclass(frozen=True, eq=False)
class Flipping:
    """Curves of the score while positions are replaced.

    Attributes:
        explainer: The explainer's spelling.
        q: The quantiles of its maps.
        cells: By order, "most_relevant" or "least_relevant", and quantile: `band` is the mean curve over the examples
            with its interval, `values` are the areas of each example; at ("random", None) of a random order, which does
            not depend on maps.
    """

    explainer: str
    q: tuple[float, ...]
    cells: Mapping[tuple[Order, float | None], Cell]

    def plot(self, *, to: "Target | None" = None) -> "Figure":
        """Draw the mean curves of all quantiles, the most and the least relevant positions first, beside random ones.

        Args:
            to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

        Raises:
            OutputError: The file cannot be written.
        """
        orders: dict[Order, str] = {"most_relevant": "most relevant first", "least_relevant": "least relevant first"}
        return drawn([self._panel(order, f"{self.explainer}: {text}") for order, text in orders.items()], to)

    def _panel(self, order: Order, title: str) -> Panel:
        lines = {f"quantile {q:g}": Line(self._band(order, q), colour) for colour, q in enumerate(self.q)}
        lines["random order"] = Line(self._band("random", None), _GREY, "--")
        return Panel(title, lines, "share of the positions that are replaced", "mean score of the target")

    def _band(self, order: Order, q: float | None) -> Any:
        return self.cells[order, q].band


def flipping_curves(
    explainer: Any,
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    q: Sequence[float] = (0.25, 0.5, 0.75),
    repetitions: int = 20,
    percent: float = 0.25,
    step: float = 0.005,
    replace: Any = "dataset",
    reference: Any = None,
    on: Literal["probability", "logit"] = "logit",
    seed: int = 0,
    batch_size: BatchSize = 32,
    jit: Jit = "auto",
) -> Flipping:
    """Flip pixels in the order of each quantile map of an explanation with dropout on, and average over the examples.

    The explainer runs `repetitions` times with dropout on, as in `quantiles`, and each quantile of its maps orders the
    positions. The metric `pixel_flipping` replaces them, the most relevant ones first, the least relevant ones first,
    and in random order, and follows the score of the model in inference. A low quantile holds what is relevant in most
    draws of the network.

    Args:
        explainer: A value, or its text.
        model: A built `keras.Model`.
        inputs: [N, ...] arrays.
        targets: As for `explain`.
        q: Which quantiles, from 0 to 1.
        repetitions: How many draws of the network.
        percent: As of `pixel_flipping`: the share of the positions that is replaced in the end.
        step: The share that is replaced at a time.
        replace: "dataset" draws each value from the data's mean and deviation there; or a baseline.
        reference: The data that it draws from; by default the inputs.
        on: Whether the "logit" is followed, or the "probability".
        seed: Which draws: of the network, of values and of the random order.
        batch_size: The most rows that the model is fed at once.
        jit: As for `explain`.

    Raises:
        ParameterError: A quantile outside of [0, 1], or none; a parameter that `pixel_flipping` refuses.
        XaikitError: As `explain` does.
    """
    shares = tuple(float(share) for share in q)
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise ParameterError(f"q must be quantiles from 0 to 1, such as (0.25, 0.5, 0.75), not {q!r}.")
    if repetitions < 1:
        raise ParameterError(f"repetitions must be at least 1, not {repetitions!r}.")
    flipping: Any = find("pixel_flipping")
    flipping = flipping(percent=percent, step=step, replace=replace, reference=reference, on=on, seed=seed)
    recipe = find(explainer) if isinstance(explainer, str) else explainer
    maps, targets = _quantile_maps(
        Quantiles(recipe, shares, repetitions, seed), model, inputs, targets, batch_size=batch_size, jit=jit
    )
    cells: dict[tuple[Order, float | None], Cell] = {}
    for share, ordering in zip(shares, maps, strict=True):
        orders = _ORDERS if share == shares[0] else _ORDERS[:2]  # a random order is the same for every map
        metrics = {order: flipping(order=order) for order in orders}
        found = _cells(metrics, ordering, model, inputs, targets, batch_size=batch_size, jit=jit)
        cells |= {(order, None if order == "random" else share): cell for order, cell in found.items()}
    return Flipping(repr(recipe), shares, cells)


def _quantile_maps(
    repeated: Quantiles, model: Any, inputs: Any, targets: Any, *, batch_size: BatchSize, jit: Jit
) -> tuple[list[Any], Any]:
    """Give the maps of each quantile, all of one run, and the targets that were explained."""
    options = Options(batch_size=batch_size, jit=jit)
    parts = [made for (made,) in results([repeated], model, inputs, targets, options)]

    def together(*leaves: Any) -> Any:
        return np.concatenate(leaves)

    maps: list[Any] = tf.nest.map_structure(together, *[part.maps for part in parts])
    known = parts[0].targets is not None
    return maps, together(*[part.targets for part in parts]) if known else targets


def _cells(
    metrics: Mapping[Order, Metric[Any]], maps: Any, model: Any, inputs: Any, targets: Any, **options: Any
) -> dict[Order, Cell]:
    """Measure maps, and sum up over the examples."""
    kept: dict[Order, Figures] = {order: Figures() for order in metrics}
    for batch in measured(list(metrics.values()), maps, model, inputs, targets, **options):
        # by their order: a metric that draws from data is spelled with a digest of it
        for order, text in zip(metrics, batch.values, strict=True):
            kept[order].add(batch.values[text], batch.curves[text])
    return {order: figures.cell(Sureness(0.95, 1000, 0)) for order, figures in kept.items()}
