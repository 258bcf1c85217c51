"""The stores of secrets that a configuration names, opened and kept."""
