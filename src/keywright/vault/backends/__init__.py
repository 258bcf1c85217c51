"""Where secrets are kept: one file for each kind of place. The inventory is `keywright.vault.stores`."""
