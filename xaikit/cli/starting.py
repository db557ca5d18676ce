"""TensorFlow, started without the lines that it writes on stderr whatever its log level is."""

import os
import sys
import tempfile

from ..core.lazy import check_environment


def start_tensorflow() -> None:
    """Import TensorFlow; what it wrote meanwhile is shown only if that fails.

    Raises:
        SetupError: TensorFlow is missing or too old, or Keras runs on another backend.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)  # the lines come from C++, past Python's own stderr
        try:
            check_environment()
        except ImportError:
            written.seek(0)
            os.write(saved, written.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
