"""The upstream HTTP/1.1 connection pool, and what goes around one call: retry, breaker, address guard."""
