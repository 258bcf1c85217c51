"""The administration API under `/api/v1`: never on the way of a call."""
