"""The composition root: the only room where real things are built and joined.

A command takes what it needs from the modules: `house` loads everything that a gateway is built from.
"""
