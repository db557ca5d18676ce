"""What methods and transformers are made of."""

from .arrays import Array, ArrayLike
from .baselines import Baseline, baselines
from .completeness import report_gap
from .copies import clean, dims, over_copies
from .draws import bits, normal, uniform
from .explanation import Explanation, Step, Tensor
from .filters import How, Show, channels_reduced, negative_part, positive_part, to_heat, to_signed_range, to_unit_range
from .geometry import ResizeMethod, is_location, map_maps, mirrored, resized, sides, to_positions
from .gradients import gradient, per_target
from .lazy import keras, tf
from .parameters import Count, NonNegative, Positive, Seed, Share
from .passes import ancestors
from .recipe import Recipe, method, transformer
from .repeats import maps_of
from .sampling import Tolerance, averaged_over, mean_of_copies
from .steps import Explainer, bound
from .taps import Tap, layer, spatial_layer, spatial_layers
from .tokens import Sides
from .tracing import detail, note, warn_where
from .view import Model, as_view, forward
from .weights import learned_weights

__all__ = [
    "Array",
    "ArrayLike",
    "Baseline",
    "Count",
    "Explainer",
    "Explanation",
    "How",
    "Model",
    "NonNegative",
    "Positive",
    "Recipe",
    "ResizeMethod",
    "Seed",
    "Share",
    "Show",
    "Sides",
    "Step",
    "Tap",
    "Tensor",
    "Tolerance",
    "ancestors",
    "as_view",
    "averaged_over",
    "baselines",
    "bits",
    "bound",
    "channels_reduced",
    "clean",
    "detail",
    "dims",
    "forward",
    "gradient",
    "is_location",
    "keras",
    "layer",
    "learned_weights",
    "map_maps",
    "maps_of",
    "mean_of_copies",
    "method",
    "mirrored",
    "negative_part",
    "normal",
    "note",
    "over_copies",
    "per_target",
    "positive_part",
    "report_gap",
    "resized",
    "sides",
    "spatial_layer",
    "spatial_layers",
    "tf",
    "to_heat",
    "to_positions",
    "to_signed_range",
    "to_unit_range",
    "transformer",
    "uniform",
    "warn_where",
]
