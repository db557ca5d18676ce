"""`python -m xaikit`."""

from .cli import main

main()
