"""What `xaikit evaluate` evaluates on: an .npz of arrays, a folder of pictures, or the embedded ones."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..demo import model_path, shapes
from ..errors import InputError, UsageError

if TYPE_CHECKING:
    from .comparing import Wanted

_AT_ONCE = 32  # pictures read at a time
_NAMES = ("inputs", "targets", "masks")


class Examples(NamedTuple):
    """A model, and what it is evaluated on."""

    model: Any
    inputs: Any
    targets: Any
    masks: Any


def examples(wanted: "Wanted", embedded: int, trust: bool, tell: Callable[[str], None]) -> Examples:
    """Load the model and the data.

    Raises:
        InputError: The data cannot be read.
        ModelLoadError: The model cannot.
        XaikitError: They do not go together.
    """
    from ..models import load

    arrays = read_arrays(wanted.data) if wanted.data is not None and not wanted.data.is_dir() else None
    if arrays is not None and (wanted.size or wanted.preprocess != "auto"):
        raise UsageError("The arrays of an .npz are fed as they are: leave --size and --preprocess out.")
    model = load(wanted.model or model_path(), trust=trust)
    if arrays is not None:
        return Examples(model, arrays["inputs"], arrays.get("targets"), arrays.get("masks"))
    if wanted.data is not None:
        return Examples(model, _pictures(wanted.data, model, wanted, tell), None, None)
    drawn = shapes(embedded)
    return Examples(model, drawn.images, None, drawn.masks)


def read_arrays(path: Path) -> dict[str, Any]:
    """Read an .npz that holds `inputs`, and if you like `targets` and `masks`; nothing in it is run.

    Raises:
        InputError: It is no .npz, holds other things, pickled objects, or arrays of different lengths.
    """
    if not path.is_file():
        raise InputError(f"There is no {path}: give a folder of pictures or an .npz.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is no .npz: write one with np.savez(path, inputs=..., targets=..., masks=...).")
    try:
        with np.load(path, allow_pickle=False) as file:
            _check_names(path, file.files)
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, MemoryError) as error:  # ValueError: pickled objects too
        why = " ".join(str(error).split())[:200]
        raise InputError(f"Cannot read {path}: {why or type(error).__name__}.") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.ndim < 1 or len(array) != len(arrays["inputs"]):
            raise InputError(f"{path}: {name} must have one entry for each of the inputs.")
    return arrays


def _check_names(path: Path, names: list[str]) -> None:
    if "inputs" not in names:
        raise InputError(f"{path} lacks the array 'inputs'; it has: {', '.join(map(repr, names)) or 'none'}.")
    if other := sorted(set(names) - set(_NAMES)):
        raise InputError(f"{path} holds {other[0]!r}, which means nothing here: there are {', '.join(_NAMES)}.")


def _pictures(folder: Path, model: Any, wanted: "Wanted", tell: Callable[[str], None]) -> Iterator[Any]:
    """Read a folder's pictures some at a time, as the model wants them."""
    from ..images import find_pictures, read
    from .feeding import MODES, feeding

    paths = find_pictures([folder])
    feed = feeding(model, wanted.preprocess, wanted.size)
    tell(f"{len(paths)} pictures are fed as {MODES[feed.mode]} ({feed.why})")

    def batches() -> Iterator[Any]:
        held: list[Any] = []
        for path in paths:
            one = feed.sized(read(path))
            if held and (len(held) == _AT_ONCE or one.shape != held[0].shape):
                yield feed.scaled(np.stack(held))
                held = []
            held.append(one)
        yield feed.scaled(np.stack(held))

    return batches()
