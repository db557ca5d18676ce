"""An explainer repeated on other draws of the network, such as with dropout on: each the same for every example."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .copies import Number, clean, dims, parted
from .draws import fixed
from .dropout import Dropout, is_noisy
from .explanation import Explanation, Step, Tensor
from .lazy import keras, tf
from .rows import in_rows
from .steps import Explainer, bound
from .tracing import note, without_details
from .view import Model


def note_noise(model: Model) -> None:
    """Note how many layers make noise, so that a model without any is seen to be one."""
    layers = model.keras_model._flatten_layers(include_self=False, recursive=True)
    count = len({id(layer) for layer in layers if is_noisy(layer)})
    note("dropout", f"on in {count} layer{'' if count == 1 else 's'}" if count else "none in this model")


def drawn(explainer: Explainer, model: Model, inputs: Tensor, targets: Tensor, seed: int) -> Callable[[Number], Tensor]:
    """Give the maps of repetition i, for a number or a scalar tensor.

    It is to be called within the step of the explainer that repeats.
    """
    key = fixed(seed)

    return lambda i: maps_of(explainer, model.changed(dropout=Dropout(key, i)), inputs, targets)


def drawn_at_once(
    explainer: Explainer, model: Model, inputs: Tensor, targets: Tensor, seed: int
) -> Callable[[Number, Number], Tensor] | None:
    """Give the maps of some repetitions, from the number of the first and how many, [size, B, ..., T].

    They raise Unfoldable where the explainer makes copies itself. None where the model is not known to keep examples in
    rows up to its noise: which rows are whose could not be told.
    """
    if not _noise_in_rows(model, inputs):
        return None
    key = fixed(seed)

    def maps(start: Number, size: Number) -> Tensor:
        fed = tf.nest.map_structure(lambda leaf: tf.tile(leaf, [size] + [1] * (leaf.shape.rank - 1)), inputs)
        view = model.changed(dropout=Dropout(key, start + tf.range(size), inputs=fed))
        found = _maps_on(explainer, view, fed, tf.tile(targets, [size, 1]))
        return tf.nest.map_structure(lambda leaf: parted(leaf, size), found)

    return maps


def _noise_in_rows(model: Model, inputs: Tensor) -> bool:
    """Whether every layer that makes noise, or the recurrent layer around its cell, sees the examples in rows."""
    made = model.run(inputs)
    layers = model.keras_model._flatten_layers(include_self=False, recursive=True)
    noisy = {layer.name for layer in layers if is_noisy(layer)}
    recurrent = {layer.name for layer in layers if isinstance(layer, keras.layers.RNN)}
    names = [call.path.split("/") for call in made.calls]
    wholes = {"/".join(_whole(each, recurrent)) for each in names if each[-1] in noisy}
    read = [call.inputs for call in made.calls if call.path in wholes]
    visible = all(getattr(each, "graph", None) is made.graph for each in read)
    return visible and (not read or in_rows(inputs, read))


def _whole(names: list[str], recurrent: set[str]) -> list[str]:
    """Name the recurrent layer that a cell is in, which reads all the steps; any other layer by its own path."""
    around = [i for i, name in enumerate(names[:-1], 1) if name in recurrent]
    return names[: around[0]] if around else names


def maps_of(explainer: Explainer, view: Model, inputs: Tensor, targets: Tensor) -> Tensor:
    """Give the maps of an explainer for a view that is made within a step, of tensors such as one repetition's draws.

    Such a view cannot be bound before. Nothing is reported of it.

    Args:
        explainer: Not bound yet.
        view: A changed view of the model that `bind` received.
        inputs: [B, ...].
        targets: [B, T].
    """
    here = tf.nest.map_structure(tf.identity, inputs)  # of the loop's own graph, where ops are looked at
    return _maps_on(explainer, view, here, targets)


def _maps_on(explainer: Explainer, view: Model, inputs: Tensor, targets: Tensor) -> Tensor:
    view.run(inputs)  # the pass that layers are looked for in, and that the step itself makes
    with without_details():
        return bound(explainer, view)(inputs, targets).maps


def stacked(maps: Callable[[Number], Tensor], count: int, like: Explanation) -> Tensor:
    """Give the maps of every repetition, [count, B, ..., T]."""
    types = tf.nest.map_structure(lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype), like.maps)
    return tf.map_fn(maps, tf.range(count), fn_output_signature=types, parallel_iterations=1)


def quantiles_of(values: Tensor, shares: Sequence[float]) -> list[Tensor]:
    """Give quantiles along the first axis, linear between the values in order, as `np.quantile` does."""
    ordered = tf.sort(values, axis=0)
    last = dims(values)[0] - 1

    def one(share: float) -> Tensor:
        place = share * last
        low = int(place)
        high = min(low + 1, last)
        return ordered[low] + (ordered[high] - ordered[low]) * tf.cast(place - low, values.dtype)

    return [one(share) for share in shares]


@dataclass(frozen=True)
class Quantiles:
    """An explainer whose maps are lists, of one quantile map for each share.

    Attributes:
        explainer: What is repeated.
        shares: Which quantiles, from 0 to 1.
        repetitions: How many draws of the network.
        seed: Which draws.
    """

    explainer: Explainer
    shares: tuple[float, ...]
    repetitions: int
    seed: int

    def bind(self, model: Model, /) -> Step:
        """Make the step."""
        note_noise(model)
        plain = bound(self.explainer, model)

        def step(inputs: Tensor, targets: Tensor, /) -> Explanation:
            first = clean(plain, inputs, targets)
            maps = drawn(self.explainer, model, inputs, targets, self.seed)
            leaves = tf.nest.flatten(stacked(maps, self.repetitions, first))
            found = zip(*(quantiles_of(leaf, self.shares) for leaf in leaves), strict=True)
            return Explanation(first.scores, [tf.nest.pack_sequence_as(first.maps, list(each)) for each in found])

        return step

    def __repr__(self) -> str:
        shares = ", ".join(f"{share:g}" for share in self.shares)
        return f"quantiles({self.explainer!r}, q=({shares},), repetitions={self.repetitions}, seed={self.seed})"
