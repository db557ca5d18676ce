"""What is done in child processes: `python -m xaikit.doctor.tasks REPORT TASK ARGUMENTS...`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def environment() -> dict[str, Any]:
    """Import TensorFlow and Keras as xaikit does, and say what is there."""
    from ..core.lazy import check_environment
    from ..errors import SetupError

    try:
        check_environment()
    except SetupError as error:
        return {"problem": str(error)}
    import keras
    import tensorflow as tf

    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "backend": keras.config.backend(),
        "cuda": tf.test.is_built_with_cuda(),
        "gpus": [_described(device) for device in tf.config.list_physical_devices("GPU")],
        "tpus": len(tf.config.list_physical_devices("TPU")),
    }


def _described(device: Any) -> str:
    import tensorflow as tf

    return str(tf.config.experimental.get_device_details(device).get("device_name", device.name))


def plugin(distribution: str, name: str) -> dict[str, Any]:
    """Import one plugin, as a listing does."""
    from importlib import metadata

    from ..registry import GROUP, Registry

    points = [
        point
        for point in metadata.entry_points(group=GROUP)
        if point.name == name and distribution == (point.dist.name if point.dist and point.dist.name else point.value)
    ]
    (made,) = Registry(points).plugins
    return {
        "status": made.status,
        "problem": made.problem,
        "seconds": made.seconds,
        "heavy": made.heavy,
        "offers": sorted(made.explainers),
    }


def selftest() -> dict[str, Any]:
    """Explain what is known, and compare."""
    from .selftest import checks

    return checks()


def main(report: str, task: str, *arguments: str) -> None:
    """Run a task, and write what it gives as JSON, whole or not at all."""
    tasks: dict[str, Callable[..., Any]] = {"environment": environment, "plugin": plugin, "selftest": selftest}
    text = json.dumps(tasks[task](*arguments))
    Path(report).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
