"""The view of the user's Keras model that `bind` receives."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

from ..errors import ModelError, TargetError, UnfitInput, UsageError
from . import passes
from .copied import copied
from .copies import dims
from .dropout import Dropout
from .explanation import Tensor
from .goals import Goal, aimed
from .layouts import Channels, inward_spec, outward
from .lazy import keras, tf
from .logits import CALLS, logits
from .outputs import class_output, one_output
from .passes import Idle, Pass, Weights, Writes
from .rectifying import open_to_rules
from .targets import TargetFunction, picked
from .tracing import current, note

Scores = Literal["logits", "outputs"]


@dataclass(frozen=True, eq=False)
class Model:
    """An immutable view of a Keras model: its forward pass, with the scores chosen and the targets picked.

    Called like the model, `model(inputs)`, it gives the outputs in inference mode. The user's model is never changed.

    Attributes:
        keras_model: The user's model.
        spec: The inputs, `tf.TensorSpec` [None, ...], in the structure that the model takes them, channels last.
        scores: "logits" where the outputs have some, or the "outputs" as they are.
        target_function: Scores as a function of the outputs, [B] or [B, T], or a goal; None where targets are indices.
        writes: Layers' outputs to replace, by (path, number of the call).
        idle: Calls of layers that need not be made, likewise, with what stands for their results.
        dropout: What draws the noise of dropout layers; None is inference.
        weights: Values that take the place of variables', by the variable's identity.
        output: Which of several outputs is explained, by name or position; None takes them as they come.
        channels: Where the model itself takes the channels, "last", "first", or "none": `inputs` have them last always.
        precision: In which numbers layers of 32 bits compute instead, "bfloat16"; None is as they are.
    """

    keras_model: Any
    spec: Tensor
    scores: Scores = "logits"
    target_function: TargetFunction | Any | None = None
    writes: Writes | None = None
    idle: Idle | None = None
    dropout: Dropout | None = None
    weights: Weights | None = None
    output: str | int | None = None
    channels: Channels = "last"
    precision: str | None = None

    def __call__(self, inputs: Tensor) -> Tensor:
        """Give the model's outputs in inference mode."""
        return self.run(inputs).outputs

    def run(self, inputs: Tensor) -> Pass:
        """Trace a forward pass in the current graph; the same inputs run once per trace, whatever is read of it."""
        graph = tf.compat.v1.get_default_graph()
        leaves = tf.nest.flatten(inputs)
        trace = current()
        for view, rules, known, result in trace.passes:
            same = view.runs_like(self) and rules == trace.rules and result.graph is graph
            if same and all(a is b for a, b in zip(known, leaves, strict=True)):
                return result  # type: ignore[no-any-return]
        result = self._made(inputs)
        trace.passes.append((self, trace.rules, leaves, result))
        return result

    def _made(self, inputs: Tensor) -> Pass:
        """Make a pass: that of this trace on other inputs once more, where there is one that can be, or a new one."""
        trace = current()
        if self.dropout is None and not (self.writes or self.idle or self.weights):
            for view, rules, _, result in trace.passes:
                again = copied(result, inputs) if view.runs_like(self) and rules == trace.rules else None
                if again is not None:
                    return again
        return self._run(inputs)

    def runs_like(self, other: "Model") -> bool:
        """Whether another view runs the model in the same way, and differs in what it reads of it at most."""
        parts = {part.name for part in fields(self)} - {"scores", "target_function", "output"}
        return all(getattr(self, part) is getattr(other, part) for part in parts)

    def _run(self, inputs: Tensor) -> Pass:
        fed = outward(inputs, self.channels)
        if self.dropout is not None:
            self.dropout.begin(inputs)
        try:
            with open_to_rules():
                made = passes.run(
                    self.keras_model,
                    fed,
                    self.writes,
                    idle=self.idle,
                    dropout=self.dropout,
                    weights=self.weights,
                    precision=self.precision,
                )
        except ValueError as error:
            shapes = ", ".join(shape_text(leaf.shape) for leaf in tf.nest.flatten(fed))
            raise UnfitInput(f"{self.name} does not take inputs of {shapes}: {_first_line(error)}") from error
        return replace(made, inputs=inputs)  # what is explained: relevance goes back through the layout too

    def explained(self, made: Pass) -> Tensor:
        """Give the outputs of a pass that are explained: all, in the structure of the model's, or the chosen one."""
        if self.output is None:
            return made.outputs
        note("output", str(self.output))
        return one_output(self.keras_model, made.outputs, self.output)

    def all_scores(self, made: Pass) -> Tensor:
        """Give every score of a pass, float32 or float64, in the structure of the outputs that are explained."""
        goal = self.target_function
        with _in_reach(made.graph):
            if isinstance(goal, Goal):
                scores = goal.read(self.explained(made), lambda one: self._score(one, made))
            else:
                scores = tf.nest.map_structure(lambda output: self._score(output, made), self.explained(made))
            return tf.nest.map_structure(lambda score: _in_rows(_wide(score), made.rows), scores)

    def score_leaves(self, made: Pass) -> list[Tensor]:
        """List the tensors of scores of a pass that are explained, to look for layers and ops on the way to them."""
        goal, scores = self.target_function, self.all_scores(made)
        found = goal.explained(scores) if isinstance(goal, Goal) else scores
        return tf.nest.flatten(found)  # type: ignore[no-any-return]

    def _score(self, output: Tensor, made: Pass) -> Tensor:
        if self.scores == "outputs":
            note("scores", "outputs")
            return output
        if output.op.type in CALLS and any(call.kind == "TFSMLayer" for call in made.calls):
            note("scores", "outputs (of a SavedModel, whose ops are hidden)")
            return output
        tensor, is_logit = logits(output)
        note("scores", "logits" if is_logit else "outputs (no softmax or sigmoid at the end)")
        return tensor

    def pick(self, made: Pass, targets: Tensor) -> Tensor:
        """Give the scores of a pass that `targets` [B, T] ask for: [B, T]."""
        function = self.target_function
        if function is None:
            return picked(self.class_scores(made), targets)
        given = aimed(self, made, targets) if isinstance(function, Goal) else function(self.all_scores(made))
        scores = tf.convert_to_tensor(given)
        if scores.shape.rank not in (1, 2):
            raise TargetError(f"A target function must return [B] or [B, T], not {shape_text(scores.shape)}.")
        return scores if scores.shape.rank == 2 else scores[:, tf.newaxis]

    def class_scores(self, made: Pass) -> Tensor:
        """Give the scores of a pass as [B, classes], or refuse outputs of which no index can pick one."""
        scores = class_output(self.keras_model, self.all_scores(made))
        return scores if scores.shape.rank == 2 else scores[:, tf.newaxis]

    @property
    def name(self) -> str:
        """The model's name, quoted, for messages."""
        return f"model {self.keras_model.name!r}"

    @cached_property
    def declared(self) -> Tensor:
        """The inputs that the model declares, as `spec` writes them; None where it declares none."""
        structure = input_structure(self.keras_model)
        return None if structure is None else inward_spec(declared_spec(self.keras_model), self.channels)

    @cached_property
    def preview(self) -> Pass:
        """A forward pass on symbolic inputs of this view's spec, to look for layers, shapes and ops in.

        Within a trace it is the pass on the clean inputs that is made anyway.
        """
        for view, _, _, result in current().passes:
            if view.runs_like(self):
                return result  # type: ignore[no-any-return]
        return self.probe(self.spec)

    @cached_property
    def pair(self) -> Pass:
        """A forward pass on two examples, symbolic ones: its shapes tell whether an axis holds the examples."""
        return self.probe(
            tf.nest.map_structure(lambda leaf: tf.TensorSpec([2, *leaf.shape[1:]], leaf.dtype), self.spec)
        )

    def probe(self, spec: Tensor) -> Pass:
        """Trace a forward pass on inputs of another spec, in a graph that is thrown away.

        Raises:
            UnfitInput: The model does not take such inputs.
        """
        made: list[Pass] = []
        quiet = self.changed(dropout=None)  # its number may be a tensor of another graph

        def look(*leaves: Tensor) -> Tensor:
            made.append(quiet._run(tf.nest.pack_sequence_as(spec, leaves)))
            return tf.constant(0)

        with tf.init_scope():
            tf.function(look, autograph=False).get_concrete_function(*tf.nest.flatten(spec))
        return made[0]

    def changed(self, **changes: Any) -> "Model":
        """Give a new view that differs in `changes`."""
        return replace(self, **changes)


def as_view(model: Any, spec: Tensor = None) -> Model:
    """Give the view of a Keras model, whose inputs have the shape that it declares; a view is given back.

    Raises:
        UsageError: `model` is no Keras model.
        ModelError: It is not built, or declares no inputs and no `spec` is given.
    """
    if isinstance(model, Model):
        return model
    check_model(model)
    return Model(model, spec if spec is not None else declared_spec(model))


def check_model(model: Any) -> None:
    """Refuse what is no Keras model, and a model that has no weights yet.

    Raises:
        UsageError: `model` is no Keras model.
        ModelError: It is not built.
    """
    if not isinstance(model, keras.Model):
        raise UsageError(f"The model must be a keras.Model, not {type(model).__name__}.")
    if not model.built:
        raise ModelError(
            f"Model {model.name!r} is not built, so there is nothing to explain yet: call it on a batch, "
            "or load its weights, first."
        )


def declared_spec(model: Any) -> Tensor:
    """Give the inputs that a model declares, as `tf.TensorSpec` [None, ...] in its own structure.

    Raises:
        ModelError: The model declares none, as subclassed models do.
    """
    structure = input_structure(model)
    if structure is None:
        raise ModelError(
            f"Model {model.name!r} declares no inputs: bind a view made with their spec, Model(model, spec)."
        )
    return tf.nest.map_structure(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), structure)


def input_structure(model: Any) -> Tensor:
    """Give the symbolic inputs of a model in the structure that it takes them, or None where it declares none."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None
    if isinstance(model, keras.Sequential):
        return inputs[0]
    structure = model.input
    # a list of one is what Keras itself calls with a bare tensor
    return structure[0] if isinstance(structure, (list, tuple)) and len(structure) == 1 else structure


def shape_text(shape: Any) -> str:
    """Write a shape as (None, 32, 32, 3)."""
    return f"({', '.join(str(side) for side in shape)})" if getattr(shape, "rank", 0) is not None else "unknown shape"


@contextmanager
def _in_reach(graph: Any) -> Iterator[None]:
    """Make ops where the tensors of `graph` can be used: in the current graph if it is inside of that one."""
    around = tf.compat.v1.get_default_graph()
    while around is not None and around is not graph:
        around = getattr(around, "outer_graph", None)
    with nullcontext() if around is graph else graph.as_default():
        yield


def _wide(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype in (tf.float32, tf.float64) else tf.cast(tensor, tf.float32)


def _in_rows(scores: Tensor, rows: Any) -> Tensor:
    """Give the scores of one example to each of so many rows."""
    return scores if rows is None else tf.tile(scores, [rows, *[1] * (scores.shape.rank - 1)])


def _first_line(error: Exception) -> str:
    """Keep what Keras says and drop the list of arguments that it appends."""
    text = str(error).split("Arguments received")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("Exception encountered")]
    return (said or lines or [type(error).__name__])[0]


def forward(model: Model, inputs: Tensor, targets: Tensor, *, read: Any = None) -> Any:
    """Run the model on `inputs` and pick the scores of `targets`.

    Args:
        model: The view that `bind` received.
        inputs: [B, ...].
        targets: [B, T] indices; [B] is one per example.
        read: A tap, or a list of taps, whose tensors are wanted too.

    Returns:
        The scores [B, T]; with `read`, the pair of them and the tensor, or list of tensors, that was read.
    """
    made = model.run(inputs)
    scores = model.pick(made, targets)
    if read is None:
        return scores
    _check_layout(model)
    if isinstance(read, (list, tuple)):
        return scores, [tap.tensor(made) for tap in read]
    return scores, read.tensor(made)


def forward_of_one(model: Model, inputs: Tensor, targets: Tensor) -> Tensor:
    """Run the model on one example, [1, ...], and pick its scores for each row of `targets`, [B, T]: [B, T]."""
    return model.pick(replace(model.run(inputs), rows=dims(targets)[0]), targets)


def _check_layout(model: Model) -> None:
    """Refuse to read layers whose features have their channels first, [B, K, *positions]: they would be misread."""
    for layer in model.keras_model._flatten_layers(include_self=False, recursive=True):
        if getattr(layer, "data_format", None) == "channels_first":
            raise ModelError(
                f"Layer {layer.name!r} of {model.name} has data_format='channels_first', and layers are read with the "
                "channels last: use a method that reads no layer, such as integrated_gradients or occlusion."
            )
