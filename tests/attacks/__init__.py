"""Attacks across rooms: what a client, an upstream or a configuration may try, on a gateway that is running."""
