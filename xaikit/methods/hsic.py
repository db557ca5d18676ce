"""HSIC: how far the score depends on whether a cell is hidden, by the Hilbert-Schmidt independence criterion."""

from ..core import Count, Explanation, Model, Seed, Step, Tensor, Tolerance, forward, method, tf, uniform
from ..core.baselines import Baseline, baselines
from ..core.cells import Cells, blended, lay_cells, replaced
from ..core.copies import Number
from ..core.indices import Part, draws_of, index_maps, resolution
from ..core.sampling import standard_errors

_FIRST = 128  # scores that the kernel's width is taken from
_CHUNK = 256  # rows of the kernel matrix at a time, and samples between two looks at a tolerance
_MOST = 32 * _CHUNK


@method
def hsic(
    model: Model,
    *,
    samples: Count = 1500,
    cells: Count = 7,
    baseline: Baseline = 0.0,
    seed: Seed = 0,
    tolerance: Tolerance = 0.0,
) -> Step:
    """Hide each cell by the toss of a coin, and measure how far the score depends on each toss.

    The measure sees every kind of dependence, not its sign: it is 0 where score and toss are independent. A toss is
    compared by Dirac's kernel, a score by a Gaussian one, whose width is the median distance of the first 128 scores,
    of those that differ: so neither scale nor offset of the scores change a map. All positions of a cell have one
    value. A score that is the same under all masks has a map of zeros.

    The estimator is the biased one: `samples` masks lift every value, those of independent cells too, by some
    0.25 / samples. Every example gets the same masks, so that a map depends on no batch, replica or place. Of several
    inputs one is masked at a time. Inputs of whole numbers, such as tokens, are explained too.

    Maps: [B, *input positions, T], at least 0, without a unit; on tables [B, F, T].
    Cost: one forward pass, and `samples` for each input of the model; targets are free, but for samples^2 cells
        operations each.
    Claims: class-discriminative, stochastic.

    Args:
        samples: How many masks.
        cells: Into how many cells each axis of a picture or volume is divided, at most its side. On tables and series
            each feature or step is a cell.
        baseline: What hidden values become: a number in the input's units; "mean" (each example's own, per channel),
            "blur" (its own, a Gaussian of a tenth of each side), "uniform" (drawn once over its own range per channel);
            or an array like one example.
        seed: Which draws.
        tolerance: Instead of a number of samples: sample until the standard error of each map, the largest one of its
            values, is below this; 0 takes `samples`. It is that of the first-order (Hajek) projection
            at a fixed width.

    Raises:
        ParameterError: The baseline does not fit the model's input.
        ModelError: The input's size is not known.

    Source:
        Novello et al., "Making Sense of Dependence: Efficient Black-box Explanations Using Dependence Measure", 2022.
        arXiv:2206.06219: the criterion of binary masks and scores, and its estimator tr(KHLH) / (n - 1)^2.
    """
    begin = baselines(model, baseline)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        leaves, fills = tf.nest.flatten(inputs), tf.nest.flatten(begin(inputs)((seed,)))

        def part(number: int, grid: Cells) -> Part:
            tosses = draws_of(
                _MOST if tolerance else samples, lambda i: uniform([grid.count], (seed, i, number)) < 0.5
            )  # [samples, cells]

            def copy(i: Number) -> Tensor:
                kept = grid.spread(tf.cast(tosses[i], tf.float32))
                return replaced(inputs, number, blended(leaves[number], kept, fills[number]))

            return Part(grid, 1, copy, lambda scores, taken: criterion(scores[:, 0], tosses, taken))

        scores = forward(model, inputs, targets)
        maps = index_maps(
            model,
            inputs,
            targets,
            scores,
            [part(number, lay_cells(leaf, cells, "hsic")) for number, leaf in enumerate(leaves)],
            samples,
            tolerance=tolerance,
            method="hsic",
            size=_CHUNK,
            most=_MOST,
        )
        return Explanation(scores, maps)

    return step


def criterion(scores: Tensor, tosses: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate HSIC of scores [samples] and each cell's tosses [samples, cells], of which the first samples are taken.

    With tosses c of -1 and 1, less their mean, HKH = c c' / 2: the trace of KHLH is c' L c / 2, and no matrix of all
    pairs is held.

    Returns:
        Criteria and their standard errors, float64 [cells].
    """
    n = tf.cast(taken, tf.float64)
    valid = tf.cast(tf.range(scores.shape[0]) < taken, tf.float64)[:, tf.newaxis]
    signs = valid * tf.where(tosses, tf.constant(1.0, tf.float64), -1)
    c = signs - valid * tf.reduce_sum(signs, axis=0) / n
    width = _width(scores)
    cg, g, ccg, cgcg, cc = _sums(tf.cast(scores, tf.float64) / tf.where(width > 0, width, 1), c, valid, taken)
    values = cg / 2 / tf.maximum(n - 1, 1) ** 2
    # each sample's mean over its pairs, r = c (g - mean of g) / 2 n: half of its first-order influence
    mean = g / n
    squares = (cgcg - 2 * mean * ccg + mean**2 * cc) / (2 * n) ** 2 - n * (cg / (2 * n) / n) ** 2
    return tf.where(width > 0, values, 0), 2 * standard_errors(tf.where(width > 0, squares, 0), taken)


def _width(scores: Tensor) -> Tensor:
    """Give the median distance of the first scores, of those that differ by more than rounding; 0 where none do."""
    first = tf.cast(scores[:_FIRST], tf.float64)
    distances = tf.sort(tf.reshape(tf.abs(first[:, tf.newaxis] - first), [-1]))
    same = tf.reduce_sum(tf.cast(distances <= resolution(scores), tf.int32))
    count = distances.shape[0]
    middle = tf.gather(distances, tf.minimum((same + count) // 2, count - 1))  # a slice takes XLA seconds to compile
    return tf.where(same < count, middle, 0)


def _sums(y: Tensor, c: Tensor, valid: Tensor, taken: Tensor) -> list[Tensor]:
    """Add up c g, g, c c g, (c g)^2 and c c over samples, with g = L c and scores y in units of the kernel's width."""
    short = -y.shape[0] % _CHUNK
    y, c, valid = (tf.pad(leaf, [[0, short], [0, 0]]) for leaf in (y[:, tf.newaxis], c, valid))

    def add(start: Tensor, sums: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        some, signs, here = (tf.slice(leaf, [start, 0], [_CHUNK, leaf.shape[1]]) for leaf in (y, c, valid))
        # less 1, which H takes off anyway: equal scores give exactly 0
        kernel = tf.math.expm1(-((some - y[:, 0]) ** 2) / 2)  # [_CHUNK, samples]
        g = here * tf.matmul(kernel, c)
        more = [signs * g, g, signs**2 * g, (signs * g) ** 2, signs**2]
        return start + _CHUNK, [old + tf.reduce_sum(new, axis=0) for old, new in zip(sums, more, strict=True)]

    none = [tf.zeros([c.shape[1]], tf.float64)] * 5
    _, sums = tf.while_loop(lambda start, _: start < taken, add, (tf.constant(0), none), parallel_iterations=1)
    return list(sums)
