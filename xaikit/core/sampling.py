"""Sampling until a map is known well enough: the alternative to a number of samples that Monte-Carlo methods offer.

A map's standard error is the largest one of its values, in the map's units. Each example and target stops by itself, at
numbers of samples that no batch, budget or neighbour changes.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from .copies import Number, adder, adding, columns_of, dims, helpings, over_copies, room_for, shared, zeros_like
from .dropout import Unfoldable
from .explanation import Explanation, Step, Tensor
from .lazy import tf
from .tracing import current, detail, warn_where

Tolerance: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]

BLOCK = 32  # samples between two looks at the standard error; the least that are taken
MOST = BLOCK * 3125  # 100,000

_Add: TypeAlias = Callable[[Number, Number, Tensor], Tensor]


def until(
    tolerance: float,
    add: _Add,
    estimate: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    state: Tensor,
    *,
    like: Explanation,
    room: Number,
    method: str,
    size: int = 0,
    most: int = 0,
) -> Tensor:
    """Take samples in blocks until each map's standard error is below `tolerance`, and give the maps.

    The details "standard_error" and "samples" say what was reached. Where even `most` samples do not do, the caller is
    warned.

    Args:
        tolerance: The standard error that is good enough, above 0, in the maps' units.
        add: As for `copies.helpings`: adds some samples, from the number of the first and how many, to the state.
        estimate: From the state and the number of samples that are in it, a scalar tensor, to maps like `like.maps`
            and their standard errors, [B, T].
        state: What the first samples are added to.
        like: Scores and maps of the right shape and structure, such as `clean` gives.
        room: How many samples fit at a time.
        method: Whose name the warning bears.
        size: Samples between two looks at the standard error; 0 is `BLOCK`.
        most: The most samples, a multiple of `size`; 0 is `MOST`.
    """
    scores, maps = like
    size, most = size or BLOCK, most or MOST
    empty = tf.nest.map_structure(tf.zeros_like, maps)
    if current().only_shapes:
        return empty
    unknown = tf.fill(tf.shape(scores), tf.constant(float("inf"), scores.dtype))
    none = tf.zeros(tf.shape(scores), tf.int32)

    def block(start: Tensor, state: Tensor, maps: Tensor, errors: Tensor, counts: Tensor) -> tuple[Tensor, ...]:
        state = helpings(lambda i, some, state: add(start + i, some, state), size, room, state)
        taken = start + size
        found, reached = estimate(state, taken)
        going = errors > tolerance  # [B, T]; those that are done keep what they have
        maps = tf.nest.map_structure(lambda new, old: tf.where(_widened(going, new), new, old), found, maps)
        return (
            taken,
            state,
            maps,
            tf.where(going, tf.cast(reached, errors.dtype), errors),
            tf.where(going, taken, counts),
        )

    def goes_on(start: Tensor, _: Tensor, __: Tensor, errors: Tensor, ___: Tensor) -> Tensor:
        return tf.logical_and(start < most, tf.reduce_any(errors > tolerance))  # NaN ends it: the engine refuses such

    begin = (tf.constant(0), state, empty, unknown, none)
    _, _, maps, errors, counts = tf.while_loop(goes_on, block, begin, parallel_iterations=1)
    warn_where(
        tf.reduce_any(errors > tolerance),
        f"{method}: after {most} samples the standard error of a map is still above tolerance={tolerance:g}; "
        "explain(..., details=True) says which: give a larger tolerance.",
    )
    report(errors, counts)
    return tf.nest.map_structure(_shaped, maps, like.maps)


def report(errors: Tensor, counts: Tensor) -> None:
    """Report standard errors and numbers of samples, [B, T], where the user asked for details."""
    detail("standard_error", lambda: errors)
    detail("samples", lambda: counts)


def sampled(
    samples: int,
    tolerance: float,
    add: _Add,
    estimate: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    state: Tensor,
    *,
    like: Explanation,
    room: Number,
    method: str,
    size: int = 0,
    most: int = 0,
) -> Tensor:
    """Take `samples`, or as many as `tolerance`, above 0, asks for, and give the maps that are estimated from them.

    Arguments are those of `until`; where no standard error is wanted, `estimate` may give None for it.
    """
    if current().only_shapes:
        return like.maps
    if tolerance:
        return until(tolerance, add, estimate, state, like=like, room=room, method=method, size=size, most=most)
    maps, errors = estimate(helpings(add, samples, room, state), tf.constant(samples))
    if wants_errors(tolerance):
        report(errors, tf.fill(tf.shape(errors), samples))
    return tf.nest.map_structure(_shaped, maps, like.maps)


def wants_errors(tolerance: float) -> bool:
    """Whether anyone asks for standard errors: a tolerance does, and a user who wants details."""
    return bool(tolerance) or (current().details is not None and not current().only_shapes)


def standard_errors(squares: Tensor, taken: Tensor) -> Tensor:
    """Give sqrt(squares / (n (n - 1))), from sums of squared deviations of single samples; of one sample, infinity."""
    n = tf.cast(taken, squares.dtype)
    found = tf.sqrt(tf.maximum(squares, 0) / (n * tf.maximum(n - 1, 1)))
    return tf.where(n > 1, found, tf.constant(float("inf"), squares.dtype))


def mean_of_copies(
    step: Step,
    inputs: Tensor,
    targets: Tensor,
    samples: int,
    copy: Callable[[Number], Tensor],
    *,
    like: Explanation,
    undo: Callable[[Number, Tensor], Tensor] | None = None,
    tolerance: float = 0.0,
    method: str,
) -> Tensor:
    """Average the maps of `samples` copies, as `over_copies` does; or of as many as `tolerance`, above 0, asks for.

    Arguments are those of `over_copies`, and of `until`.
    """
    if not wants_errors(tolerance):
        return over_copies(step, inputs, targets, samples, copy, like=like, undo=undo)
    add = adder(step, inputs, targets, copy, undo, "variance")  # Welford's update: its means are the averages
    zeros = zeros_like(like.maps, dims(tf.nest.flatten(inputs)[0])[0], columns_of(like.scores, targets))
    room = room_for(inputs)
    return sampled(samples, tolerance, add, _mean, (zeros, zeros), like=like, room=room, method=method)


def averaged_over(
    maps: Callable[[Number], Tensor],
    inputs: Tensor,
    targets: Tensor,
    samples: int,
    *,
    like: Explanation,
    reduce: Literal["mean", "variance"] = "mean",
    tolerance: float = 0.0,
    method: str,
    at_once: Callable[[Number, Number], Tensor] | None = None,
) -> Tensor:
    """Average `maps(0)` to `maps(samples - 1)`; or as many as `tolerance`, above 0, asks for.

    Cost: they are made one at a time, or with `at_once` as many at a time as the budget has room for.

    Args:
        maps: From the number of a sample to maps like `like.maps`.
        inputs: [B, ...], for the number of rows.
        targets: [B, T], for the number of columns.
        samples: How many, at least 1.
        like: What `clean` gave.
        reduce: "mean", or "variance", the population's, which takes no tolerance.
        tolerance: As for `until`; 0 takes `samples`.
        method: Whose name the warning bears.
        at_once: From the number of a sample and how many to maps [size, B, ..., T]; it may raise Unfoldable.
    """
    zeros = zeros_like(like.maps, dims(tf.nest.flatten(inputs)[0])[0], columns_of(like.scores, targets))
    if current().only_shapes:
        return zeros

    def over(several: Callable[[Number, Number], Tensor], room: Number) -> Tensor:
        add = adding(several, None, "variance")
        if reduce == "mean":
            return sampled(samples, tolerance, add, _mean, (zeros, zeros), like=like, room=room, method=method)
        spreads = helpings(add, samples, room, (zeros, zeros))[-1]
        return tf.nest.map_structure(lambda leaf, zero: shared(leaf, samples, zero), spreads, zeros)

    def alone(i: Number, _: Number) -> Tensor:
        return tf.nest.map_structure(lambda leaf: leaf[tf.newaxis], maps(i))

    room = room_for(inputs)
    if at_once is not None and (not isinstance(room, int) or room > 1):
        with suppress(Unfoldable):
            return over(at_once, room)
    return over(alone, 1)


def _mean(state: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
    """Give means, and their largest standard errors: deviation / sqrt(n), with n - 1 for the deviation."""
    means, spreads = state

    def largest(leaf: Tensor) -> Tensor:
        return tf.reduce_max(standard_errors(leaf, taken), axis=range(1, leaf.shape.rank - 1))

    return means, tf.reduce_max([largest(leaf) for leaf in tf.nest.flatten(spreads)], axis=0)


def _widened(mask: Tensor, maps: Tensor) -> Tensor:
    """[B, T] to [B, 1, ..., T], to lie beside maps."""
    rows, columns = dims(mask)
    return tf.reshape(mask, [rows, *[1] * (maps.shape.rank - 2), columns])


def _shaped(maps: Tensor, like: Tensor) -> Tensor:
    maps.set_shape(like.shape)
    return maps
