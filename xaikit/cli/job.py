"""The work of `xaikit explain`: pictures in, overlays, maps and a manifest out."""

import datetime
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from ..core import Show
from ..core.outputs import one_output
from ..core.targets import Chosen, chosen
from ..demo import CLASSES, model_path, shapes
from ..errors import InputError, UsageError
from ..images import find_pictures, read, visualize
from ..targets import difference, read_labels
from .folder import MANIFEST, save_json
from .machine import Machine
from .naming import name_of, target_of

_AT_ONCE = 32  # pictures held in memory at a time
_EMBEDDED = 6
_SHOWS = ("auto", "for", "size", "signed")


class Item(NamedTuple):
    """A picture to explain.

    Attributes:
        name: What it is called in messages and the manifest.
        read: Gives its pixels, uint8 [H, W, 3].
        sha256: Gives the digest of its file.
    """

    name: str
    read: Callable[[], Any]
    sha256: Callable[[], str]


class Fed(NamedTuple):
    """A picture that was read: its number and item, the raw pixels, and what the model is fed."""

    number: int
    item: Item
    raw: Any
    fed: Any


@dataclass(frozen=True)
class Choices:
    """What was asked for, checked as far as it can be without a model."""

    items: list[Item]
    model: Path
    target: Any
    labels: list[str]
    preprocess: str
    size: str
    show: Show
    trust: bool

    @property
    def chosen(self) -> Chosen:
        """The target as a step takes it."""
        return chosen(self.target)


def choices(
    pictures: Sequence[Path],
    model: Path | None,
    target: str,
    output_name: str,
    labels: Path | None,
    preprocess: str,
    size: str,
    show: str,
    trust: bool,
) -> Choices:
    """Check what was asked for before TensorFlow is imported.

    Raises:
        UsageError: A model of one's own and no pictures; an unknown value.
        InputError: Pictures or labels cannot be found.
    """
    if show not in _SHOWS:
        raise UsageError(f"--show must be {', '.join(_SHOWS)}, not {show!r}.")
    if model is not None and not pictures:
        raise UsageError("Give the pictures to explain with --model: files or folders.")
    names = read_labels(labels) if labels else list(CLASSES) if model is None else []
    items = [_file(path) for path in find_pictures(list(pictures))] if pictures else _embedded()
    shown: Any = show
    wanted = target_of(target, names, output_name)
    return Choices(items, model or model_path(), wanted, names, preprocess, size, shown, trust)


def _file(path: Path) -> Item:
    def digest() -> str:
        from ..models.loading import sha256

        return sha256(path)

    return Item(str(path), lambda: read(path), digest)


def _embedded() -> list[Item]:
    drawn = shapes(_EMBEDDED, side=96)

    def item(i: int) -> Item:
        return Item(f"embedded {CLASSES[drawn.labels[i]]} {i + 1}", lambda: drawn.images[i], lambda: "")

    return [item(i) for i in range(_EMBEDDED)]


class Job:
    """One run over some pictures, into a folder."""

    def __init__(
        self,
        explainer: Any,
        asked: Choices,
        machine: Machine,
        folder: Path,
        *,
        details: bool = False,
        tell: Callable[[str], None],
    ) -> None:
        self.explainer = explainer
        self.asked = asked
        self.machine = machine
        self.folder = folder
        self.details = details
        self.tell = tell
        self.count = len(asked.items)
        self.failed: list[dict[str, str]] = []
        self.rows: list[dict[str, Any]] = []
        self.notes: dict[str, str] = {}

    def run(self) -> dict[str, Any]:
        """Explain every picture, write what it gave, and give the manifest.

        Raises:
            InputError: No picture could be read.
            XaikitError: The model, the expression and the pictures do not go together.
        """
        from ..models import load
        from .feeding import MODES, feeding

        self.model = self.machine.placed(load(self.asked.model, trust=self.asked.trust), self.tell)
        self.feeding = feeding(self.model, self.asked.preprocess, self.asked.size)
        self.tell(f"pictures are fed as {MODES[self.feeding.mode]} ({self.feeding.why})")
        for chunk in _chunks(self.asked.items, _AT_ONCE):
            fed = list(self._read(chunk))
            for _, group in groupby(sorted(fed, key=lambda one: one.fed.shape), key=lambda one: one.fed.shape):
                self._explain(list(group))
        if not self.rows:
            raise InputError("None of the pictures could be read.")
        self.rows.sort(key=lambda row: row["overlay"])
        manifest = self._manifest()
        save_json(self.folder / MANIFEST, manifest)
        return manifest

    def _read(self, chunk: list[tuple[int, Item]]) -> Iterator[Fed]:
        for number, item in chunk:
            try:
                raw = item.read()
                yield Fed(number, item, raw, self.feeding.sized(raw))
            except InputError as error:
                self.failed.append({"picture": item.name, "error": str(error)})
                self.tell(f"error: {error}")

    def _explain(self, group: list[Fed]) -> None:
        from ..api import explain
        from ..showing import heat

        inputs = self.feeding.scaled(np.stack([one.fed for one in group]))
        explained: Any = explain(
            self.explainer,
            self.model,
            inputs,
            self.asked.target,
            details=self.details,
            **self.machine.options,
        )
        for subject, text in explained.notes.items():
            if self.notes.get(subject) != text:
                self.tell(f"{subject}: {text}")
        self.notes = dict(explained.notes)
        heats = heat(explained.maps, inputs, self.asked.show)
        chances = self._chances(inputs, explained)
        for i, one in enumerate(group):
            self._write(one, explained, i, heats[i], None if chances is None else chances[i])

    def _chances(self, inputs: Any, explained: Any) -> Any:
        """The outputs of the targets, [N, T], where they are probabilities before which logits were found."""
        chosen = self.asked.chosen
        if explained.notes.get("scores") != "logits" or chosen.function is not None:
            return None

        def fed(batch: Any) -> Any:
            made = self.model(batch, training=False)
            return np.asarray(made if chosen.output is None else one_output(self.model, made, chosen.output))

        rows = _AT_ONCE if self.machine.batch_size == "auto" else self.machine.batch_size
        parts = [fed(inputs[start : start + rows]) for start in range(0, len(inputs), rows)]
        outputs = np.concatenate(parts).reshape(len(inputs), -1)
        return np.take_along_axis(outputs, explained.targets, axis=1)

    def _write(self, one: Fed, explained: Any, i: int, heats: Any, chances: Any) -> None:
        scores, targets = explained.scores[i], explained.targets[i]
        names = [self._name(int(target)) for target in targets]
        said = [f"score {score:.3g}" for score in scores] if chances is None else [_percent(share) for share in chances]
        titles = [f"{name} {text}" for name, text in zip(names, said, strict=True)]
        stem = f"{one.number:04d}-{_slug(one.item.name)}"
        overlays = [None, *(heats[..., t] for t in range(len(targets)))]
        visualize(
            [one.raw] * len(overlays),
            ["", *titles],
            overlays,
            cols=min(len(overlays), 4),
            heading=f"{Path(one.item.name).name}: {titles[0]}",
            signed=self.asked.show == "signed" or bool(heats.min() < 0),
            size=3.4,
            to=self.folder / f"{stem}.png",
        )
        np.save(self.folder / f"{stem}.npy", explained.maps[i], allow_pickle=False)
        self.rows.append(
            {
                "picture": one.item.name,
                "sha256": one.item.sha256(),
                "title": ", ".join(titles),
                "targets": [int(target) for target in targets],
                "labels": names,
                "scores": [float(score) for score in scores],
                "outputs": None if chances is None else [float(chance) for chance in chances],
                "overlay": f"{stem}.png",
                "map": f"{stem}.npy",
                "map_shape": list(explained.maps[i].shape),
                "details": {name: figures[i].tolist() for name, figures in explained.details.items()},
                "fed_size": list(one.fed.shape[:2]),
            }
        )

    def _name(self, target: int) -> str:
        """Name a target: of a difference both classes, where they are given by index or name."""
        goal = self.asked.chosen.function
        if not isinstance(goal, difference):
            return name_of(target, self.asked.labels)
        second = goal.second if isinstance(goal.second, str) else name_of(goal.second, self.asked.labels)
        return f"{name_of(target, self.asked.labels)} rather than {second}"

    def _manifest(self) -> dict[str, Any]:
        from ..models.loading import sha256
        from ..result import spelled_out

        files = [row[kind] for row in self.rows for kind in ("overlay", "map")]
        embedded = self.asked.model == model_path()
        return {
            "made_by": f"xaikit {__version__}",
            "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "expression": repr(self.explainer),
            "parameters": spelled_out(self.explainer),
            "model": {
                "path": "embedded" if embedded else str(self.asked.model),
                "name": self.model.name,
                "sha256": sha256(self.asked.model),
            },
            "layer": self.notes.get("layer"),
            "target": self.asked.chosen.text or self.asked.target,
            "scores": self.notes.get("scores"),
            "preprocess": self.feeding.mode,
            "show": self.asked.show,
            "batch_size": self.machine.batch_size,
            "precision": self.notes.get("precision"),
            "versions": _versions(),
            "pictures": self.rows,
            "failed": self.failed,
            "files": [*files, MANIFEST],
        }


def _chunks(items: list[Item], size: int) -> Iterator[list[tuple[int, Item]]]:
    numbered = list(enumerate(items, start=1))
    for start in range(0, len(numbered), size):
        yield numbered[start : start + size]


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "<1%"


def _slug(name: str) -> str:
    """Make a file's name out of data: plain letters, and never a path."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).stem).strip("-").lower()
    return stem[:40] or "picture"


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for distribution in ("xaikit", "keras", "numpy"):
        found[distribution] = metadata.version(distribution)
    import tensorflow as tf

    return found | {"tensorflow": tf.__version__}
