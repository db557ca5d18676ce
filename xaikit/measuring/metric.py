"""Metrics as values: a function from a model and parameters to a measure, that one decorator makes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Literal, NamedTuple, cast, overload

from ..core import Model, tf
from ..core.declaration import Declaration, Declared, P, positional
from ..core.layouts import Channels
from ..core.makers import answering, guarded, whose
from ..errors import PluginError, UsageError
from .case import Measure, Measurement

if TYPE_CHECKING:
    from ..engine.options import BatchSize, Jit, Precision, Progress

Better = Literal["higher", "lower"]


class Curve(NamedTuple):
    """The curve that a metric is the summary of.

    Attributes:
        at: [P], such as the shares of the positions that are removed, from 0 to 1.
        values: [N, P], or [N, P, T] for several targets.
    """

    at: Any
    values: Any


@dataclass(frozen=True, eq=False)
class MetricDeclaration(Declaration):
    """What a metric declares beside its name and parameters.

    Attributes:
        better: Whether "higher" or "lower" values are better.
        explains: Whether it explains changed inputs or models, and so takes the explainer, never maps.
        masks: Whether it compares with masks.
        curve: Whether it is the summary of a curve.
    """

    better: Better = "higher"
    explains: bool = False
    masks: bool = False
    curve: bool = False


@dataclass(frozen=True, repr=False)
class Metric(Declared[P]):
    """A metric: a frozen value that spells itself, such as `deletion(steps=20)`.

    Called with parameters alone it gives a changed copy; called with what is to be measured, it measures.
    """

    declaration: MetricDeclaration

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.declaration.function.__doc__

    @property
    def better(self) -> Better:
        """Whether "higher" or "lower" values are better: the order "least_relevant" turns it round."""
        better = self.declaration.better
        if self.parameters.get("order") != "least_relevant":
            return better
        return "lower" if better == "higher" else "higher"

    @overload
    def __call__(self, *args: P.args, **parameters: P.kwargs) -> "Metric[P]": ...
    @overload
    def __call__(
        self,
        subject: Any,
        model: Any,
        inputs: Any,
        targets: Any = "top1",
        masks: Any = None,
        *,
        batch_size: "BatchSize" = 32,
        scores: Literal["logits", "outputs"] = "logits",
        channels: Channels = "last",
        jit: "Jit" = "auto",
        precision: "Precision" = None,
        steps: int | None = None,
        callbacks: Sequence[Any] = (),
        progress: "Progress" = "auto",
    ) -> Any: ...
    def __call__(self, *subject: Any, **options: Any) -> Any:
        """Give a changed copy, or measure explanations.

        Args:
            *subject: What is measured: an explainer, or maps [N, ..., T], or what `explain` gave, whose targets are
                taken too; then `model`, `inputs`, `targets` and `masks` as below.
            **options: Parameters of the metric for a changed copy; else `model`, a built `keras.Model`; `inputs`,
                [N, ...]; `targets`, as for `explain`; `masks`, [N, *positions], true where the explanation should be,
                for the metrics that need them; and the options of `explain`, which mean the same here.

        Returns:
            The copy; or the scores, one for each example: [N], or [N, T] where there are several targets. NaN where
            there is nothing to measure, such as an empty mask.

        Raises:
            UnknownName, ParameterError: A parameter is refused.
            UsageError: Maps for a metric that needs the explainer, or no masks for one that needs them.
            InputError: Maps or masks of another shape than the inputs ask for.
            XaikitError: As `explain` does.
        """
        if not subject:
            return Metric(self.declaration, self.with_values(options))
        from .run import figures

        return figures(self, *subject, **options)[0]

    def curve(
        self, subject: Any, model: Any, inputs: Any, targets: Any = "top1", masks: Any = None, **options: Any
    ) -> Curve:
        """Give the curve of which the metric is the summary; arguments are those of a call.

        Raises:
            UsageError: There is no curve.
            XaikitError: As a call does.
        """
        if not self.declaration.curve:
            raise UsageError(f"{self!r} is no summary of a curve.")
        from .run import figures

        return cast(Curve, figures(self, subject, model, inputs, targets, masks, **options)[1])

    def prepare(self, explainer: Any, model: Model) -> Measure:
        """Prepare for a view of the user's model: look for what is needed, check, fail early.

        Raises:
            ModelError, ParameterError: It cannot be measured so.
        """
        declaration = self.declaration
        operands = (explainer, model) if declaration.explains else (model,)
        with answering(self):
            if declaration.requires is not None:
                declaration.requires(model, **self.parameters)
            measure = declaration.function(*operands, **self.parameters)
        return lambda case: self._checked_measurement(guarded(self, measure)(case))

    def _checked_measurement(self, found: Any) -> Measurement:
        """Hold a measure to its contract.

        Raises:
            PluginError: It did not give a measurement with values [B].
        """
        subject = f"The measure of {whose(self)}"
        if not isinstance(found, Measurement):
            raise PluginError(f"{subject} must return Measurement(values), not {type(found).__name__}.")
        if not tf.is_tensor(found.values) or found.values.shape.rank != 1:
            shown = found.values.shape if tf.is_tensor(found.values) else type(found.values).__name__
            raise PluginError(f"{subject} must return one value for each example, [B], not {shown}.")
        return found


def metric(
    *,
    better: Better,
    masks: bool = False,
    curve: bool = False,
    requires: Callable[..., None] | None = None,
) -> Callable[[Callable[Concatenate[Any, P], Measure]], Metric[P]]:
    """Make a metric of a function `(model, *, parameters) -> measure`.

    A function `(explainer, model, *, parameters) -> measure` is given the explainer too, to bind it to changed views of
    the model or to run it on changed inputs.

    Args:
        better: Whether "higher" or "lower" values are better.
        masks: Whether it needs masks.
        curve: Whether it gives a curve beside its values.
        requires: `(model, **parameters) -> None`, which raises in `bind` where the model does not do.

    Raises:
        PluginError: The function's signature declares no metric.
    """

    def declare(function: Callable[..., Any]) -> Metric[Any]:
        names = positional(function)
        if names not in (["model"], ["explainer", "model"]):
            raise PluginError(
                f"Metric {function.__name__} must take the model, or the explainer and the model, and parameters by "
                "keyword only."
            )
        declaration = MetricDeclaration(
            function.__name__, "metric", function, 0, True, requires, better, len(names) == 2, masks, curve
        )
        declaration.check_defaults()
        return Metric(declaration)

    return declare
