"""Keywright: one door to every LLM and one place for every key."""
