"""Other libraries, each measured against its floor in an environment of its own. Nothing here needs xaikit."""
