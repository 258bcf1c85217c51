"""Benchmarks: what one request, one chunk, one stream and one installation cost, with nginx as the limit.

`python -m bench` runs them; docs/rfd/003-benchmark.md says why they are as they are.
"""
