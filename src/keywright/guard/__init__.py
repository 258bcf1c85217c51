"""Protection against misuse: redaction, and later scanning and leak response."""
