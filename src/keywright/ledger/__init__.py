"""The spool and the writer: every call recorded once, whatever happens to the process."""

from keywright.ledger.ledger import EntryStore, Ledger
from keywright.ledger.settings import LedgerSettings

__all__ = ["EntryStore", "Ledger", "LedgerSettings"]
