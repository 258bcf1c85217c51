"""How each wire speaks: one module per dialect, with two faces."""
