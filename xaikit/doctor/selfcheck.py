"""The self-test: explanations that are known beforehand, made in a child process."""

from ..errors import XaikitError
from .children import Outcome, in_child
from .finding import Finding, fine, problem, warning

_SECONDS = 300.0  # a minute at most, on a machine that does nothing else


def selfcheck(usable: bool) -> Finding:
    """Explain, and compare; where TensorFlow is not `usable`, say that this was not done."""
    if not usable:
        return warning("self-test", "not done, since TensorFlow cannot be used", "Mend TensorFlow first.")
    return compared(in_child("selftest", seconds=_SECONDS))


def compared(outcome: Outcome) -> Finding:
    """Judge what came of it."""
    report = outcome.report
    if report is None:
        found, advice = f"it fails: {outcome.ended}", "See the problems above; if there are none, please report this."
        return problem("self-test", found, advice, XaikitError.exit_code)
    if report["wrong"]:
        advice = "TensorFlow computes something else here: install it in a new environment, or please report this."
        return problem("self-test", "; ".join(report["wrong"]), advice, XaikitError.exit_code)
    return fine("self-test", f"{report['pictures']} pictures explained as they should be, in {report['seconds']:.0f} s")
