"""What a process was granted of one account, and what a call takes of it. See `ledger/escrow.py`."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["money", "requests", "tokens", "running"]
PER_MINUTE: Final = frozenset({"requests", "tokens"})
SPARE_CALLS: Final = 8
"""How many calls like this one more is wished for than one needs, at first."""
OFTEN_US: Final = 1_000_000
"""Who asks again within this time wishes for twice as much."""


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

    def end(self, amount: int, spent: int, tokens: int, minute: int) -> None:
        """A call that took `amount` in that minute has ended, and `spent` money here, `tokens` in all. What it spent
        stays held until it is stored.
        """
        match self.kind:
            case "money":
                self.held -= amount - min(spent, amount)
            case "running":
                self.held -= amount
            case "tokens":
                if self.minute == minute:
                    self.held = max(0, self.held + tokens - amount)
            case "requests":
                pass

    def send_away(self) -> int:
        """What is free, out of reach from now on, for it is offered to the store."""
        free = max(0, self.free)
        self.away += free
        return free

    def came_back(self, amount: int, *, is_gone: bool) -> None:
        """The offer of `amount` is answered; `is_gone`: the store has it."""
        self.away -= amount
        self.granted -= amount if is_gone else 0

    def tighten(self, until_us: int) -> None:
        """Until then nothing is kept that is free, and nothing is taken without asking."""
        self.is_tight = True
        self.tight_until_us = until_us
        self.chunk = self.low = 0

    def wish(self, need: int, now_us: int) -> int:
        """How much more than `need` to ask for: for some calls at first, twice as much whenever that was soon gone."""
        if self.is_tight:
            return 0
        least = self.cap if self.kind in PER_MINUTE else need * SPARE_CALLS
        grown = self.chunk * 2 if now_us - self.asked_us < OFTEN_US else self.chunk // 2
        self.chunk = min(self.cap, max(least, grown))
        self.asked_us = now_us
        return self.chunk


class Claim(Struct, frozen=True, gc=False):
    """What one call takes of one lease."""

    lease: Lease
    amount: int
