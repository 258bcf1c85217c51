"""The stores of this machine: what only they can suffer, and what a write leaves of the files around it."""
