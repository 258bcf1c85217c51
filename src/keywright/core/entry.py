"""One line of the ledger: what one call was, did, used and cost."""

from typing import Literal, TypeAlias

from msgspec import Struct

from keywright.core.usage import NO_USAGE, Usage

Outcome: TypeAlias = Literal["ok", "refused", "failed", "cancelled", "lost"]
"""`cancelled`: the client went away. `lost`: the process died during the call (settled at its worst case)."""

UsageSource: TypeAlias = Literal["none", "provider", "counted", "worst_case"]


class Attempt(Struct, frozen=True, gc=False, omit_defaults=True):
    """One try at one candidate. `result` is `ok` or the failure's code; `took_us` microseconds."""

    provider: str
    model: str
    credential: str
    result: str
    status: int = 0
    took_us: int = 0


class Reservation(Struct, frozen=True, gc=False, omit_defaults=True):
    """Spooled before a request goes upstream: what the call can cost at worst, should we die during it.

    `reserved`: the budgets' accounts of which the worst case was taken; `charged`: those that the cost will count in.
    """

    id: str
    started_us: int
    key_id: str
    project: str
    dialect: str
    endpoint: str
    model: str
    worst_picodollars: int = 0
    reserved: tuple[str, ...] = ()
    charged: tuple[str, ...] = ()
    owner: str = ""
    address: str = ""
    tags: tuple[tuple[str, str], ...] = ()


class Entry(Struct, frozen=True, gc=False, omit_defaults=True):
    """One call, settled. Times are Unix microseconds, durations microseconds, money picodollars.

    `model` is what the client asked for; `served` is `provider/model` that really answered ("" if none did). `provider`
    and `credential` are those that answered, or were asked last.
    `decision` names the rule that allowed or refused. `price` identifies the price row that was used.
    `overhead_us`: time within Keywright, waiting for the provider not included.
    `owner`: the name of the user or service account that the key belongs to. `address`: the client's.
    `reserved_picodollars` were taken from the accounts `reserved`; the cost counts in the accounts `charged`.
    """

    id: str
    started_us: int
    key_id: str
    project: str
    dialect: str
    endpoint: str
    model: str
    outcome: Outcome
    status: int
    served: str = ""
    provider: str = ""
    credential: str = ""
    code: str = ""
    decision: str = ""
    stream: bool = False
    verbatim: bool = False
    attempts: tuple[Attempt, ...] = ()
    usage: Usage = NO_USAGE
    usage_source: UsageSource = "none"
    price: str = ""
    cost_picodollars: int = 0
    total_us: int = 0
    first_byte_us: int = 0
    overhead_us: int = 0
    tags: tuple[tuple[str, str], ...] = ()
    losses: tuple[str, ...] = ()
    owner: str = ""
    address: str = ""
    reserved_picodollars: int = 0
    reserved: tuple[str, ...] = ()
    charged: tuple[str, ...] = ()
