"""Specification of the older completions."""
