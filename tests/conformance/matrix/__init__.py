"""What each client can say to each provider: run, and written down."""
