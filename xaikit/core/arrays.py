"""Arrays as parameters: compared by content, spelled by shape and digest, read back from a file."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Array:
    """A frozen array of numbers that a parameter holds.

    Annotate a parameter with `ArrayLike`, alone or in a union: `baseline: float | ArrayLike = 0.0`. It accepts a NumPy
    array, a tensor, or the name of an `.npy` file, which is the form that an expression can be read back from.
    """

    def __init__(self, values: Any, source: str = "") -> None:
        """Copy `values`, [any shape] of numbers; `source` is the file that they were read from."""
        import numpy as np

        self.values = np.array(values)
        self.values.setflags(write=False)
        self.source = source
        if self.values.dtype.kind not in "fiub":
            raise ValueError(f"must hold numbers instead of {self.values.dtype}")

    @classmethod
    def read(cls, path: str) -> "Array":
        """Read an `.npy` file; nothing in it is executed."""
        import numpy as np

        try:
            return cls(np.load(Path(path), allow_pickle=False), source=path)
        except (OSError, ValueError, EOFError) as error:
            raise ParameterError(f"Cannot read an array from {path!r}: {error}.") from error

    @cached_property
    def digest(self) -> str:
        """Hash shape, type and content: the first 12 digits of their SHA-256."""
        head = f"{self.values.dtype.str}{self.values.shape}".encode()
        return hashlib.sha256(head + self.values.tobytes()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Array) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        if self.source:
            return repr(self.source)
        shape = "x".join(map(str, self.values.shape)) or "scalar"
        return f"array({shape!r}, {self.digest!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(cls._accept)

    @classmethod
    def _accept(cls, value: Any) -> "Array":
        if isinstance(value, Array):
            return value
        if isinstance(value, str) and value.endswith(".npy"):
            return cls.read(value)
        if hasattr(value, "__array__") and getattr(value, "ndim", None):
            return cls(value)
        raise ValueError("must be an array of numbers, or the name of an .npy file")


# What a parameter's annotation says: at run time an `Array` is made of whatever a user gives.
if TYPE_CHECKING:
    ArrayLike: TypeAlias = Array | NDArray[Any] | str
else:
    ArrayLike = Array
