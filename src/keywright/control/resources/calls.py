"""What was used, single calls, and what a call would be decided."""

from msgspec import UNSET, Struct, UnsetType

from keywright.core.entry import Outcome, UsageSource
from keywright.core.usage import Usage


class PolicyQuestion(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A call that is not made: of which key, for which model, at which endpoint, from where (null: not asked about),
    and when (null: now).
    """

    key: str
    model: str
    endpoint: str = "chat"
    address: str | None = None
    at: str | None = None


class UsageRow(Struct, frozen=True, kw_only=True):
    """What one group of calls used. Only the dimensions that were asked for (`by`) are there.

    `owner` is the name of the user or service account whose key it was; `tag` is `name=value`, and a call counts under
    each of its tags. Input tokens include those read from and written to a cache, output tokens the reasoning.
    `unpriced`: how many calls nobody knew a price of; their cost counts as nothing.
    """

    day: str | UnsetType = UNSET
    hour: str | UnsetType = UNSET
    project: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    owner: str | UnsetType = UNSET
    provider: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    requested: str | UnsetType = UNSET
    credential: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    tag: str | UnsetType = UNSET
    calls: int
    ok: int
    refused: int
    failed: int
    unpriced: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: str


class UsageTable(Struct, frozen=True, kw_only=True):
    """Usage of the calls that started in [since, until), sorted by group."""

    since: str
    until: str
    by: tuple[str, ...]
    rows: tuple[UsageRow, ...]


class AttemptRow(Struct, frozen=True, kw_only=True):
    """One try at one candidate. `result` is `ok` or the failure's code."""

    provider: str
    model: str
    credential: str
    result: str
    status: int
    took_us: int


class RequestSummary(Struct, frozen=True, kw_only=True):
    """A call, in a list. `key`, `project` and `owner` are whose it was."""

    id: str
    started: str
    key: str
    project: str
    owner: str
    endpoint: str
    model: str
    served: str
    provider: str
    credential: str
    outcome: Outcome
    status: int
    code: str
    input_tokens: int
    output_tokens: int
    cost_usd: str
    total_us: int


class RequestRow(RequestSummary, frozen=True, kw_only=True):
    """The ledger's whole entry of a call. `reserved` and `charged` are the accounts of budgets that it counted in."""

    dialect: str
    address: str
    decision: str
    stream: bool
    verbatim: bool
    tags: dict[str, str]
    attempts: tuple[AttemptRow, ...]
    usage: Usage
    usage_source: UsageSource
    price: str
    reserved_usd: str
    reserved: tuple[str, ...]
    charged: tuple[str, ...]
    losses: tuple[str, ...]
    first_byte_us: int
    overhead_us: int
