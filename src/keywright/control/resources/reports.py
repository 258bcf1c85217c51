"""What grew, how budgets burn down, and who used a credential."""

from msgspec import Struct


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
