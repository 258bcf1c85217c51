"""Every SDK, unmodified, on one running gateway, towards every provider: the same scenarios for all."""
