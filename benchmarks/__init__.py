"""Speed, as ratios to the compiled floor that any implementation has to pay: see docs/explanation/speed.md."""
