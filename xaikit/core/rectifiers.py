"""The rectifiers of a model, for methods that treat them in their own way: which ops they are, which are refused."""

from typing import Any

from ..errors import ModelError
from .rules import on_the_way, refuse
from .view import Model

# Activations that are rectifiers in other clothes: what the papers say of max(z, 0) does not tell what to do with them.
_OTHERS = ("LeakyRelu", "Elu", "Selu", "Softplus", "Erf", "Erfc", "IdentityN", "Maximum")
# Ops that hide others, of which it cannot be seen whether they are rectifiers, and which a rule does not reach.
_HIDING = ("PartitionedCall", "StatefulPartitionedCall", "While", "StatelessWhile", "If", "StatelessIf")


def check_rectifiers(model: Model, method: str) -> None:
    """Refuse a model whose rectifiers are not ReLU or ReLU6.

    Other ops, pooling, normalisation, a sigmoid gate, keep their own gradients.

    Raises:
        ModelError: The model has GELU, SiLU, ELU or the like, or a ReLU6 that is a part of a hard sigmoid or swish;
            or a loop or a function, whose ops cannot be seen.
    """
    refuse(model, method, (*_OTHERS, *_HIDING), "ReLU and ReLU6 outside of functions and loops")
    for op in on_the_way(model):
        if op.type == "Relu6" and any(_divides(user) for out in op.outputs for user in out.consumers()):
            raise ModelError(
                f"{method} has no rule for the hard sigmoid or swish that {op.name} of {model.name} is a part of; it "
                "knows ReLU and ReLU6: use another method, such as gradients."
            )


def _divides(op: Any) -> bool:
    """A hard sigmoid is relu6(x + 3) / 6, with the sixth as a quotient or as a factor."""
    return op.type in ("RealDiv", "Mul") and any(source.op.type in ("Const", "Cast") for source in op.inputs)
