"""Gradients of scores, by `tf.gradients`: it stops at the tensor that is asked for, and honours backward rules."""

from collections.abc import Callable
from typing import Any

from ..errors import InputError
from .explanation import Tensor
from .lazy import tf
from .tracing import current

_HALF_SCALE = 10  # float16 gradients are computed 2^10 times as large, and scaled down in float32


def gradient(score: Tensor, sources: Tensor) -> Tensor:
    """Differentiate one score of each example, [B], by `sources`, a tensor [B, ...] or a structure of them.

    An example's score depends on that example alone, so the gradient of the batch's sum is each one's own. Where the
    model computes in float16 the gradient is scaled, so that it does not underflow.

    Raises:
        InputError: A source is not made of floats, or the score does not depend on it.
    """
    return gradient_and(score, sources, [])[0]


def gradient_and(score: Tensor, sources: Tensor, others: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Differentiate as `gradient` does, and by `others` too, which are 0 where the score does not depend on them.

    Raises:
        InputError: A source is not made of floats, or the score does not depend on it.
    """
    leaves = tf.nest.flatten(sources)
    for leaf in leaves:
        check_floats(leaf)
    if current().only_shapes:  # whatever is traced here is traced again, for its values
        zeros = [tf.zeros_like(leaf, _wide_type(leaf)) for leaf in [*leaves, *others]]
        return tf.nest.pack_sequence_as(sources, zeros[: len(leaves)]), zeros[len(leaves) :]
    slopes = _scaled(score, leaves, others) if _uses_half(score.graph) else _plain(score, leaves, others)
    return tf.nest.pack_sequence_as(sources, slopes[: len(leaves)]), slopes[len(leaves) :]


def check_floats(source: Tensor) -> None:
    """Refuse an input that cannot be differentiated.

    Raises:
        InputError: It is not made of floats.
    """
    if not source.dtype.is_floating:
        raise InputError(
            f"Input {_name(source)} is {source.dtype.name} and cannot be differentiated: use a perturbation method, "
            "such as occlusion."
        )


def cut_off(source: Tensor) -> InputError:
    """Say that the score does not depend on an input."""
    return InputError(
        f"The score does not depend on {_name(source)} through operations that have a gradient (an index, a rounding "
        "or a stop_gradient cuts it off): use a perturbation method, such as occlusion."
    )


def _plain(score: Tensor, leaves: list[Tensor], others: list[Tensor], grad: Tensor = None) -> list[Tensor]:
    everything = [*leaves, *others]
    slopes = tf.gradients(score, everything, grad_ys=tf.ones_like(score) if grad is None else grad)
    for leaf, slope in zip(leaves, slopes, strict=False):
        if slope is None:
            raise cut_off(leaf)
    pairs = zip(everything, slopes, strict=True)
    found = [tf.zeros_like(source) if slope is None else slope for source, slope in pairs]
    return [_wide(tf.convert_to_tensor(slope)) for slope in found]  # an embedding's gradient comes as slices


def _scaled(score: Tensor, leaves: list[Tensor], others: list[Tensor]) -> list[Tensor]:
    """Lower the scale until nothing overflows."""

    def attempt(power: Tensor, _: list[Tensor], done: Tensor) -> Any:
        scale = tf.cast(2.0, score.dtype) ** tf.cast(power, score.dtype)
        wide = _plain(score, leaves, others, tf.ones_like(score) * scale)
        fine = tf.reduce_all([tf.reduce_all(tf.math.is_finite(slope)) for slope in wide])
        return power - 4, [slope / tf.cast(scale, slope.dtype) for slope in wide], fine

    start = [tf.zeros_like(leaf, dtype=_wide_type(leaf)) for leaf in [*leaves, *others]]
    _, slopes, _ = tf.while_loop(
        lambda power, _, done: tf.logical_and(power > -20, tf.logical_not(done)),
        attempt,
        (tf.constant(_HALF_SCALE), start, tf.constant(False)),
    )
    return list(slopes)


def per_target(explain: Callable[[Tensor], Tensor], scores: Tensor, *, like: Tensor = None) -> Tensor:
    """Make the maps of every target, one after the other, so that memory does not grow with their number.

    Args:
        explain: From one score of each example, [B], to maps [B, ...].
        scores: [B, T].
        like: The structure of what `explain` gives, such as the inputs; None is a single tensor.

    Returns:
        Maps [B, ..., T].
    """
    return per_column(lambda i: explain(column(scores, i)), scores, like=like)


def per_column(explain: Callable[[Tensor | int], Tensor], scores: Tensor, *, like: Tensor = None) -> Tensor:
    """Make the maps of every target as `per_target` does, from the number of its column in the scores."""
    if scores.shape[-1] == 1:
        return tf.nest.map_structure(lambda maps: maps[..., tf.newaxis], explain(0))
    structure = scores.dtype if like is None else tf.nest.map_structure(lambda _: scores.dtype, like)
    maps = tf.map_fn(
        explain,
        tf.range(tf.shape(scores)[1]),
        fn_output_signature=structure,
        parallel_iterations=1,
    )  # [T, B, ...]
    return tf.nest.map_structure(_last, maps)


def column(scores: Tensor, i: Tensor | int) -> Tensor:
    """Give one target's score of each example, [B]."""
    return scores[:, i] if isinstance(i, int) else tf.gather(scores, i, axis=1)


def _last(maps: Tensor) -> Tensor:
    """Move the first axis to the end."""
    return tf.transpose(maps, [*range(1, maps.shape.rank), 0])


def _uses_half(graph: Any) -> bool:
    while graph is not None:
        if any(out.dtype == tf.float16 for op in graph.get_operations() for out in op.outputs):
            return True
        graph = getattr(graph, "outer_graph", None)
    return False


def _wide_type(tensor: Tensor) -> Any:
    return tensor.dtype if tensor.dtype == tf.float64 else tf.float32


def _wide(tensor: Tensor) -> Tensor:
    return tf.cast(tensor, _wide_type(tensor))


def _name(tensor: Tensor) -> str:
    return repr(tensor.op.name.split("/")[-1])
