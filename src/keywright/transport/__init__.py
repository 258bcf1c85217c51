"""The upstream HTTP/1.1 connection pool, and what goes around one call: retry and breaker."""

from keywright.transport.answer import Answer
from keywright.transport.pool import Pool
from keywright.transport.settings import PoolSettings

__all__ = ["Answer", "Pool", "PoolSettings"]
