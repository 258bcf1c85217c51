"""What a process was granted of one account, and what a call takes of it. See `ledger/escrow.py`."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["money", "requests", "tokens", "running"]
PER_MINUTE: Final = frozenset({"requests", "tokens"})


class Lease:
    """What this process may use of one account. `left`: what nobody held when the store was last asked."""

    __slots__ = (
        "account",
        "asked_us",
        "away",
        "cap",
        "chunk",
        "dry_until_us",
        "granted",
        "held",
        "is_tight",
        "is_wanted",
        "kind",
        "left",
        "looks",
        "low",
        "minute",
        "tight_until_us",
    )

    def __init__(self, account: str, cap: int, kind: Kind) -> None:
        self.account = account
        self.cap = cap
        self.kind = kind
        self.granted = 0
        self.held = 0
        self.away = 0
        self.left = 0
        self.chunk = 0
        self.low = 0
        self.minute = 0
        self.looks = 0
        self.asked_us = -(10**9)
        self.tight_until_us = 0
        self.dry_until_us = 0
        self.is_wanted = False
        self.is_tight = False

    @property
    def free(self) -> int:
        """What may be taken now."""
        return self.granted - self.held - self.away

    def turn(self, minute: int) -> None:
        """A new minute has begun: of a rate, all may be used again."""
        self.minute = minute
        if self.kind in PER_MINUTE:
            self.held = 0


class Claim(Struct, frozen=True, gc=False):
    """What one call takes of one lease."""

    lease: Lease
    amount: int
