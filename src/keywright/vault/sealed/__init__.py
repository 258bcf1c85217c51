"""Keywright's own encrypted store: envelopes, the proof that a key is the right one, the change to another key."""
