"""Side-by-side measurements: `make bench` (speed), `python benchmarks/coverage.py` (intervals)."""
