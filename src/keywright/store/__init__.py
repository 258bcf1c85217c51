"""SQL: tables, migrations, repositories. Nothing else knows SQL."""

from keywright.store.store import Store
from keywright.store.usage import Dimension, UsageRow

__all__ = ["Dimension", "Store", "UsageRow"]
