"""The loop: batches in, explanations out, one batch held at a time."""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from ..core import Explainer, Tensor, tf
from ..core.goals import Given, Goal
from ..core.layouts import Channels, Layout, check_channels, maps_outward
from ..core.outputs import class_output
from ..core.targets import Chosen, check_range, chosen
from ..core.view import Model, Scores, check_model
from ..errors import InputError, ModelError, TargetError, UsageError
from .batches import Batch, beside_rows, full_batches, given_rows
from .compiled import Arrays, Compiled, FunctionKey, Request, compiled, declared_outputs, outputs
from .listeners import Listeners
from .sources import source

Jit = bool | Literal["auto"]


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
    explainer: Explainer,
    model: Any,
    data: Any,
    targets: Any,
    *,
    batch_size: int,
    scores: Scores,
    jit: Jit,
    steps: int | None,
    callbacks: Sequence[Any],
    progress: bool | Literal["auto"],
    details: bool = False,
    channels: Channels = "last",
    beside: Mapping[str, Tensor] | None = None,
) -> Iterator[Result]:
    """Explain `data` batch by batch, in order; one batch is held at a time.

    What can be known before the first batch is checked at once, not when the first result is asked for. Arrays `beside`
    the inputs, [N, ...] each, are cut into batches with them, and are there while the step is traced, by name.
    """
    check_model(model)
    _check_options(batch_size, scores, jit, steps)
    check_channels(channels)
    if isinstance(explainer, type) or not callable(getattr(explainer, "bind", None)):
        raise UsageError(f"The explainer must be a value with bind, or its text, not {explainer!r}.")
    strategy = model.distribute_strategy
    replicas = strategy.num_replicas_in_sync
    goals = chosen(targets)
    engine = _Engine(explainer, model, scores, goals, _jit(jit), batch_size, strategy, bool(details), channels)
    engine.beside = dict(beside or {})
    found = source(
        data, model, batch_size=batch_size * replicas, steps=steps, with_labels=goals.default, channels=channels
    )
    count = found.count
    if goals.per_example and count is not None and len(goals.codes) != count:
        raise TargetError(f"There are targets for {len(goals.codes)} examples, and the data has {count}.")
    if count is not None:
        engine.check_count(count)
    batches = full_batches(found.pieces, goals, batch_size * replicas, replicas)
    return _loop(engine, batches, Listeners(model, callbacks, progress, count))


def _loop(engine: "_Engine", batches: Iterator[Batch], listeners: Listeners) -> Iterator[Result]:
    with listeners as heard:
        for batch in heard.batches(batches):
            result = engine.run(batch)
            heard.done(batch, result)
            yield result
        engine.check_count(batch.first + batch.size)  # there was a batch, or the data was refused


class _Engine:
    """What stays the same from batch to batch."""

    def __init__(
        self,
        explainer: Explainer,
        model: Any,
        scores: Scores,
        goals: Chosen,
        jit: bool,
        batch_size: int,
        strategy: Any,
        details: bool,
        channels: Channels,
    ) -> None:
        self.model = model
        self.goals = goals
        self.jit = jit
        self.batch_size = batch_size
        self.strategy = strategy
        self.beside: dict[str, Tensor] = {}
        self.declared = declared_outputs(model, goals.output)
        self.given: tuple[Given, ...] | None = None if isinstance(goals.function, Goal) else ()
        if self.declared is not None:
            self.check_targets(self.declared)
        self.request = Request(
            explainer,
            "",
            scores,
            _key(goals.function),
            1,
            jit,
            weakref.ref(strategy),
            0,
            0,
            details,
            goals.output,
            channels=channels,
        )

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
            for array in tf.nest.flatten(arrays):
                if len(array) != count:
                    raise InputError(f"The {name} are for {len(array)} examples, and the data has {count}.")

    def run(self, batch: Batch) -> Result:
        if self.given is None:
            self.check_targets(outputs(self.view(batch)))
        goals = self.goals
        if goals.every:
            batch = batch._replace(codes=np.tile(self.all_codes(batch), (len(batch.codes), 1)))
        given = tuple(given_rows(each, batch, goals.text) for each in self.given or ())
        beside = {name: beside_rows(array, batch, name) for name, array in self.beside.items()}
        step = self.compiled(batch, (given, beside))
        if step.outputs is not None:
            check_range(batch.codes, step.outputs)
        arrays = _tensors((given, beside))
        parts = step.run(_tensors(batch.inputs), batch.codes, arrays, tf.constant(self.batch_size))
        scores, maps, targets, conditions, details = _gathered(parts, batch.size)
        layout = _layout(self.view(batch), maps)
        if not getattr(self.request.explainer, "measures", False):  # figures may be NaN, and lie on no positions
            _check_finite(maps, batch.first)
            maps = maps_outward(maps, batch.inputs, layout.channels)
        warnings = tuple(text for text, holds in zip(step.warnings, conditions, strict=True) if holds)
        notes = {**step.notes, "targets": goals.text} if goals.text else step.notes
        known = None if isinstance(targets, tuple) else targets
        return Result(scores, maps, known, notes, warnings, details, layout)

    def all_codes(self, batch: Batch) -> Any:
        """Every class, in order."""
        count = None if self.declared is None else _count(class_output(self.model, self.declared))
        if count is None:
            count = _count(class_output(self.model, outputs(self.view(batch))))
        if count is None:
            raise TargetError("'all' needs a model that says how many outputs it has: give indices.")
        return np.arange(count, dtype=np.int32)

    def compiled(self, batch: Batch, arrays: Arrays) -> Compiled:
        view = self.view(batch)
        replicas = self.strategy.num_replicas_in_sync
        fixed = self.jit or replicas > 1
        columns = batch.codes.shape[1]
        request = replace(
            self.request,
            spec=repr(view.spec),
            columns=columns if fixed or columns == 1 else 0,
            rows=len(batch.codes) // replicas if fixed else 0,
            budget=self.batch_size if self.jit else 0,
            given=repr(tf.nest.map_structure(lambda array: (array.dtype.name, array.shape[1:]), arrays)),
        )
        return compiled(request, view, self.strategy, (batch.inputs, batch.codes, arrays))

    def view(self, batch: Batch) -> Model:
        spec = tf.nest.map_structure(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), batch.inputs)
        scores: Any = self.request.scores
        channels = self.request.channels
        return Model(self.model, spec, scores, self.goals.function, output=self.goals.output, channels=channels)


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
    return tf.nest.map_structure(tf.convert_to_tensor, inputs)


def _gathered(parts: list[Any], size: int) -> Any:
    """Put the replicas' rows together, in order, and cut the padding off."""

    def together(*leaves: Any) -> Any:
        arrays = [leaf.numpy() for leaf in leaves]
        return (arrays[0] if len(arrays) == 1 else np.concatenate(arrays))[:size]

    columns = list(zip(*parts, strict=True))
    scores, maps, targets, details = (tf.nest.map_structure(together, *columns[i]) for i in (0, 1, 2, 4))
    conditions = [any(bool(c) for c in column) for column in zip(*columns[3], strict=True)]
    return scores, maps, targets, conditions, details


def _layout(view: Model, maps: Any) -> Layout:
    one = not (tf.nest.is_nested(maps) or tf.nest.is_nested(view.spec))
    return Layout(view.spec, view.channels, maps.ndim == view.spec.shape.rank if one else None)


def _check_finite(maps: Any, first: int) -> None:
    for leaf in tf.nest.flatten(maps):
        if not np.isfinite(leaf).all():
            bad = np.flatnonzero(~np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1))[0]
            raise ModelError(
                f"The map of example {first + bad} is not finite: look at the model's weights and the range of its "
                "inputs for values that overflow."
            )


def _check_options(batch_size: Any, scores: Any, jit: Any, steps: Any) -> None:
    whole = (int, np.integer)
    if not isinstance(batch_size, whole) or isinstance(batch_size, bool) or not 1 <= batch_size <= 2**24:
        raise UsageError(f"batch_size must be a whole number from 1 to {2**24}, not {batch_size!r}.")
    if steps is not None and (not isinstance(steps, whole) or isinstance(steps, bool) or steps < 1):
        raise UsageError(f"steps must be a whole number of at least 1, or None, not {steps!r}.")
    if scores not in ("logits", "outputs"):
        raise UsageError(f"scores must be 'logits' or 'outputs', not {scores!r}.")
    if jit not in (True, False, "auto"):
        raise UsageError(f"jit must be True, False or 'auto', not {jit!r}.")
