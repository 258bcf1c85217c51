"""Cohere chat."""
