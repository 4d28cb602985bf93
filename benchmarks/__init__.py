"""Ratios against bare training and against peers: `python -m benchmarks`."""
