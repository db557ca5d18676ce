"""The whole extension surface. A plugin is a module or object with one of these hooks, behind an entry point:

[project.entry-points.xaikit]
contrast = "xaikit_contrast"

It may say for which version of this surface it was written, `xaikit_api = 1`; a newer one than xaikit has is refused.
"""

from collections.abc import Sequence
from typing import Any

import pluggy

API = 1  # grows when a plugin that was right becomes wrong, never when something is added
OLDEST_API = 1  # what was written for this version still works

hookspec = pluggy.HookspecMarker("xaikit")
hookimpl = pluggy.HookimplMarker("xaikit")


@hookspec
def xaikit_explainers() -> Sequence[Any]:
    """Give the methods and transformers that a plugin offers, as `method` and `transformer` made them.

    They are listed, found by name and composed like the built-in ones. Importing the plugin should not import
    TensorFlow: take it from `xaikit.core.tf`, which waits until it is used.
    """
    return ()


@hookspec
def xaikit_metrics() -> Sequence[Any]:
    """Give the metrics that a plugin offers, as `metric` made them.

    They are listed, found by name and evaluated like the built-in ones, and share their names with the explainers.
    """
    return ()
