"""What is right and wrong with an installation, and what to do about it.

Whatever may hang or kill the interpreter, TensorFlow and plugins above all, is looked at in a child process.
"""

from .examination import examined
from .finding import Finding, exit_code

__all__ = ["Finding", "examined", "exit_code"]
