"""The real program, as a process of its own, attacked as in production.

program.py   a running `keywright up`: its address, its memory, its ledger, its end
crowd.py     many clients at once, who come, read and vanish as they were told
scale.py     how large an attack is: small for `make test`, large for `make soak`
"""
