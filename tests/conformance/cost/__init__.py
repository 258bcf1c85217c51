"""What the ledger says a call cost, and what the provider's own numbers say: computed twice, sharing no code."""
