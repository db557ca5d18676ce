"""The stream of tokens that a model's attention mixes layer by layer, followed from the scores back to the input."""

from collections.abc import Iterable
from typing import NamedTuple

from ..errors import ModelError
from .attentions import Attention, Way
from .explanation import Tensor
from .lazy import tf
from .passes import Pass
from .reading import tokens_read
from .tokens import Grid, Sides, grid_of
from .tracing import note
from .view import Model


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
    found = _attention(model, model.pair)
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
    found = _attention(model, made)
    tokens, read = _grid(model, made, found, grid, inputs)
    count = found[0].weights.shape[-1]
    chosen = sorted(range(count) if read is None else read)
    note("grid", str(tokens))
    note("read", "all tokens" if len(chosen) == count else " and ".join(f"token {i}" for i in chosen))
    shares = [1 / len(chosen) if i in chosen else 0.0 for i in range(count)]
    return Stream([each.weights for each in found], tf.constant(shares, tf.float64), tokens)


def _attention(model: Model, made: Pass) -> list[Attention]:
    way = Way(made, model.all_scores(made))
    if not way.attentions:
        raise ModelError(
            f"No attention is seen in {model.name}: no Softmax over tokens is multiplied with values on the way to its "
            "scores. Use another method, such as gradcam."
        )
    _check_stream(way, model.name)
    return way.attentions


def _check_stream(way: Way, owner: str) -> None:
    """Refuse attention that is not among all tokens of one stream, layer after layer."""
    use = "Use another method, such as gradcam."
    count, before = way.attentions[0].weights.shape[-1], set[str]()
    names = {each.weights.op.name for each in way.attentions}
    for each in way.attentions:
        shape = each.weights.shape
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
        origins = {way.made_of(tensor) for tensor in (*way.asked(each.weights), each.values)}
        if len(origins) > 1 or origins.pop() & names != before:
            raise ModelError(
                f"The {each.name} of {owner} does not follow the attention before it on one stream of tokens, as in an "
                f"encoder: cross attention and parallel branches have no rollout. {use}"
            )
        before.add(each.weights.op.name)


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
