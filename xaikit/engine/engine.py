"""The loop: batches in, explanations out, one batch held at a time."""

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from ..core import Explainer, Tensor, tf
from ..core.layouts import Channels, Layout, check_channels, maps_outward
from ..core.targets import Chosen, check_range, chosen
from ..core.view import Model, Scores, check_model
from ..errors import ModelError, TargetError, UsageError
from .batches import Batch, full_batches
from .compiled import Compiled, FunctionKey, Request, compiled
from .listeners import Listeners
from .sources import source

Jit = bool | Literal["auto"]


class Result(NamedTuple):
    """The explanations of one batch, as NumPy arrays.

    Attributes:
        scores: [B, T].
        maps: [B, ..., T].
        targets: [B, T], the indices that were explained; None for a target function.
        notes: What was chosen: "layer", "scores".
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
) -> Iterator[Result]:
    """Explain `data` batch by batch, in order; one batch is held at a time.

    What can be known before the first batch is checked at once, not when the first result is asked for.
    """
    check_model(model)
    _check_options(batch_size, scores, jit, steps)
    check_channels(channels)
    if isinstance(explainer, type) or not callable(getattr(explainer, "bind", None)):
        raise UsageError(f"The explainer must be a value with bind, or its text, not {explainer!r}.")
    strategy = model.distribute_strategy
    replicas = strategy.num_replicas_in_sync
    goals = _goals(chosen(targets), model)
    found = source(
        data, model, batch_size=batch_size * replicas, steps=steps, with_labels=goals.default, channels=channels
    )
    count = found.count
    if goals.per_example and count is not None and len(goals.codes) != count:
        raise TargetError(f"There are targets for {len(goals.codes)} examples, and the data has {count}.")
    engine = _Engine(explainer, model, scores, goals, _jit(jit), batch_size, strategy, bool(details), channels)
    batches = full_batches(found.pieces, goals, batch_size * replicas, replicas)
    return _loop(engine, batches, Listeners(model, callbacks, progress, count))


def _loop(engine: "_Engine", batches: Iterator[Batch], listeners: Listeners) -> Iterator[Result]:
    with listeners as heard:
        for batch in heard.batches(batches):
            result = engine.run(batch)
            heard.done(batch, result)
            yield result


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
        function = FunctionKey(goals.function) if goals.function is not None else None
        self.request = Request(explainer, "", scores, function, 1, jit, weakref.ref(strategy), 0, 0, details, channels)

    def run(self, batch: Batch) -> Result:
        goals = self.goals
        if goals.every:
            count = _count_outputs(self.model) or _probed(self.view(batch))
            batch = batch._replace(codes=np.tile(np.arange(count, dtype=np.int32), (len(batch.codes), 1)))
        step = self.compiled(batch)
        if step.outputs is not None:
            check_range(batch.codes, step.outputs)
        parts = step.run(_tensors(batch.inputs), batch.codes, tf.constant(self.batch_size))
        scores, maps, targets, conditions, details = _gathered(parts, batch.size)
        _check_finite(maps, batch.first)
        layout = _layout(self.view(batch), maps)
        maps = maps_outward(maps, batch.inputs, layout.channels)
        warnings = tuple(text for text, holds in zip(step.warnings, conditions, strict=True) if holds)
        known = targets if goals.function is None else None
        return Result(scores, maps, known, step.notes, warnings, details, layout)

    def compiled(self, batch: Batch) -> Compiled:
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
        )
        return compiled(request, view, self.strategy, (batch.inputs, batch.codes))

    def view(self, batch: Batch) -> Model:
        spec = tf.nest.map_structure(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), batch.inputs)
        scores: Any = self.request.scores
        return Model(self.model, spec, scores, self.goals.function, channels=self.request.channels)


def _goals(goals: Chosen, model: Any) -> Chosen:
    """Check the targets, where the model says how many outputs it has, before anything is traced."""
    count = _count_outputs(model)
    if count is not None and goals.codes is not None and goals.function is None:
        check_range(goals.codes, count)
    return goals


def _count_outputs(model: Any) -> int | None:
    """How many scores a model declares, or None where it does not say."""
    outputs = getattr(model, "outputs", None)
    if not outputs or len(outputs) != 1:
        return None
    shape = outputs[0].shape
    return shape[1] if len(shape) == 2 else None


def _probed(view: Model) -> int:
    return int(view.class_scores(view.preview).shape[-1])


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
