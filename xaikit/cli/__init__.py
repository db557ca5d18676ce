"""The command line: one file per command, and the only place that prints."""

from .main import main as main
