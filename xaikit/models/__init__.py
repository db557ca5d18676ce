"""Models from files, and on many devices."""

from .loading import load, sha256
from .replicas import replicated

__all__ = ["load", "replicated", "sha256"]
