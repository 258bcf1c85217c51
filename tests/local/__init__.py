"""Specification of the embedded model."""
