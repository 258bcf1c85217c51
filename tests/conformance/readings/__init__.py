"""Answers of every wire, read from plain JSON: one file each, sharing nothing with the dialects."""
