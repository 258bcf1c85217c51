"""What can go wrong with a benchmark.

BenchError
└── MissingToolError   a program that must be installed is not
"""


class BenchError(Exception):
    """A measurement could not be made; the message says which and why."""


class MissingToolError(BenchError):
    """A program that the benchmark needs is not installed; the message says what to install."""
