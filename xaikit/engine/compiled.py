"""Steps, compiled once per explainer, model, input spec and strategy.

The cache lives outside the models and dies with them: it holds concrete functions only, since a `tf.function` keeps its
Python closure, and with it the model, alive.
"""

import inspect
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..core import Explainer, Tensor, tf
from ..core.layouts import Channels
from ..core.steps import bound
from ..core.targets import TargetFunction, resolved
from ..core.tracing import named, new_trace
from ..core.view import Model
from ..errors import UsageError


class FunctionKey:
    """A target function as a part of a request: by value, and held weakly where that is possible."""

    def __init__(self, function: TargetFunction) -> None:
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
        explainer: The explainer, by value.
        spec: The inputs' structure, types and shapes, as text; the number of rows is open, but under XLA.
        scores: "logits" or "outputs".
        function: The target function, or None.
        columns: The number of targets T where it is 1, or shapes are fixed; else 0, for any other number.
        jit: Whether XLA compiles.
        strategy: A weak reference to the strategy.
        rows: The number of rows that XLA, or several replicas, compile for; else 0.
        budget: The row budget that XLA compiles for; else 0.
        details: Whether figures of each map are wanted beside the maps.
        channels: Where the model itself takes the channels.
    """

    explainer: Explainer
    spec: str
    scores: str
    function: FunctionKey | None
    columns: int
    jit: bool
    strategy: Any
    rows: int
    budget: int
    details: bool = False
    channels: Channels = "last"


class Compiled(NamedTuple):
    """A step that is ready to run.

    Attributes:
        run: From inputs, codes [B, T] and the row budget to a list of (scores, maps, targets, warnings, details),
            per replica.
        notes: What the explainer found out while it was traced.
        warnings: The texts of the warnings, in the order of the booleans that `run` gives.
        outputs: How many scores there are to choose from, or None for a target function.
    """

    run: Callable[..., Any]
    notes: dict[str, str]
    warnings: tuple[str, ...]
    outputs: int | None


_cache: "weakref.WeakKeyDictionary[Any, dict[Request, Compiled]]" = weakref.WeakKeyDictionary()
_lock = threading.RLock()


def compiled(request: Request, view: Model, strategy: Any, example: tuple[Tensor, Any]) -> Compiled:
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
        if request not in known:
            known[request] = _compile(request, view, strategy, example)
        return known[request]


def forget(model: Any) -> None:
    """Drop what was compiled for a model, say after its layers were changed."""
    _cache.pop(model, None)


def _compile(request: Request, view: Model, strategy: Any, example: tuple[Tensor, Any]) -> Compiled:
    found = _Findings()
    root = _root(request, view, found)
    if strategy.num_replicas_in_sync == 1:
        run = _one_device(request, view, root)
    else:
        run = _replicated(request, strategy, root, example)
    return Compiled(run, found.notes, tuple(found.warnings), found.outputs)


class _Findings:
    """What a trace leaves behind."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.warnings: list[str] = []
        self.outputs: int | None = None


def _root(request: Request, view: Model, found: _Findings) -> Callable[..., Any]:
    """Make the function that is traced: resolve the targets on the clean inputs, bind, and run the step."""

    def root(inputs: Tensor, codes: Tensor, budget: Tensor) -> Any:
        with new_trace(budget=request.budget or budget, details=[] if request.details else None) as trace:
            made = view.run(inputs)  # the step's own forward pass: the same inputs run once
            targets = codes
            if view.target_function is None:
                everything = view.class_scores(made)
                found.outputs = everything.shape[-1]
                targets = resolved(everything, codes)
            scores, maps = bound(request.explainer, view)(inputs, targets)
        found.notes, found.warnings = trace.notes, [text for text, _ in trace.warnings]
        return scores, maps, targets, [condition for _, condition in trace.warnings], named(trace.details or [])

    return root


def _one_device(request: Request, view: Model, root: Callable[..., Any]) -> Callable[..., Any]:
    rows = request.rows or None
    inputs = tf.nest.map_structure(lambda leaf: tf.TensorSpec([rows, *leaf.shape[1:]], leaf.dtype), view.spec)
    codes = tf.TensorSpec([rows, request.columns or None], tf.int32)
    traced = tf.function(root, autograph=False, jit_compile=request.jit)
    concrete = traced.get_concrete_function(inputs, codes, tf.TensorSpec([], tf.int32))
    return lambda *arguments: [concrete(*arguments)]


def _replicated(
    request: Request, strategy: Any, root: Callable[..., Any], example: tuple[Tensor, Any]
) -> Callable[..., Any]:
    """Run equal shares of the rows on every replica."""

    def replica(inputs: Tensor, codes: Tensor, budget: Tensor) -> Any:
        if not request.jit:
            return root(inputs, codes, budget)
        # a jitted function cannot read another replica's variables, so each replica makes its own
        return tf.function(root, autograph=False, jit_compile=True)(inputs, codes, budget)

    def spread(inputs: Tensor, codes: Tensor, budget: Tensor) -> Any:
        return strategy.run(replica, args=(inputs, codes, budget))

    count = strategy.num_replicas_in_sync

    def shares(values: Tensor) -> Tensor:
        def one(leaf: Any) -> Any:
            size = len(leaf) // count

            def share(context: Any) -> Any:
                start = context.replica_id_in_sync_group * size
                return tf.convert_to_tensor(leaf[start : start + size])

            return strategy.experimental_distribute_values_from_function(share)

        return tf.nest.map_structure(one, values)

    inputs, codes = example
    traced = tf.function(spread, autograph=False)
    concrete = traced.get_concrete_function(shares(inputs), shares(codes), tf.TensorSpec([], tf.int32))

    def run(inputs: Tensor, codes: Any, budget: Tensor) -> Any:
        results = concrete(shares(inputs), shares(codes), budget)
        leaves = [strategy.experimental_local_results(leaf) for leaf in tf.nest.flatten(results)]
        return [tf.nest.pack_sequence_as(results, [leaf[i] for leaf in leaves]) for i in range(count)]

    return run
