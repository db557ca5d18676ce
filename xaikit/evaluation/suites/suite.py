"""What a suite is: parts of a model, data, masks and metrics, and the explainers to compare with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...errors import UsageError, XaikitError
from ..evaluation import Evaluation
from ..joined import joined
from ..run import compared, read_explainers
from .catalogue import catalogue


class Part(NamedTuple):
    """A model, and data of which it is known what a right explanation says.

    Attributes:
        model: A Keras model.
        inputs: [N, ...].
        targets: As for `evaluate`.
        masks: [N, *positions], true where a right explanation is; or None.
        metrics: What is measured, values or texts.
    """

    model: Any
    inputs: Any
    targets: Any
    masks: Any
    metrics: tuple[Any, ...]


@dataclass(frozen=True)
class Suite:
    """Parts, by name, that are evaluated together.

    Attributes:
        name: What it is called.
        text: What it is, in a sentence.
        parts: Its parts, by name.
        references: Explainers to compare with, by name, that are no part of the catalogue.
        parameters: Of methods of the catalogue, by their names, where the defaults do not fit.
    """

    name: str
    text: str
    parts: Mapping[str, Part]
    references: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def evaluate(self, explainers: Any = None, *, metrics: Sequence[Any] = (), **options: Any) -> Evaluation:
        """Score explainers, and the references beside them.

        Args:
            explainers: As for `evaluate`; by default the whole catalogue, the methods that need many forward passes
                with fewer of them than by default, as their expressions say.
            metrics: In the place of the parts' own.
            **options: Of `evaluate`, such as `batch_size` and `strict`.

        Returns:
            One table, whose columns are headed by their part where there are several.

        Raises:
            XaikitError: As `evaluate` does.
        """
        chosen = catalogue(self.parameters) if explainers is None else read_explainers(explainers)
        if both := chosen.keys() & self.references.keys():
            raise UsageError(f"{min(both)!r} is a reference of the suite: call yours otherwise.")
        everyone = {**chosen, **self.references}
        found: dict[str, tuple[Evaluation, XaikitError | None]] = {}
        for name, part in self.parts.items():
            first = not found  # the rows are counted once
            found[name] = _compared(everyone, part, metrics or part.metrics, {"counted": first} | options)
        if not any(one.cells for one, _ in found.values()):
            raise next(error for _, error in found.values() if error is not None)
        return joined({name: one for name, (one, _) in found.items()})


def _compared(explainers: Any, part: Part, metrics: Any, options: Any) -> tuple[Evaluation, XaikitError | None]:
    return compared(
        explainers, part.model, part.inputs, part.targets, metrics=list(metrics), masks=part.masks, **options
    )
