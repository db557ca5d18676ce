"""What TensorFlow executed in a call: each op with its type and its own time, read from a trace of the profiler."""

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

_OP = re.compile(r"^(?P<name>[^:]+):(?P<type>\w+)$")
_CALLS = (
    "PartitionedCall",
    "StatefulPartitionedCall",
    "While",
    "StatelessWhile",
    "If",
    "StatelessIf",
    "_Send",
    "_Recv",
)


class Executed(NamedTuple):
    """An op that ran: its type, its name in the graph, and its own time in milliseconds."""

    type: str
    name: str
    ms: float


def executed(call: Callable[[], Any]) -> list[Executed]:
    """List the ops that a call executes."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            call()
        space = xplane_pb2.XSpace()
        for path in Path(folder).rglob("*.xplane.pb"):
            space.MergeFromString(path.read_bytes())
    return [op for plane in space.planes for line in plane.lines for op in _ops(line, plane.event_metadata)]


def _ops(line: Any, names: Any) -> list[Executed]:
    """The ops of one thread; the time of what runs inside of an op is taken off."""
    events = sorted(line.events, key=lambda event: (event.offset_ps, -event.duration_ps))
    found, open_ops = [], []
    for event in events:
        match = _OP.match(names[event.metadata_id].name)
        if match is None or match["type"] in _CALLS:
            continue
        while open_ops and open_ops[-1][0] <= event.offset_ps:
            open_ops.pop()
        if open_ops:
            open_ops[-1][1][2] -= event.duration_ps
        entry = [match["type"], match["name"], event.duration_ps]
        open_ops.append((event.offset_ps + event.duration_ps, entry))
        found.append(entry)
    return [Executed(kind, name, own / 1e9) for kind, name, own in found]


def by_type(ops: list[Executed]) -> list[tuple[str, int, float]]:
    """Types, how many ops of each ran, and their milliseconds together; the slowest first."""
    counts, times = Counter(op.type for op in ops), Counter[str]()
    for op in ops:
        times[op.type] += op.ms
    return [(kind, counts[kind], ms) for kind, ms in times.most_common()]


def passes(ops: list[Executed], convolutions: int) -> tuple[float, float]:
    """How many forward and backward passes ran, by the convolutions of a network that has so many."""
    forward = sum("Conv2D" in op.type and "Backprop" not in op.type for op in ops)
    backward = sum("Conv2DBackpropInput" in op.type for op in ops)
    return forward / convolutions, backward / convolutions
