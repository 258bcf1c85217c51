"""Which models exist, what they can do, what they cost and since when."""
