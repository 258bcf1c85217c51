"""The credentials of a gateway: had from a configuration, in somebody's charge, with keys that are replaced."""
