"""How much of all recorded traffic is carried exactly: measured, and written into docs/conformance.md."""
