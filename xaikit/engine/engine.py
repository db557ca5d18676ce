"""The loop: batches in, explanations out, one batch held at a time."""

import gc
import warnings
import weakref
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ..core import Explainer, Tensor, keras, tf
from ..core.goals import Given, Goal
from ..core.layouts import Layout, maps_outward
from ..core.makers import running
from ..core.outputs import class_output
from ..core.targets import Chosen, check_range, chosen
from ..core.view import Model, check_model
from ..errors import InputError, ModelError, TargetError, UsageError, XaikitWarning
from .batches import Batch, beside_rows, cut, full_batches, given_rows
from .budget import good_budget
from .compiled import Arrays, Compiled, FunctionKey, Request, compiled, declared_outputs, outputs
from .contract import check_finite, check_form
from .listeners import Listeners
from .memory import is_exhausted
from .options import Jit, Options, Precision
from .sources import Piece, source


class Result(NamedTuple):
    """The explanations of one batch, as NumPy arrays.

    Attributes:
        scores: [B, T].
        maps: [B, ..., T].
        targets: [B, T], the indices that were explained; None for a target function, or a goal that has none.
        notes: What was chosen: "layer", "scores", "output"; "targets" is the spelling of those that have one.
        warnings: What the user should know of this batch.
        details: Figures of each map, [B, T], by name; empty unless they were asked for.
        layout: How inputs and maps are to be read.
    """

    scores: Any
    maps: Any
    targets: Any
    notes: dict[str, str]
    warnings: tuple[str, ...]
    details: dict[str, Any]
    layout: Layout


def results(
    explainers: Sequence[Explainer],
    model: Any,
    data: Any,
    targets: Any,
    options: Options,
    *,
    beside: Mapping[str, Tensor] | None = None,
) -> Iterator[list[Result]]:
    """Explain `data` batch by batch, in order, with one result for each explainer; one batch is held at a time.

    What can be known before the first batch is checked at once, not when the first result is asked for. Arrays `beside`
    the inputs, [N, ...] each, are cut into batches with them, and are there while the step is traced, by name.
    """
    check_model(model)
    options.check()
    for explainer in explainers:
        if isinstance(explainer, type) or not callable(getattr(explainer, "bind", None)):
            raise UsageError(f"The explainer must be a value with bind, or its text, not {explainer!r}.")
    goals = chosen(targets)
    engine = _Engine(tuple(explainers), model, goals, options, dict(beside or {}))
    pieces = 32 if options.batch_size == "auto" else options.batch_size
    found = source(
        data,
        model,
        batch_size=pieces * engine.replicas,
        steps=options.steps,
        with_labels=goals.default,
        channels=options.channels,
    )
    count = found.count
    if goals.per_example and count is not None and len(goals.codes) != count:
        raise TargetError(f"There are targets for {len(goals.codes)} examples, and the data has {count}.")
    if count is not None:
        engine.check_count(count)
    return _loop(engine, found.pieces, Listeners(model, options.callbacks, options.progress, count))


def _loop(engine: "_Engine", pieces: Iterator[Piece], listeners: Listeners) -> Iterator[list[Result]]:
    with listeners as heard:
        for batch in heard.batches(engine.batches(pieces)):
            made = engine.run(batch)
            heard.done(batch, made)
            yield made
        engine.check_count(batch.first + batch.size)  # there was a batch, or the data was refused


class _Engine:
    """What stays the same from batch to batch."""

    def __init__(
        self,
        explainers: tuple[Explainer, ...],
        model: Any,
        goals: Chosen,
        options: Options,
        beside: dict[str, Tensor],
    ) -> None:
        self.explainers = explainers
        self.model = model
        self.goals = goals
        self.function = _key(goals.function)
        self.jit = _jit(options.jit)
        self.budget = 0 if options.batch_size == "auto" else int(options.batch_size)  # 0 until it is measured
        self.options = options
        self.beside = beside
        self.strategy = model.distribute_strategy
        self.replicas: int = self.strategy.num_replicas_in_sync
        self.rows = 1
        self.halved = False
        self.deviations: list[str] = []
        self.declared = declared_outputs(model, goals.output)
        self.given: tuple[Given, ...] | None = None if isinstance(goals.function, Goal) else ()
        if self.declared is not None:
            self.check_targets(self.declared)

    def batches(self, pieces: Iterator[Piece]) -> Iterator[Batch]:
        """Put pieces together into full batches, of a good size where none was given."""
        if not self.budget:
            first = next(pieces, None)
            if first is not None:
                pieces = chain([first], pieces)
                self.budget = good_budget(self.view(first.inputs, self.options.precision), first.inputs)
        self.rows = self.budget * self.replicas
        return full_batches(pieces, self.goals, self.rows, self.replicas)

    def check_targets(self, found: Tensor) -> None:
        """Check the targets against the outputs that are explained, and keep the arrays that a goal needs."""
        goals = self.goals
        if isinstance(goals.function, Goal):
            self.given = tuple(goals.function.given(found))
        elif goals.function is None:
            count = _count(class_output(self.model, found))
            if count is not None and goals.codes is not None:
                check_range(goals.codes, count)

    def check_count(self, count: int) -> None:
        """Refuse arrays that are for another number of examples."""
        for given in self.given or ():
            if given.each and len(given.values) != count:
                raise TargetError(f"{self.goals.text} is for {len(given.values)} examples, and the data has {count}.")
        for name, arrays in self.beside.items():
            for array in keras.tree.flatten(arrays):
                if len(array) != count:
                    raise InputError(f"The {name} are for {len(array)} examples, and the data has {count}.")

    def run(self, batch: Batch) -> list[Result]:
        """Explain a batch; where memory runs out, in smaller and smaller parts, and so from then on."""
        parts: list[list[Result]] = []
        done = 0
        while done < batch.size:
            part = cut(batch, done, self.rows, self.replicas)
            try:
                parts.append(self.reported(part))
            except Exception as error:
                if not is_exhausted(error):
                    raise
                if self.budget == 1:
                    raise ModelError(
                        f"Memory ran out with a single row at once, for example {part.first}: ask for fewer targets or "
                        "explainers, smaller inputs, or take a larger device."
                    ) from error
                self.halve()
                continue
            done += part.size
        return parts[0] if len(parts) == 1 else [_together(results) for results in zip(*parts, strict=True)]

    def halve(self) -> None:
        """Go on with half of the row budget, and say so once."""
        if not self.halved:
            warnings.warn(
                f"Memory ran out with {self.budget} rows at once: going on with fewer. Give a smaller batch_size to "
                "avoid the failed attempts.",
                XaikitWarning,
                stacklevel=2,
            )
        self.halved = True
        self.budget = max(1, self.budget // 2)
        self.rows = self.budget * self.replicas
        gc.collect()

    def reported(self, batch: Batch) -> list[Result]:
        """Explain one batch; in other numbers than the model's own, say by how much that changes the first maps."""
        precision = self.options.precision
        made = self.explained(batch, precision)
        if precision is None:
            return made
        if not self.deviations:
            exact = self.explained(batch, None)
            self.deviations = [f"{precision}, {_deviation(a, b)}" for a, b in zip(made, exact, strict=True)]
        return [
            result._replace(notes={**result.notes, "precision": text})
            for result, text in zip(made, self.deviations, strict=True)
        ]

    def explained(self, batch: Batch, precision: Precision) -> list[Result]:
        """Explain the examples of one batch at once."""
        view = self.view(batch.inputs, precision)
        if self.given is None:
            self.check_targets(outputs(view))
        goals = self.goals
        if goals.every:
            batch = batch._replace(codes=np.tile(self.all_codes(batch), (len(batch.codes), 1)))
        given = tuple(given_rows(each, batch, goals.text) for each in self.given or ())
        beside = {name: beside_rows(array, batch, name) for name, array in self.beside.items()}
        step = self.compiled(batch, view, (given, beside))
        if step.outputs is not None:
            check_range(batch.codes, step.outputs)
        arrays = _tensors((given, beside))
        with running():
            parts = step.run(_tensors(batch.inputs), batch.codes, arrays, tf.constant(self.budget))
            return [self.result(step, i, [part[i] for part in parts], batch, view) for i in range(len(step.notes))]

    def result(self, step: Compiled, i: int, parts: list[Any], batch: Batch, view: Model) -> Result:
        """Put together what the replicas found for one explainer."""
        scores, maps, targets, conditions, details = _gathered(parts, batch.size)
        explainer = self.explainers[i]
        check_form(explainer, scores, maps, batch.size, None if self.goals.function else batch.codes.shape[1])
        layout = _layout(view, maps)
        if not getattr(explainer, "measures", False):  # figures may be NaN, and lie on no positions
            check_finite(explainer, scores, maps, batch.first)
            maps = maps_outward(maps, batch.inputs, layout.channels)
        warnings = tuple(text for text, holds in zip(step.warnings[i], conditions, strict=True) if holds)
        notes = {**step.notes[i], "targets": self.goals.text} if self.goals.text else step.notes[i]
        known = None if isinstance(targets, tuple) else targets
        return Result(scores, maps, known, notes, warnings, details, layout)

    def all_codes(self, batch: Batch) -> Any:
        """Every class, in order."""
        count = None if self.declared is None else _count(class_output(self.model, self.declared))
        if count is None:
            count = _count(class_output(self.model, outputs(self.view(batch.inputs, None))))
        if count is None:
            raise TargetError("'all' needs a model that says how many outputs it has: give indices.")
        return np.arange(count, dtype=np.int32)

    def compiled(self, batch: Batch, view: Model, arrays: Arrays) -> Compiled:
        fixed = self.jit or self.replicas > 1
        columns = batch.codes.shape[1]
        request = Request(
            self.explainers,
            spec=repr(view.spec),
            scores=view.scores,
            function=self.function,
            columns=columns if fixed or columns == 1 else 0,
            jit=self.jit,
            strategy=weakref.ref(self.strategy),
            rows=len(batch.codes) // self.replicas if fixed else 0,
            budget=self.budget if self.jit else 0,
            details=bool(self.options.details),
            output=view.output,
            given=repr(keras.tree.map_structure(lambda array: (array.dtype.name, array.shape[1:]), arrays)),
            channels=view.channels,
            precision=view.precision,
        )
        return compiled(request, view, self.strategy, (batch.inputs, batch.codes, arrays))

    def view(self, inputs: Tensor, precision: Precision) -> Model:
        """Give the view of the model for inputs of these shapes."""
        spec = keras.tree.map_structure(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), inputs)
        options = self.options
        return Model(
            self.model,
            spec,
            options.scores,
            self.goals.function,
            output=self.goals.output,
            channels=options.channels,
            precision=precision,
        )


def _key(function: Any) -> FunctionKey | None:
    """What a trace depends on, of a target function or a goal."""
    if function is None:
        return None
    return FunctionKey(function.key if isinstance(function, Goal) else function)


def _count(output: Any) -> int | None:
    """How many scores an output has, or None where it does not say."""
    return output.shape[1] if len(output.shape) == 2 else 1


def _jit(jit: Jit) -> bool:
    """Decide "auto" as Keras does on accelerators: XLA there; not on CPU, where it loses on depthwise gradients."""
    if jit == "auto":
        return bool(tf.config.get_visible_devices("GPU") or tf.config.get_visible_devices("TPU"))
    return bool(jit)


def _tensors(inputs: Tensor) -> Tensor:
    return keras.tree.map_structure(tf.constant, inputs)  # in half of the time of convert_to_tensor


def _gathered(parts: list[Any], size: int) -> Any:
    """Put the replicas' rows together, in order, and cut the padding off."""

    def together(*leaves: Any) -> Any:
        arrays = [leaf.numpy() for leaf in leaves]
        return (arrays[0] if len(arrays) == 1 else np.concatenate(arrays))[:size]

    columns = list(zip(*parts, strict=True))
    scores, maps, targets, details = (keras.tree.map_structure(together, *columns[i]) for i in (0, 1, 2, 4))
    conditions = [any(bool(c) for c in column) for column in zip(*columns[3], strict=True)]
    return scores, maps, targets, conditions, details


def _deviation(made: Result, exact: Result) -> str:
    """Say how far the maps of some examples are from exact ones, as a share of the largest value of each."""
    worst = 0.0
    for one, other in zip(keras.tree.flatten(made.maps), keras.tree.flatten(exact.maps), strict=True):
        axes = tuple(range(1, other.ndim))
        scale = np.maximum(np.abs(other).max(axis=axes), np.finfo(other.dtype).tiny)
        worst = max(worst, float((np.abs(one - other).max(axis=axes) / scale).max()))
    return f"within {worst:.1%} of the maps' largest values for the first {len(made.scores)} examples"


def _together(results: Sequence[Result]) -> Result:
    """Join the results of parts of a batch."""

    def joined(*leaves: Any) -> Any:
        return None if leaves[0] is None else np.concatenate(leaves)

    first = results[0]
    return first._replace(
        scores=joined(*(result.scores for result in results)),
        maps=keras.tree.map_structure(joined, *(result.maps for result in results)),
        targets=joined(*(result.targets for result in results)),
        warnings=tuple(dict.fromkeys(text for result in results for text in result.warnings)),
        details={name: joined(*(result.details[name] for result in results)) for name in first.details},
    )


def _layout(view: Model, maps: Any) -> Layout:
    one = not (tf.nest.is_nested(maps) or tf.nest.is_nested(view.spec))
    return Layout(view.spec, view.channels, maps.ndim == view.spec.shape.rank if one else None)
