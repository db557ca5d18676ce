"""Plugins that are installed as long as a test lasts."""

from tests.registry.conftest import installed as installed
