"""A real OpenBao server, and the backend and the key that ask it."""
