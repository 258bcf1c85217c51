"""Specification of the two dialects of Ollama's own API."""
