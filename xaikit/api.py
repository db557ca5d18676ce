"""What users call: `explain` and `stream`."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, overload

import numpy as np

from .core import Explainer, Explanation, tf
from .core.layouts import Channels
from .core.repeats import Quantiles
from .engine.engine import Result, results
from .engine.options import BatchSize, Jit, Options, Precision, Progress
from .errors import InputError, ParameterError, UsageError
from .registry import find
from .result import Explained, described

One = Explainer | str


@overload
def stream(
    explainer: One,
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    batch_size: BatchSize = 32,
    scores: Literal["logits", "outputs"] = "logits",
    channels: Channels = "last",
    jit: Jit = "auto",
    precision: Precision = None,
    steps: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress = "auto",
    details: bool = False,
) -> Iterator[Explanation]: ...
@overload
def stream(
    explainer: Sequence[One],
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    batch_size: BatchSize = 32,
    scores: Literal["logits", "outputs"] = "logits",
    channels: Channels = "last",
    jit: Jit = "auto",
    precision: Precision = None,
    steps: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress = "auto",
    details: bool = False,
) -> Iterator[list[Explanation]]: ...
def stream(
    explainer: One | Sequence[One],
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    batch_size: BatchSize = 32,
    scores: Literal["logits", "outputs"] = "logits",
    channels: Channels = "last",
    jit: Jit = "auto",
    precision: Precision = None,
    steps: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress = "auto",
    details: bool = False,
) -> Iterator[Explanation] | Iterator[list[Explanation]]:
    """Explain batch by batch, in order; one batch is held at a time, whatever the data's size.

    Arguments and errors are those of `explain`. What can be known before the first batch is checked at once.

    Returns:
        An iterator of explanations of some examples each, NumPy arrays; for a list of explainers, of lists of them.
    """
    options = Options(
        batch_size=batch_size,
        scores=scores,
        channels=channels,
        jit=jit,
        precision=precision,
        steps=steps,
        callbacks=callbacks,
        progress=progress,
        details=details,
    )
    found = _found(explainer)
    made = results(found, model, inputs, targets, options)
    if not _is_one(explainer):
        return (_each_explained(found, [parts]) for parts in made)
    return (_explained(found[0], parts) for parts in made)


@overload
def explain(
    explainer: One,
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    batch_size: BatchSize = 32,
    scores: Literal["logits", "outputs"] = "logits",
    channels: Channels = "last",
    jit: Jit = "auto",
    precision: Precision = None,
    steps: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress = "auto",
    details: bool = False,
) -> Explanation: ...
@overload
def explain(
    explainer: Sequence[One],
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    batch_size: BatchSize = 32,
    scores: Literal["logits", "outputs"] = "logits",
    channels: Channels = "last",
    jit: Jit = "auto",
    precision: Precision = None,
    steps: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress = "auto",
    details: bool = False,
) -> list[Explanation]: ...
def explain(
    explainer: One | Sequence[One],
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    batch_size: BatchSize = 32,
    scores: Literal["logits", "outputs"] = "logits",
    channels: Channels = "last",
    jit: Jit = "auto",
    precision: Precision = None,
    steps: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress = "auto",
    details: bool = False,
) -> Explanation | list[Explanation]:
    """Explain what a model says of its inputs.

    The model is not changed. The devices of its own `distribute_strategy` are used. A step is compiled once per
    explainer, model, shape of the inputs and strategy; `xaikit.engine.compiled.forget(model)` drops what was compiled,
    which is needed only when layers were added or replaced, never for changed weights.

    Args:
        explainer: A value, such as `smooth(gradcam)`, or its text; or a list of them, which share the forward passes
            that they have in common.
        model: A built `keras.Model`.
        inputs: [N, ...] arrays or tensors, in the structure that the model takes them; or a `tf.data.Dataset`, a
            `keras.utils.PyDataset` or a generator, of batches x, (x, y) or (x, y, w). uint8 pictures and other widths
            of floats become the type of the model's input.
        targets: What to explain: "top1", each input's own best class; "topK", such as "top3"; "all"; an int; [N] or
            [N, T] ints; a value of `xaikit.targets`, such as `output("genus")` or `difference("top1", "top2")`; or a
            function from the outputs' scores to [B] or [B, T], which is traced once, so what it closes over is read
            then. Labels y in the data take the place of "top1".
        batch_size: The most rows that the model is fed at once, on each replica: copies, views and masks included.
            "auto" measures the model on this device, a second or so, and remembers. Where memory runs out, the engine
            goes on with half as many, and warns once.
        scores: "logits" explains the values before a final softmax or sigmoid, "outputs" the outputs as they are.
        channels: Where the inputs, as the model takes them, have their channels: "last", [N, *positions, C]; "first",
            [N, C, *positions]; or "none", [N, *positions], such as grey pictures [N, H, W] or series [N, L]. Maps are
            laid out like the inputs. Tables, and whole numbers [N, L], have none; of several inputs it holds for each.
        jit: Whether XLA compiles the step; "auto" does on GPUs and TPUs, as Keras does, and not on CPU.
        precision: "bfloat16" has layers that compute in 32 bits compute in 16, as Keras's mixed precision does; the
            notes then say how far the first batch's maps are from those of the model as it is.
        steps: The most batches to take of a source, needed where it does not end.
        callbacks: Keras callbacks: `on_predict_begin`, `on_predict_batch_begin`, `on_predict_batch_end` with the
            "outputs" (scores, maps), `on_predict_end`.
        progress: A bar on stderr; "auto" shows it on a terminal when the work takes longer than two seconds.
        details: Also report figures of each map where the explainer has some, [N, T] by name in `result.details`: the
            "completeness_gap" of methods that claim to be complete, the "standard_error" and number of "samples" of
            Monte-Carlo methods. Some cost a forward pass or two more.

    Returns:
        The scores [N, T] of the clean inputs, and the maps [N, ..., T], raw and signed, in the order of the inputs. It
        unpacks to `scores, maps`, and also says `targets`, `explainer`, `notes` and `details`. A list of explainers
        gives a list of such results.

    Raises:
        UnknownName, ParameterError, ExpressionError, UsageError: The call is wrong.
        TargetError: Targets of a wrong shape, type or range.
        ModelError: The model cannot be explained so, or the maps are not finite.
        InputError: The data is of a wrong shape or type, empty, or holds NaN.
        PluginError: What a plugin brought failed, and its exception is the cause; or a step breaks its contract.
    """
    options = Options(
        batch_size=batch_size,
        scores=scores,
        channels=channels,
        jit=jit,
        precision=precision,
        steps=steps,
        callbacks=callbacks,
        progress=progress,
        details=details,
    )
    found = _found(explainer)
    parts = list(results(found, model, inputs, targets, options))
    explained = _each_explained(found, parts, inputs)
    return explained[0] if _is_one(explainer) else explained


def quantiles(
    explainer: Explainer | str,
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    q: Sequence[float] = (0.25, 0.5, 0.75),
    repetitions: int = 20,
    seed: int = 0,
    batch_size: BatchSize = 32,
    scores: Literal["logits", "outputs"] = "logits",
    channels: Channels = "last",
    jit: Jit = "auto",
    steps: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress = "auto",
) -> Explanation:
    """Explain with dropout on, again and again, and give several quantiles of the maps of one run.

    Each map is that of `mc_dropout(explainer, reduce="quantile", q=...)`, which gives one of them; here the explainer
    runs `repetitions` times for all.

    Args:
        explainer: As for `explain`, as are the other arguments.
        model: As for `explain`.
        inputs: As for `explain`.
        targets: As for `explain`.
        q: Which quantiles, from 0 to 1, Q of them.
        repetitions: How many draws of the network, at least 1.
        seed: Which draws.
        batch_size: As for `explain`.
        scores: As for `explain`.
        channels: As for `explain`.
        jit: As for `explain`.
        steps: As for `explain`.
        callbacks: As for `explain`.
        progress: As for `explain`.

    Returns:
        The scores [N, T] of the model in inference, and the maps [Q, N, ..., T], in the order of `q`.

    Raises:
        ParameterError: A quantile outside of [0, 1], or none; no repetition.
        XaikitError: As `explain` does.
    """
    shares = tuple(float(share) for share in q)
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise ParameterError(f"q must be quantiles from 0 to 1, such as (0.25, 0.5, 0.75), not {q!r}.")
    if repetitions < 1:
        raise ParameterError(f"repetitions must be at least 1, not {repetitions!r}.")
    repeated = Quantiles(_found(explainer)[0], shares, repetitions, seed)
    options = Options(
        batch_size=batch_size,
        scores=scores,
        channels=channels,
        jit=jit,
        steps=steps,
        callbacks=callbacks,
        progress=progress,
    )
    found = _explained(repeated, [parts[0] for parts in results([repeated], model, inputs, targets, options)])
    maps = tf.nest.map_structure(lambda *leaves: np.stack(leaves), *found.maps)
    return Explained(
        found.scores,
        maps,
        explainer=repeated,
        targets=found.targets,
        notes=found.notes,
        inputs=None,
        details={},
    )


def _is_one(explainer: Any) -> bool:
    return hasattr(explainer, "bind") or not isinstance(explainer, (list, tuple))


def _found(explainer: Any) -> list[Any]:
    """Give the explainers, of a value, a text, or several of either."""
    several = [explainer] if _is_one(explainer) else list(explainer)
    if not several:
        raise UsageError("There is no explainer: the list is empty.")
    return [find(each) if isinstance(each, str) else each for each in several]


def _each_explained(found: list[Any], parts: list[list[Result]], inputs: Any = None) -> list[Explanation]:
    columns = zip(*parts, strict=True)
    return [_explained(recipe, list(column), inputs) for recipe, column in zip(found, columns, strict=True)]


def _explained(recipe: Any, parts: list[Result], inputs: Any = None) -> Explained:
    """Put batches together, and warn of what was seen in them."""

    def together(*leaves: Any) -> Any:
        return leaves[0] if len(leaves) == 1 else np.concatenate(leaves)

    try:
        maps = tf.nest.map_structure(together, *[part.maps for part in parts])
    except ValueError as error:
        raise InputError(f"Examples of several shapes make maps of several shapes: use stream ({error}).") from error
    targets = together(*[part.targets for part in parts]) if parts[0].targets is not None else None
    return described(recipe, together(*[part.scores for part in parts]), maps, targets, parts, inputs)
