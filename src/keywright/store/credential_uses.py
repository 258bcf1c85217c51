"""Who used a provider's credential since when: what must be known when it has leaked."""

from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, func, select

from keywright.store.rollups import HOUR_S, US_PER_S
from keywright.store.schema import ENTRIES, USAGE_GROUPS, USAGE_HOURS
from keywright.store.usage import Filters, UsageQuery, conditions, horizon, select_usage

ADDRESSES_MAX: Final = 10_000
"""Of one answer; those with the most calls."""


class CredentialUse(Struct, frozen=True):
    """What one key did by it. `first_s`, `last_s`: the hours in which the first and the last call started."""

    project: str
    key: str
    owner: str
    calls: int
    cost_picodollars: int
    first_s: int
    last_s: int


class CredentialAddress(Struct, frozen=True):
    """From where one key did so. Times are Unix microseconds."""

    project: str
    key: str
    address: str
    calls: int
    first_us: int
    last_us: int


class CredentialUses(Struct, frozen=True):
    """All that used a credential. Addresses are known since `addresses_since_s`: older entries are gone."""

    uses: tuple[CredentialUse, ...]
    addresses: tuple[CredentialAddress, ...]
    addresses_since_s: int


def select_uses(connection: Connection, credential: str, since_s: int, until_s: int) -> tuple[CredentialUse, ...]:
    """Who used the credential with that fingerprint in [since_s, until_s); whose calls cost most first."""
    filters = Filters(credential=(credential,))
    query = UsageQuery(("project", "key", "owner"), since_s, until_s, filters)
    hours = _hours(connection, filters, since_s, until_s)
    uses = []
    for row in select_usage(connection, query):
        project, key, owner = row.by
        first_s, last_s = hours[row.by]
        uses.append(CredentialUse(project, key, owner, row.calls, row.cost_picodollars, first_s, last_s))
    return tuple(sorted(uses, key=lambda use: (-use.cost_picodollars, -use.calls, use.project, use.key)))


def select_addresses(
    connection: Connection, credential: str, since_s: int, until_s: int
) -> tuple[int, tuple[CredentialAddress, ...]]:
    """From where it was used, the most calls first, and since when that is known."""
    since_s = max(since_s, horizon(connection).kept_s)
    at = ENTRIES.c.started_us
    of_credential = conditions(ENTRIES, Filters(credential=(credential,)))
    facts = (
        select(
            ENTRIES.c.group_id,
            ENTRIES.c.address,
            func.count().label("calls"),
            func.min(at).label("first_us"),
            func.max(at).label("last_us"),
        )
        .where(at >= since_s * US_PER_S, at < until_s * US_PER_S, *of_credential)
        .group_by(ENTRIES.c.group_id, ENTRIES.c.address)
        .subquery("facts")
    )
    calls = func.sum(facts.c.calls)
    who = (USAGE_GROUPS.c.project, USAGE_GROUPS.c.key_id, facts.c.address)
    found = (
        select(*who, calls, func.min(facts.c.first_us), func.max(facts.c.last_us))
        .join(USAGE_GROUPS, USAGE_GROUPS.c.id == facts.c.group_id)
        .group_by(*who)
        .order_by(calls.desc(), *who)
        .limit(ADDRESSES_MAX)
    )
    return since_s, tuple(
        CredentialAddress(project, key, address, int(count), first_us, last_us)
        for project, key, address, count, first_us, last_us in connection.execute(found)
    )


def _hours(
    connection: Connection, filters: Filters, since_s: int, until_s: int
) -> dict[tuple[str, ...], tuple[int, int]]:
    at = USAGE_HOURS.c.hour_s
    facts = (
        select(USAGE_HOURS.c.group_id, func.min(at).label("first_s"), func.max(at).label("last_s"))
        .where(at >= since_s // HOUR_S * HOUR_S, at < until_s, *conditions(USAGE_HOURS, filters))
        .group_by(USAGE_HOURS.c.group_id)
        .subquery("facts")
    )
    who = (USAGE_GROUPS.c.project, USAGE_GROUPS.c.key_id, USAGE_GROUPS.c.owner)
    found = (
        select(*who, func.min(facts.c.first_s), func.max(facts.c.last_s))
        .join(USAGE_GROUPS, USAGE_GROUPS.c.id == facts.c.group_id)
        .group_by(*who)
    )
    return {tuple(row[:3]): (int(row[3]), int(row[4])) for row in connection.execute(found)}
