"""Self-attention in a traced model: its weights layer by layer, the tokens that the scores are read from.

Attention is a Softmax op whose result is multiplied with values, however the layer around it is written.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import ModelError
from .explanation import Tensor
from .lazy import tf
from .passes import Pass, ancestors
from .reading import tokens_read
from .tokens import Grid, Sides, grid_of
from .tracing import note
from .view import Model

_SEEN_THROUGH = ("Identity", "Cast")
_PRODUCTS = ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum")


class Attention(NamedTuple):
    """The attention of one layer.

    Attributes:
        weights: [B, heads, N, N] or [B, N, N]: how much of each token goes into each one; rows add up to 1.
        values: What they weigh.
        result: Their product.
    """

    weights: Tensor
    values: Tensor
    result: Tensor

    @property
    def name(self) -> str:
        """The name of the op, which says the layer."""
        return f"attention {self.weights.op.name!r}"


class Stream(NamedTuple):
    """Tokens that one attention after the other mixes, and where they come from and go to.

    Attributes:
        weights: Those of each layer, in order, [B, heads, N, N] or [B, N, N].
        read: How much of each token the scores are read from, [N]; it adds up to 1.
        grid: Where the tokens stand.
    """

    weights: list[Tensor]
    read: Tensor
    grid: Grid

    def back(self, matrices: Iterable[Tensor]) -> Tensor:
        """Follow what is read back through a matrix [B, N, N] of each layer, the last one first: [B, *positions]."""
        # in float64: a device may round the factors of a float32 product to ten bits
        steps = [tf.cast(matrix, tf.float64) for matrix in matrices]
        rows = tf.tile(self.read[tf.newaxis, tf.newaxis], [tf.shape(steps[0])[0], 1, 1])  # [B, 1, N]
        for step in reversed(steps):
            rows = tf.matmul(rows, step)
        return self.grid.lay(tf.linalg.matrix_transpose(rows))[..., 0]


def heads_averaged(values: Tensor) -> Tensor:
    """Average [B, heads, N, N] over the heads: [B, N, N]; one without heads is given back."""
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank - 2)))


def check_attention(model: Model, grid: Sides = ()) -> None:
    """Refuse a model whose attention is not that of one stream of tokens.

    Raises:
        ParameterError: The grid has not one side for each axis of the input's positions.
        ModelError: It has none, or another kind, which the message names; or its tokens fit no grid.
    """
    found = attentions(model, model.pair)
    for each in found:
        rows = each.weights.shape[0]
        if rows not in (2, None):
            raise ModelError(
                f"The {each.name} of {model.name} looks at parts of an example by themselves, such as windows: there "
                "is no attention among all tokens to follow. Use another method, such as gradcam."
            )
    if found[0].weights.shape[-1] is not None:
        _grid(model, model.pair, found, grid, model.spec)


def stream(model: Model, made: Pass, inputs: Tensor, grid: Sides = ()) -> Stream:
    """Find the attention of a forward pass; the result's notes say the grid, and the tokens that are read.

    Raises:
        ModelError: As for `check_attention`.
    """
    found = attentions(model, made)
    tokens, read = _grid(model, made, found, grid, inputs)
    count = found[0].weights.shape[-1]
    chosen = sorted(range(count) if read is None else read)
    note("grid", str(tokens))
    note("read", "all tokens" if len(chosen) == count else " and ".join(f"token {i}" for i in chosen))
    shares = [1 / len(chosen) if i in chosen else 0.0 for i in range(count)]
    return Stream([each.weights for each in found], tf.constant(shares, tf.float64), tokens)


def attentions(model: Model, made: Pass) -> list[Attention]:
    """Find the attention on the way to the scores, in the order of the layers.

    Raises:
        ModelError: There is none, or not that of one stream of tokens, each layer among all of the one before.
    """
    ends = tf.nest.flatten(model.all_scores(made))
    wanted = set().union(*(ancestors(leaf) for leaf in ends if leaf.graph is made.graph))
    ops = [op for op in made.graph.get_operations() if op.name in wanted]
    users: dict[str, list[Any]] = {}
    for op in ops:
        for source in op.inputs:
            users.setdefault(source.name, []).append(op)
    softmaxes = [op for op in ops if op.type == "Softmax" and (op.outputs[0].shape.rank or 0) > 2]
    found = [each for op in softmaxes for each in _weighing(op.outputs[0], op.outputs[0], users)]
    if not found:
        raise ModelError(
            f"No attention is seen in {model.name}: no Softmax over tokens is multiplied with values on the way to its "
            "scores. Use another method, such as gradcam."
        )
    _check_stream(found, model.name)
    return found


def _weighing(weights: Tensor, tensor: Tensor, users: dict[str, list[Any]]) -> Iterator[Attention]:
    """Give the products of attention weights with values, looking through casts and dropout that is on."""
    for op in users.get(tensor.name, []):
        if op.type in _SEEN_THROUGH or (op.type == "Mul" and any(_drawn(source) for source in op.inputs)):
            yield from _weighing(weights, op.outputs[0], users)
        elif op.type in _PRODUCTS and len(op.inputs) == 2:
            place = 0 if op.inputs[0] is tensor else 1
            if _sums_last(op, place) and _placeholders(op.inputs[1 - place]):
                yield Attention(weights, op.inputs[1 - place], op.outputs[0])


def _drawn(tensor: Tensor) -> bool:
    """Whether the floats of a tensor are made of whole numbers alone, as a mask of dropout is of random bits."""
    ahead = [tensor.op]
    for op in ahead:
        if op.type in ("Placeholder", "ReadVariableOp", "ResourceGather"):
            return False
        ahead.extend(source.op for source in op.inputs if source.dtype.is_floating and source.op not in ahead)
    return True


def _sums_last(op: Any, place: int) -> bool:
    """Whether a product sums over the last axis of one of its operands."""
    if op.type != "Einsum":
        return bool(op.get_attr("adj_y") if place else not op.get_attr("adj_x"))
    terms, result = op.get_attr("equation").decode().split("->")
    return terms.split(",")[place][-1] not in result


def _asked(weights: Tensor) -> list[Tensor]:
    """Give queries and keys, whose product the weights are made of; where there is none, the weights themselves.

    A mask, which may come out of an input of its own, is neither.
    """
    square, ahead = weights.shape[-2:].as_list(), [weights.op.inputs[0].op]
    for op in ahead:
        product = op.type in _PRODUCTS and op.outputs[0].shape[-2:].as_list() == square
        if product and all(_placeholders(source) for source in op.inputs):
            return list(op.inputs)
        if op.type != "Softmax":  # that of a layer before
            ahead.extend(source.op for source in op.inputs if source.dtype.is_floating and source.op not in ahead)
    return [weights]


def _placeholders(tensor: Tensor) -> set[str]:
    """Name the inputs that a tensor is made of; weights are captured as resources, and do not count."""
    graph = tensor.graph
    ops = (graph.get_operation_by_name(name) for name in ancestors(tensor))
    return {op.name for op in ops if op.type == "Placeholder" and op.outputs[0].dtype != tf.resource}


def _check_stream(found: list[Attention], owner: str) -> None:
    """Refuse attention that is not among all tokens of one stream, layer after layer."""
    use = "Use another method, such as gradcam."
    count, before = found[0].weights.shape[-1], set[str]()
    names = {each.weights.op.name for each in found}
    for each in found:
        shape, itself = each.weights.shape, each.weights.op.name
        if shape.rank > 4:
            raise ModelError(f"The {each.name} of {owner} has more axes than examples, heads and tokens. {use}")
        if shape[-1] != shape[-2]:
            raise ModelError(
                f"The {each.name} of {owner} is not among the tokens themselves: {shape[-2]} look at {shape[-1]}. {use}"
            )
        if shape[-1] != count:
            raise ModelError(
                f"The {each.name} of {owner} is among {shape[-1]} tokens, and there were {count} before. {use}"
            )
        # queries, keys and values have to come out of the same attention before, and of the same inputs
        tokens = [*_asked(each.weights), each.values]
        one = all(ancestors(tensor) & names - {itself} == before for tensor in tokens)
        if not one or any(_placeholders(tensor) != _placeholders(each.values) for tensor in tokens):
            raise ModelError(
                f"The {each.name} of {owner} does not follow the attention before it on one stream of tokens, as in an "
                f"encoder: cross attention and parallel branches have no rollout. {use}"
            )
        before.add(itself)


def _grid(
    model: Model, made: Pass, found: list[Attention], grid: Sides, inputs: Tensor
) -> tuple[Grid, frozenset[int] | None]:
    """Find the grid of the tokens, and the tokens that the scores are read from."""
    count = found[0].weights.shape[-1]
    shapes = [leaf.shape for leaf in tf.nest.flatten(inputs)]
    subject = f"The {found[0].name} of {model.name}"
    if count is None:
        return grid_of(count, shapes, grid, subject=subject), None
    read = tokens_read(made, found[-1].result, count, model.all_scores(made))
    # a single token that is read is no patch of the input
    return grid_of(count, shapes, grid, subject=subject, least=int(read == frozenset({0}))), read
