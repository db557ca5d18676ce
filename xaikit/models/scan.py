"""What a model file would have Keras do, found out before Keras is asked to do it.

Keras builds what the file's configuration names, and reads sizes that the file declares. The scan reads the same text
as data. It lowers the risk of accidents; it is no sandbox.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from pathlib import Path, PurePosixPath
from typing import Any

CONFIG_BYTES = 32 * 2**20  # the largest of keras.applications needs 0.8 MB
MEMBER_BYTES, EXPANSION = 64 * 2**20, 100  # weights hardly compress: a larger factor is a bomb
DEPTH = 64
SIZE = 10**8

_ENDINGS = {"a Keras archive": (".keras",), "an HDF5 file": (".h5", ".hdf5")}
_FORBIDDEN = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__lambda__"}
_FUNCTIONS = {
    f"keras.{name}"
    for name in ("activations", "initializers", "regularizers", "constraints", "losses", "metrics", "ops")
} | {"builtins"}  # Keras looks such a name up among its own functions of these kinds only
_TRUST = "Only if you know who made it: trust=True, on the command line --trust-model."
_ANY_SIZE = {"shared_object_id", "seed", "value", "vocabulary"}  # identities and data, no sizes


class Refused(Exception):
    """The file is not given to Keras; `why` says the reason and `hint` what to do."""

    def __init__(self, why: str, hint: str = "") -> None:
        self.why, self.hint = why, hint
        super().__init__(why)


def scan(path: Path, *, trust: bool, registered: Callable[[str], bool]) -> None:
    """Check that the file is what its name says, of reasonable sizes, and names nothing but Keras's own parts.

    Args:
        path: A regular file.
        trust: Check the container only, and let the configuration name anything.
        registered: Whether the user's program registered a class or function of this name with Keras.

    Raises:
        Refused: The file should not be loaded.
    """
    config = _archive_config(path) if _kind(path) == "a Keras archive" else _hdf5_config(path)
    if not isinstance(config, dict):
        raise Refused(f"its configuration is no JSON object, but a {type(config).__name__}")
    wanted = {key: value for key, value in config.items() if key != "compile_config"}  # training is not asked for
    foreign: set[str] = set()
    for key, value in _values(wanted):  # also with trust: it holds the depth
        if not trust:
            _check_size(key, value)
            foreign |= _foreign(value, registered)
    if foreign:
        raise Refused(
            f"it needs {', '.join(sorted(foreign))}, which Keras does not offer to models",
            "If it is your own, first import what registers it (keras.saving.register_keras_serializable).",
        )


def _kind(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(8)
    if not start:
        raise Refused("it is empty")
    kind = {b"PK": "a Keras archive", b"\x89H": "an HDF5 file"}.get(start[:2])
    if kind is None or (kind == "an HDF5 file" and start != b"\x89HDF\r\n\x1a\n"):
        raise Refused(f"it is neither a Keras archive nor an HDF5 file: it begins with {start!r}"[:200])
    if path.suffix not in _ENDINGS[kind]:
        named = f"named {path.suffix}" if path.suffix else "whose name has no ending"
        raise Refused(f"it is {kind} {named}", f"Rename it to end in {_ENDINGS[kind][0]}.")
    return kind


def _archive_config(path: Path) -> object:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _check_member(member)
            if "config.json" not in archive.namelist():
                raise Refused("it has no config.json, and so no model")
            with archive.open("config.json") as file:
                return _parsed(file.read(CONFIG_BYTES + 1))
    except Refused:
        raise
    except Exception as error:  # BadZipFile, zlib.error, EOFError, NotImplementedError, ...
        raise Refused(f"it is damaged ({error})", "Copy or save it again.") from error


def _check_member(member: zipfile.ZipInfo) -> None:
    inside = PurePosixPath(member.filename.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts:
        raise Refused(f"its member {member.filename!r} leads out of the archive")
    if member.file_size > MEMBER_BYTES and member.file_size > EXPANSION * member.compress_size:
        raise Refused(f"its member {member.filename!r} would expand more than {EXPANSION} times")


def _hdf5_config(path: Path) -> object:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
    except Exception as error:  # HDF5 says it in many ways
        raise Refused(f"it is damaged ({error})", "Copy or save it again.") from error
    if text is None:
        raise Refused("it has no model_config, so it holds weights at most", "Save it with model.save(...).")
    if not isinstance(text, str | bytes):
        raise Refused("its model_config is no text")
    return _parsed(text)


def _parsed(text: str | bytes) -> object:
    if len(text) > CONFIG_BYTES:
        raise Refused(f"its configuration is larger than {CONFIG_BYTES // 2**20} MiB")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Refused(f"its configuration is nested deeper than {DEPTH}") from error
    except ValueError as error:
        raise Refused(f"its configuration is no JSON ({error})") from error


def _values(config: object) -> Iterator[tuple[str, object]]:
    """Give each value with the key that it is found under; what is in a list has the list's key."""
    branches: list[Iterator[tuple[str, object]]] = [iter([("", config)])]
    while branches:  # no recursion: the depth is the file's choice
        entry = next(branches[-1], None)
        if entry is None:
            branches.pop()
            continue
        yield entry
        key, value = entry
        if isinstance(value, dict):
            branches.append(iter(value.items()))
        elif isinstance(value, list):
            branches.append(zip(repeat(key), value))
        if len(branches) > DEPTH:
            raise Refused(f"its configuration is nested deeper than {DEPTH}")


def _check_size(key: str, value: object) -> None:
    if isinstance(value, int) and value >= SIZE and key not in _ANY_SIZE:
        raise Refused(f"its configuration asks for {key} = {value}, and sizes end below {SIZE}", _TRUST)


def _foreign(value: object, registered: Callable[[str], bool]) -> set[str]:
    """Name what the value has Keras build, if that is neither Keras's nor the program's own."""
    if not isinstance(value, dict) or "class_name" not in value:
        return set()
    name, module = _named(value)
    if value["class_name"] in _FORBIDDEN:
        raise Refused(
            f"it has a {value['class_name'].strip('_')}, which runs what the file brings",
            _TRUST,
        )
    if _is_keras(value, name, module) or registered(str(value.get("registered_name") or name)):
        return set()
    return {f"{module}.{name}"}


def _named(record: Mapping[str, Any]) -> tuple[str, str]:
    is_function = record["class_name"] == "function"
    name, module = record.get("config") if is_function else record["class_name"], record.get("module") or ""
    if not isinstance(name, str) or not isinstance(module, str):
        raise Refused("its configuration has a part without a name")
    return name, module


def _is_keras(record: Mapping[str, Any], name: str, module: str) -> bool:
    if not module:  # Keras looks such a name up among its own classes
        return True
    if record["class_name"] == "function" or not name.lstrip("_")[:1].isupper():
        return module in _FUNCTIONS  # a function that is named as a class is called like one
    return module == "keras" or module.startswith("keras.")
