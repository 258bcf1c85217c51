"""Specification of Hugging Face's text generation."""
