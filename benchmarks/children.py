"""Work done in a child process each: its memory is its own, and what it compiled is gone with it.

A server process imports TensorFlow once and does nothing with it; children are forked from it, in a second each.
"""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

PRELOADED = ["numpy", "tensorflow", "keras", "xaikit", "benchmarks.measuring"]


def pool() -> ProcessPoolExecutor:
    """Give a pool that runs one child at a time, and each piece of work in a new one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1)


def in_child(work: Callable[..., Any], *arguments: Any) -> Any:
    """Do a piece of work in a child, and give what it returns; what it raises is raised here."""
    with pool() as children:
        return children.submit(work, *arguments).result()
