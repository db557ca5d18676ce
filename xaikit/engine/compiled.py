"""Steps, compiled once per explainer, model, input spec and strategy.

The cache lives outside the models and dies with them: it holds concrete functions only, since a `tf.function` keeps its
Python closure, and with it the model, alive.
"""

import inspect
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..core import Explainer, Explanation, Tensor, keras, tf
from ..core.goals import Goal, frozen_goal, frozen_indices
from ..core.host import NeedsHost
from ..core.layouts import Channels
from ..core.outputs import one_output, output_structure
from ..core.steps import bound
from ..core.targets import resolved
from ..core.tracing import Trace, current, named, new_trace, tracing
from ..core.view import Model
from ..errors import UsageError

Arrays = tuple[tuple[Any, ...], dict[str, Any]]  # a goal's, and those beside the inputs


class FunctionKey:
    """A target function, or a goal's key, as a part of a request: by value, held weakly where that is possible."""

    def __init__(self, function: Any) -> None:
        try:
            self._hash = hash(function)
        except TypeError:
            self._hash = id(function)
        try:
            # a bound method is made anew each time that it is asked for: its object is what lives on
            kind = weakref.WeakMethod if inspect.ismethod(function) else weakref.ref
            self._held: Callable[[], Any] = kind(function)
        except TypeError:
            self._held = lambda: function

    @property
    def gone(self) -> bool:
        """Whether nobody else holds the function, so that nobody can ask for it again."""
        return self._held() is None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionKey) and not self.gone and self._held() == other._held()

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True)
class Request:
    """What a compiled step is made for: equal requests share one.

    Attributes:
        explainers: The explainers, by value; they share their forward passes.
        spec: The inputs' structure, types and shapes, as text; the number of rows is open, but under XLA.
        scores: "logits" or "outputs".
        function: The target function, or the key of a goal; or None.
        columns: The number of targets T where it is 1, or shapes are fixed; else 0, for any other number.
        jit: Whether XLA compiles.
        strategy: A weak reference to the strategy.
        rows: The number of rows that XLA, or several replicas, compile for; else 0.
        budget: The row budget that XLA compiles for; else 0.
        details: Whether figures of each map are wanted beside the maps.
        output: Which of several outputs is explained, or None.
        given: The types and shapes of a goal's arrays, and of those beside the inputs, as text; without the rows.
        channels: Where the model itself takes the channels.
        precision: In which numbers the model computes, where they are not its own.
    """

    explainers: tuple[Explainer, ...]
    spec: str
    scores: str
    function: FunctionKey | None
    columns: int
    jit: bool
    strategy: Any
    rows: int
    budget: int
    details: bool = False
    output: str | int | None = None
    given: str = ""
    channels: Channels = "last"
    precision: str | None = None


class Compiled(NamedTuple):
    """A step that is ready to run.

    Attributes:
        run: From inputs, codes [B, T], arrays [B, ...] (a goal's, and those beside the inputs by name) and the row
            budget to a list, per replica, of a list of (scores, maps, targets or (), warnings, details), per explainer.
        notes: What each explainer found out while it was traced.
        warnings: The texts of each explainer's warnings, in the order of the booleans that `run` gives.
        outputs: How many scores there are to choose from, or None for a target function.
    """

    run: Callable[..., Any]
    notes: tuple[dict[str, str], ...]
    warnings: tuple[tuple[str, ...], ...]
    outputs: int | None


_cache: "weakref.WeakKeyDictionary[Any, dict[Request, Compiled]]" = weakref.WeakKeyDictionary()
_probed: "weakref.WeakKeyDictionary[Any, dict[str, Tensor]]" = weakref.WeakKeyDictionary()
_lock = threading.RLock()


def compiled(request: Request, view: Model, strategy: Any, example: tuple[Any, ...]) -> Compiled:
    """Give the compiled step for a request; the first time it is traced, on the shapes of `example`."""
    try:
        known = _cache.setdefault(view.keras_model, {})
        if request in known:
            return known[request]
    except TypeError as error:
        raise UsageError(f"An explainer must be hashable: {error}.") from error
    with _lock:
        for stale in [other for other in known if other.function is not None and other.function.gone]:
            del known[stale]
        made = known.get(request)
        if made is None:
            made = known[request] = _compile(request, view, strategy, example)
        return made


def held(model: Any) -> int:
    """Say how many compiled steps of a model there are: one more is one more trace."""
    return len(_cache.get(model, ()))


def forget(model: Any) -> None:
    """Drop what was compiled for a model, say after its layers were changed."""
    _cache.pop(model, None)
    _probed.pop(model, None)


@contextmanager
def anew(model: Any) -> Iterator[None]:
    """Trace whatever runs inside anew; what was compiled for the model before is there again afterwards."""
    kept = _cache.pop(model, {})
    try:
        yield
    finally:
        _cache.setdefault(model, {}).update(kept)


def declared_outputs(model: Any, which: str | int | None) -> Tensor:
    """Give the outputs that are explained, all or a chosen one, as the model declares them; None if it does not."""
    structure = output_structure(model)
    return structure if structure is None or which is None else one_output(model, structure, which)


def outputs(view: Model) -> Tensor:
    """Give the outputs that are explained, of a model that declares none: it is traced once for each input spec."""
    known = _probed.setdefault(view.keras_model, {})
    key = f"{view.spec} {view.output!r}"
    if key not in known:
        with _lock:
            found = view.explained(view.preview)
        known[key] = tf.nest.map_structure(lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype), found)
    return known[key]


def _compile(request: Request, view: Model, strategy: Any, example: tuple[Any, ...]) -> Compiled:
    try:
        return _traced(request, view, strategy, example)
    except NeedsHost as subject:  # the graph gives what XLA would, and can call Python
        made = _traced(replace(request, jit=False), view, strategy, example)
        for notes in made.notes:
            notes["jit"] = f"off, for {subject}"
        return made


def _traced(request: Request, view: Model, strategy: Any, example: tuple[Any, ...]) -> Compiled:
    found = _Findings()
    root = _root(request, view, found)
    if strategy.num_replicas_in_sync == 1:
        run = _one_device(request, view, root, example)
    else:
        run = _replicated(request, strategy, root, example)
    return Compiled(run, tuple(found.notes), tuple(found.warnings), found.outputs)


class _Findings:
    """What a trace leaves behind."""

    def __init__(self) -> None:
        self.notes: list[dict[str, str]] = []
        self.warnings: list[tuple[str, ...]] = []
        self.outputs: int | None = None


def _root(request: Request, view: Model, found: _Findings) -> Callable[..., Any]:
    """Make the function that is traced: resolve the targets on the clean inputs, bind, and run the steps."""

    def root(inputs: Tensor, codes: Tensor, arrays: Arrays, budget: Tensor) -> Any:
        given, beside = arrays
        with new_trace(budget=request.budget or budget, jit=request.jit, beside=beside) as trace:
            made = view.run(inputs)  # the steps' own forward pass: the same inputs run once
            goal, targets, reported = view.target_function, codes, ()
            if goal is None:
                everything = view.class_scores(made)
                found.outputs = everything.shape[-1]
                targets = reported = resolved(everything, codes)
            with frozen_goal(view, inputs, given) if isinstance(goal, Goal) else nullcontext(targets) as targets:
                reported = frozen_indices() if isinstance(goal, Goal) else reported
                made_by = [_explained(explainer, request, view, inputs, targets) for explainer in request.explainers]
        found.notes = [{**trace.notes, **own.notes} for _, own in made_by]
        seen = [[*trace.warnings, *own.warnings] for _, own in made_by]  # of the targets, and of the explainer
        found.warnings = [tuple(text for text, _ in warnings) for warnings in seen]
        return [
            (scores, maps, reported, [condition for _, condition in warnings], named(own.details or []))
            for ((scores, maps), own), warnings in zip(made_by, seen, strict=True)
        ]

    return root


def _explained(
    explainer: Explainer, request: Request, view: Model, inputs: Tensor, targets: Tensor
) -> tuple[Explanation, Trace]:
    """Bind one explainer and run its step, with findings of its own; forward passes are shared with the others."""
    own = replace(current(), notes={}, warnings=[], details=[] if request.details else None)
    with tracing(own):
        return bound(explainer, view)(inputs, targets), own


def _one_device(
    request: Request, view: Model, root: Callable[..., Any], example: tuple[Any, ...]
) -> Callable[..., Any]:
    rows = request.rows or None
    inputs = tf.nest.map_structure(lambda leaf: tf.TensorSpec([rows, *leaf.shape[1:]], leaf.dtype), view.spec)
    codes = tf.TensorSpec([rows, request.columns or None], tf.int32)
    given = tf.nest.map_structure(lambda leaf: tf.TensorSpec([rows, *leaf.shape[1:]], leaf.dtype), example[2])
    specs = (inputs, codes, given, tf.TensorSpec([], tf.int32))
    forms: list[Any] = []

    def flat(*leaves: Tensor) -> tuple[Tensor, ...]:
        made = root(*keras.tree.pack_sequence_as(specs, leaves))
        forms.append(keras.tree.map_structure(lambda _: 0, made))
        return tuple(keras.tree.flatten(made))

    # of single tensors, since TensorFlow takes 0.1 ms a call to go through structures, and Keras's trees 0.01
    traced = tf.function(flat, autograph=False, jit_compile=request.jit)
    concrete = traced.get_concrete_function(*keras.tree.flatten(specs))

    def run(*arguments: Any) -> Any:
        return [keras.tree.pack_sequence_as(forms[-1], concrete(*keras.tree.flatten(arguments)))]

    return run


def _replicated(
    request: Request, strategy: Any, root: Callable[..., Any], example: tuple[Any, ...]
) -> Callable[..., Any]:
    """Run equal shares of the rows on every replica."""

    def replica(*arguments: Tensor) -> Any:
        if not request.jit:
            return root(*arguments)
        # a jitted function cannot read another replica's variables, so each replica makes its own
        return tf.function(root, autograph=False, jit_compile=True)(*arguments)

    def spread(*arguments: Tensor) -> Any:
        return strategy.run(replica, args=arguments)

    count = strategy.num_replicas_in_sync

    def shares(values: Tensor) -> Tensor:
        def one(leaf: Any) -> Any:
            size = len(leaf) // count

            def share(context: Any) -> Any:
                start = context.replica_id_in_sync_group * size
                return tf.convert_to_tensor(leaf[start : start + size])

            return strategy.experimental_distribute_values_from_function(share)

        return tf.nest.map_structure(one, values)

    traced = tf.function(spread, autograph=False)
    concrete = traced.get_concrete_function(*map(shares, example), tf.TensorSpec([], tf.int32))

    def run(inputs: Tensor, codes: Any, arrays: Arrays, budget: Tensor) -> Any:
        results = concrete(shares(inputs), shares(codes), shares(arrays), budget)
        leaves = [strategy.experimental_local_results(leaf) for leaf in tf.nest.flatten(results)]
        return [tf.nest.pack_sequence_as(results, [leaf[i] for leaf in leaves]) for i in range(count)]

    return run
