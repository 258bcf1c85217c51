"""What configures the ledger."""

from typing import Final

from msgspec import Struct

SEGMENT_BYTES: Final = 4 * 2**20


class LedgerSettings(Struct, frozen=True):
    """How the ledger writes, and how far it goes on without its store.

    `flush_interval_s`: how long an entry may wait for its batch; also the most that a power cut can lose.
    `batch_entries_max`: entries per transaction of the store.
    `waiting_max`: entries not yet stored at which further calls are refused (about 1 KiB of memory and disk each).
    `retry_s_max`: the longest pause between two attempts while the store fails.
    `close_s`: how long closing waits for the store; what is not stored by then stays in the spool.
    `renew_s`: after how long a spool segment whose calls are all stored is replaced although it is not full.
    """

    flush_interval_s: float = 0.25
    batch_entries_max: int = 1000
    waiting_max: int = 50_000
    retry_s_max: float = 5.0
    close_s: float = 5.0
    renew_s: float = 3600.0
    segment_bytes: int = SEGMENT_BYTES
