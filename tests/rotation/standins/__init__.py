"""Providers' administration APIs on loopback, with their true limits, and as much of the data plane as proves a key."""
