"""Nonsense for every reader: only the errors of the contract may come out."""
