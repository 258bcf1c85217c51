"""Counting tokens: one module per wire, each with the names of `core.dialect.Wire`."""
