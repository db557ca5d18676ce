"""The one place where model files are loaded.

Loading a model is running a program. The checks lower the risk of accidents; they are no sandbox.
"""

import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.lazy import check_environment
from ..errors import ModelLoadError
from .exported import exported
from .scan import Refused, scan

if TYPE_CHECKING:
    import keras

_LENGTH = 300  # Keras quotes whole configurations


def load(path: str | os.PathLike[str], *, trust: bool = False) -> "keras.Model":
    """Load a model that Keras saved, `.keras`, `.h5` or a SavedModel, uncompiled.

    The file is scanned first, and Keras loads it in safe mode: layers of Keras, and those that your program registered
    with `keras.saving.register_keras_serializable`, are all that it may name. Keras's own settings stay as they were.

    A SavedModel, the folder that `model.export` writes, is a program: it is loaded only if you trust it, as a model
    around one `TFSMLayer`. Its ops are hidden, so methods that need the input alone work on it, on the outputs as they
    are, and those that look inside say why they do not.

    Args:
        path: A regular file on this machine, or the folder of a SavedModel.
        trust: Let the file bring code, such as Lambda layers: only if you know who made it. The log names it.

    Raises:
        ModelLoadError: It is not there, refused, damaged, no model, or has weights that are not finite.
    """
    with _told(path):
        local = _local(path)
    check_environment()  # what is missing there says nothing about the file
    import keras

    with _told(path):
        if local.is_dir():
            return exported(local, trust)
        scan(local, trust=trust, registered=lambda name: keras.saving.get_registered_object(name) is not None)
        if trust:
            logging.getLogger("xaikit").warning("trusted %s, SHA-256 %s", _printable(str(local)), sha256(local))
        return _loaded(local, trust)


def sha256(path: str | os.PathLike[str]) -> str:
    """Give the SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _local(path: str | os.PathLike[str]) -> Path:
    text = os.fsdecode(path)
    if "://" in text:
        raise Refused("it is an address", "Download the file, check it, and give its path.")
    mode = os.lstat(text).st_mode
    if stat.S_ISLNK(mode):
        raise Refused("it is a symbolic link", "Give the file itself.")
    if stat.S_ISDIR(mode) and not os.path.exists(os.path.join(text, "saved_model.pb")):
        raise Refused("it is a folder, and no SavedModel", "Give the .keras file.")
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise Refused("it is not a regular file")
    return Path(os.path.abspath(text))  # Keras takes some relative names for addresses


def _loaded(path: Path, trust: bool) -> "keras.Model":
    import keras

    with _settings_kept():
        model = keras.saving.load_model(path, compile=False, safe_mode=not trust)
    if not isinstance(model, keras.Model):
        raise Refused(f"it holds a {type(model).__name__}, which is no model")
    _check_finite(model)
    return model


def _check_finite(model: "keras.Model") -> None:
    import keras
    import numpy as np

    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype) and not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            raise Refused(f"its weights {weight.path!r} are not finite", "Its training failed: train it again.")


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Put back the settings of Keras that a configuration can reach."""
    from keras import config

    layout, floats, policy = config.image_data_format(), config.floatx(), config.dtype_policy()
    filtering = config.is_traceback_filtering_enabled()
    try:
        yield
    finally:
        config.set_image_data_format(layout)
        config.set_floatx(floats)
        config.set_dtype_policy(policy)
        _set_filtering(config, filtering)


def _set_filtering(config: Any, filtering: bool) -> None:
    if filtering:
        config.enable_traceback_filtering()
    else:
        config.disable_traceback_filtering()


@contextmanager
def _told(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say every failure in one line that names the file."""
    try:
        yield
    except Refused as error:
        raise ModelLoadError(_message(path, error.why, error.hint)) from error
    except OSError as error:
        raise ModelLoadError(_message(path, error.strerror or str(error))) from error
    except Exception as error:  # Keras has ten classes of errors for damaged files
        hint = "Is the file complete, its Keras no newer than this one, and every class of its own registered?"
        why = str(error).rpartition("Exception encountered:")[2]  # before it stands the whole configuration
        raise ModelLoadError(_message(path, why or type(error).__name__, hint)) from error


def _message(path: str | os.PathLike[str], why: str, hint: str = "") -> str:
    why = " ".join(why.split()).rstrip(".")
    why = why if len(why) <= _LENGTH else f"{why[:_LENGTH]}..."
    return _printable(f"cannot load {os.fsdecode(path)}: {why}. {hint}".rstrip())


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
