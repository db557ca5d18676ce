"""Models from files."""

from .loading import load, sha256

__all__ = ["load", "sha256"]
