"""What goes into the administration API and what comes out of it: every body of every request and answer.

Money is a decimal string of US dollars, a time RFC 3339 in UTC (`2026-11-25T00:30:00Z`), a duration `45s`, `15m`,
`12h`, `30d` or `2w`, a subject as `keywright.core.budget.subject` reads it (`project:search`, `key:ID`,
`organisation`), tags an object of strings. In a body that changes something (`…Change`), a member that is absent stays
as it is.
"""

from typing import Generic, Literal, TypeAlias, TypeVar

from msgspec import UNSET, Struct, UnsetType

from keywright.core.entry import Outcome, UsageSource
from keywright.core.identity import KeyKind, OwnerKind, Permission, Role
from keywright.core.usage import Usage

RowT = TypeVar("RowT")

State: TypeAlias = Literal["active", "expired", "revoked"]
"""Of a key."""


class Page(Struct, Generic[RowT], frozen=True):
    """A part of a list. `next`: what to send as `after` to get the part behind it; null at the end."""

    rows: tuple[RowT, ...]
    next: str | None = None


class FieldFault(Struct, frozen=True):
    """What is wrong with one field of a request: `field` as `models[2]`, or a parameter's or header's name."""

    field: str
    detail: str


class Problem(Struct, frozen=True, omit_defaults=True):
    """An error as RFC 9457 says it. `code` is a stable word; `type` is `urn:keywright:problem:CODE`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str = ""
    fields: tuple[FieldFault, ...] = ()


class OrganisationRow(Struct, frozen=True):
    """The organisation."""

    name: str


class OrganisationChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Another name for it."""

    name: str


class RoleOn(Struct, frozen=True):
    """A role on one project."""

    project: str
    role: Role


class Me(Struct, frozen=True):
    """Who is asking. `role` is on the whole organisation."""

    actor: str
    key: str
    user: str | None
    role: Role | None
    projects: tuple[RoleOn, ...]
    organisation: str


class ProjectBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A project to be made. `models`, `endpoints` and `cidrs` narrow what its keys may do; empty: they do not."""

    name: str
    title: str = ""
    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    allow_unpriced: bool = False
    tags: dict[str, str] = {}


class ProjectChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a project."""

    title: str | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    endpoints: tuple[str, ...] | UnsetType = UNSET
    cidrs: tuple[str, ...] | UnsetType = UNSET
    allow_unpriced: bool | UnsetType = UNSET
    tags: dict[str, str] | UnsetType = UNSET


class ProjectRow(Struct, frozen=True, kw_only=True):
    """A project. Keys of an archived one are refused. `declared`: the configuration has it, only that changes it."""

    name: str
    title: str
    models: tuple[str, ...]
    endpoints: tuple[str, ...]
    cidrs: tuple[str, ...]
    allow_unpriced: bool
    tags: dict[str, str]
    created: str
    archived: str | None
    declared: bool
    version: int


class MemberBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The role that a user is to have on a project."""

    role: Role


class MemberRow(Struct, frozen=True):
    """A user's role on a project."""

    project: str
    user: str
    role: Role


class UserBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A user to be made. `role`: on the whole organisation."""

    name: str
    email: str = ""
    role: Role | None = None
    tags: dict[str, str] = {}


class UserChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a user. `role` null: none any more."""

    email: str | UnsetType = UNSET
    role: Role | UnsetType | None = UNSET
    tags: dict[str, str] | UnsetType = UNSET


class UserRow(Struct, frozen=True, kw_only=True):
    """A user, with the roles on single projects. A disabled one's keys are refused."""

    name: str
    email: str
    role: Role | None
    projects: tuple[RoleOn, ...]
    tags: dict[str, str]
    created: str
    disabled: str | None
    version: int


class ServiceAccountBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service account to be made."""

    name: str
    project: str = "default"
    title: str = ""
    tags: dict[str, str] = {}


class ServiceAccountChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a service account."""

    title: str | UnsetType = UNSET
    tags: dict[str, str] | UnsetType = UNSET


class ServiceAccountRow(Struct, frozen=True, kw_only=True):
    """A service account. A disabled one's keys are refused."""

    name: str
    project: str
    title: str
    tags: dict[str, str]
    created: str
    disabled: str | None
    version: int


class KeyBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key to be made.

    `owner`: a user's name for the kinds user and admin, a service account's for service, either for temporary.
    `expires`: a duration from now, or a time; absent: never. `parent`: the id of the key that it is derived from. What
    is absent then is as the parent has it, and nothing may exceed it. `role`: of an admin key without an owner, on the
    organisation, or on `project` where that is not `default`; absent: owner.
    """

    name: str
    kind: KeyKind = "service"
    project: str | UnsetType = UNSET
    owner: str | UnsetType | None = UNSET
    permission: Permission | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    endpoints: tuple[str, ...] | UnsetType = UNSET
    cidrs: tuple[str, ...] | UnsetType = UNSET
    expires: str | UnsetType | None = UNSET
    allow_unpriced: bool | UnsetType = UNSET
    parent: str | None = None
    tags: dict[str, str] | UnsetType = UNSET
    requests_per_min: int | UnsetType | None = UNSET
    tokens_per_min: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET
    role: Role | None = None


class KeyChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a key. `expires` null: never; the three limits null: none."""

    name: str | UnsetType = UNSET
    permission: Permission | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    endpoints: tuple[str, ...] | UnsetType = UNSET
    cidrs: tuple[str, ...] | UnsetType = UNSET
    expires: str | UnsetType | None = UNSET
    allow_unpriced: bool | UnsetType = UNSET
    tags: dict[str, str] | UnsetType = UNSET
    requests_per_min: int | UnsetType | None = UNSET
    tokens_per_min: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET


class KeyRow(Struct, frozen=True, kw_only=True):
    """A key, without its secret. `previous_until`: how long the secret before the last rotation works."""

    id: str
    kind: KeyKind
    name: str
    project: str
    owner: str | None
    owner_kind: OwnerKind | None
    permission: Permission
    models: tuple[str, ...]
    endpoints: tuple[str, ...]
    cidrs: tuple[str, ...]
    allow_unpriced: bool
    parent: str | None
    tags: dict[str, str]
    requests_per_min: int | None
    tokens_per_min: int | None
    concurrency: int | None
    role: Role | None
    created: str
    expires: str | None
    revoked: str | None
    previous_until: str | None
    last_used: str | None
    last_address: str | None
    state: State
    version: int


class IssuedKeyRow(KeyRow, frozen=True, kw_only=True):
    """A key with its secret, told once. In an answer that is given again (`Idempotency-Key`), `key` is null."""

    key: str | None
    note: str


class Rotation(Struct, frozen=True, forbid_unknown_fields=True):
    """`grace`: how long the secret that is replaced goes on working, as `24h`; "0s": not at all."""

    grace: str = "0s"


class BudgetBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A budget to be made. `window`: `total`, `day`, `week`, `month`, or rolling hours as `24h`.

    `thresholds`: at which parts of a hundred it warns. Not `hard`: it only warns.
    """

    on: str
    amount_usd: str
    window: str = "total"
    hard: bool = True
    thresholds: tuple[int, ...] = (50, 80, 100)


class BudgetChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a budget. Its subject and window stay: its account is theirs."""

    amount_usd: str | UnsetType = UNSET
    hard: bool | UnsetType = UNSET
    thresholds: tuple[int, ...] | UnsetType = UNSET


class Warned(Struct, frozen=True):
    """That a threshold (of a hundred) was passed in this period, and when."""

    threshold: int
    at: str


class BudgetRow(Struct, frozen=True, kw_only=True):
    """A budget in its current period. `available_usd`: what is neither spent nor reserved, never below zero.

    `period_start` and `period_end` are null where the window is `total`; a rolling window ends now. `declared`: the
    configuration has it, and nothing else changes it.
    """

    id: str
    on: str
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    available_usd: str
    window: str
    period_start: str | None
    period_end: str | None
    hard: bool
    thresholds: tuple[int, ...]
    warned: tuple[Warned, ...]
    created: str
    declared: bool
    version: int


class LimitBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A limit to be made, with at least one of the three."""

    on: str
    requests_per_min: int | None = None
    tokens_per_min: int | None = None
    concurrency: int | None = None


class LimitChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a limit. Null: no longer limited."""

    requests_per_min: int | UnsetType | None = UNSET
    tokens_per_min: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET


class LimitRow(Struct, frozen=True, kw_only=True):
    """A limit. `declared`: the configuration has it, and nothing else changes it."""

    id: str
    on: str
    requests_per_min: int | None
    tokens_per_min: int | None
    concurrency: int | None
    created: str
    declared: bool
    version: int


class RatesRow(Struct, frozen=True, kw_only=True):
    """US dollars per million tokens, of `search` and `request` per piece, for prompts of more than `above` tokens."""

    above: int
    input: str
    output: str
    reasoning: str
    cache_read: str
    cache_write_5m: str
    cache_write_1h: str
    audio_input: str
    audio_output: str
    audio_cache_read: str
    image_input: str
    image_output: str
    search: str
    request: str


class PriceRow(Struct, frozen=True, kw_only=True):
    """What a model costs now. `row` identifies the price, as ledger entries name it; `own`: the operator wrote it.

    `fee_percent` is what a gateway adds. `rates`: the base first. A model that nobody has priced is not listed.
    """

    model: str
    row: str
    own: bool
    fee_percent: str
    rates: tuple[RatesRow, ...]


class ModelRow(Struct, frozen=True, kw_only=True):
    """A name that clients may ask for. `route`: what an alias leads to, in order; empty for a model.

    `priced`: whether what it leads to has a price now; of an alias, all of it.
    """

    name: str
    route: tuple[str, ...]
    context_tokens: int | None
    priced: bool


class CredentialRow(Struct, frozen=True):
    """A credential of a provider, by its fingerprint, as ledger entries name it."""

    fingerprint: str
    renews: bool


class ProviderRow(Struct, frozen=True, kw_only=True):
    """A provider as it is configured. `address` is its scheme, host and port."""

    name: str
    title: str
    address: str
    credentials: tuple[CredentialRow, ...]
    models: tuple[str, ...]
    endpoints: tuple[str, ...]


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


class GrowthRow(Struct, frozen=True, kw_only=True):
    """One value of a dimension: calls and cost of the last seven days, and of the seven before."""

    name: str
    calls: int
    calls_before: int
    cost_usd: str
    cost_before_usd: str


class GrowthTable(Struct, frozen=True, kw_only=True):
    """Whose cost grew most, the most first. Both weeks end with the last whole hour."""

    by: str
    rows: tuple[GrowthRow, ...]


class SpentRow(Struct, frozen=True):
    """What was spent in the hour, or day, that began then."""

    start: str
    usd: str


class ForecastRow(Struct, frozen=True, kw_only=True):
    """If it goes on at this rate: when nothing will be left (null: not in this period), and what will have been spent
    at the period's end (null: it has none).
    """

    per_hour_usd: str
    used_up: str | None
    at_end_usd: str | None


class BurnDownRow(Struct, frozen=True, kw_only=True):
    """How a budget is being used up, by the ledger. `steady`: at the rate of all the period until now, `recent`: at
    that of its last day. `step_s`: how long each of the `points` is; where nothing was spent there is none.
    """

    budget: str
    on: str
    window: str
    limit_usd: str
    spent_usd: str
    since: str
    until: str | None
    step_s: int
    points: tuple[SpentRow, ...]
    steady: ForecastRow
    recent: ForecastRow


class CredentialUseRow(Struct, frozen=True, kw_only=True):
    """What one key did by a credential. `first`, `last`: the hours in which its first and its last call started."""

    project: str
    key: str
    owner: str
    calls: int
    cost_usd: str
    first: str
    last: str


class CredentialAddressRow(Struct, frozen=True, kw_only=True):
    """From where one key did so."""

    project: str
    key: str
    address: str
    calls: int
    first: str
    last: str


class CredentialUsesRow(Struct, frozen=True, kw_only=True):
    """All that used a credential since then. Addresses are known since `addresses_since`: older entries are gone."""

    credential: str
    since: str
    uses: tuple[CredentialUseRow, ...]
    addresses: tuple[CredentialAddressRow, ...]
    addresses_since: str
