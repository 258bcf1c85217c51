"""Key encryption keys, one file per kind of place; `inventory.py` opens them by what the configuration says."""
