"""Benchmarks: what one request costs."""
