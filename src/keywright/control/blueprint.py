"""What the administration API is built from."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from keywright.control.custodian import Custodian
from keywright.control.secret_stores import SecretStores
from keywright.core.budget import Budget
from keywright.core.clock import SECOND_US, Clock
from keywright.pipeline.snapshot import Snapshot
from keywright.store.standing import BudgetStanding
from keywright.store.store import Store

BODY_BYTES_MAX: Final = 1 << 20
READ_S: Final = 60.0
"""How long a request's body may take to come."""


class Standings(Protocol):
    """Knows how budgets stand."""

    async def current(self, budgets: Sequence[Budget], now_s: int) -> Mapping[str, BudgetStanding]:
        """What is spent and reserved of each at `now_s` (Unix seconds), by its id. Raises StoreError."""
        ...


class ControlBlueprint(Struct, frozen=True, eq=False):
    """`snapshot` gives what the gateway knows now: the keys by which callers prove themselves, models and prices.

    `on_change` is awaited after every change, before its answer goes out. `random(n)` gives `n` unpredictable bytes.
    `new_id` names a request. `on_stranger` is told the code by which somebody was refused who proved no key. `secrets`
    and `custodian`: None where no gateway is at hand.
    """

    store: Store
    standings: Standings
    snapshot: Callable[[], Snapshot]
    clock: Clock
    random: Callable[[int], bytes]
    new_id: Callable[[], str]
    on_change: Callable[[], Awaitable[None]]
    on_stranger: Callable[[str], None] = lambda _: None
    secrets: SecretStores | None = None
    custodian: Custodian | None = None
    body_bytes_max: int = BODY_BYTES_MAX
    read_s: float = READ_S

    def now_s(self) -> int:
        """Unix seconds."""
        return self.clock.unix_us() // SECOND_US
