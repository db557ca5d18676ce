"""What plugins say, and where they are found."""

from importlib import metadata

GOOD = """
from xaikit import hookimpl
from xaikit.core import Explanation, forward, gradient, method, per_target, transformer

@method
def {name}(model, *, sharpness: float = 1.0):
    '''Explain {name}.'''
    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        return Explanation(scores, per_target(lambda score: gradient(score, inputs), scores))
    return step

@hookimpl
def xaikit_explainers():
    return [{name}]
"""

HEAD = "from xaikit import hookimpl\nfrom xaikit.core import method, transformer\n"
HOOK = "\n@hookimpl\ndef xaikit_explainers():\n    "
METHOD = "\n@method\ndef twin(model):\n    return None\n"


def entry_points(folder):
    """The built-in ones, and those of the distributions in `folder`."""
    builtin = [point for point in metadata.entry_points(group="xaikit") if point.value.startswith("xaikit.")]
    found = [p for d in metadata.distributions(path=[str(folder)]) for p in d.entry_points if p.group == "xaikit"]
    return builtin + found


def good(name):
    return GOOD.format(name=name)
