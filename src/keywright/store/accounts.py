"""Accounts: what was settled of budgets, under a lock for whoever decides by it. Leases of them are in `escrow.py`.

An account of a rolling window (`BUDGET@+SECONDS`) keeps what was settled in parts, buckets. A part counts until its
end has left the window, so that a rolling budget is never looser than it says.

Amounts have no bound (`exact.py`): they are added in Python, under the account's lock. Rows are locked in the order of
their names, so two transactions never wait for each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Column, Connection, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert  # which SQLite's compiler takes, too

from keywright.core.entry import Entry
from keywright.store.schema import ACCOUNT_BUCKETS, ACCOUNTS

BUCKETS_PER_WINDOW: Final = 48
BUCKET_S_MIN: Final = 60
IDS_PER_QUERY: Final = 400


class Account:
    """An account's row, under its lock."""

    __slots__ = ("recall", "returned", "settled", "tight_until_s")

    def __init__(self, settled: int, returned: int, recall: int, tight_until_s: int) -> None:
        self.settled = settled
        self.returned = returned
        self.recall = recall
        self.tight_until_s = tight_until_s


def locked(connection: Connection, accounts: Iterable[str], *, make: bool = True) -> dict[str, Account]:
    """The rows of `accounts`, locked until the transaction ends; made where there are none."""
    ids = sorted(set(accounts))
    if make and ids:
        connection.execute(
            upsert(ACCOUNTS).on_conflict_do_nothing(),
            [{"id": account, "settled": 0, "returned": 0, "recall": 0, "tight_until_s": 0} for account in ids],
        )
    rows: dict[str, Account] = {}
    for some in slices(ids):
        query = select(ACCOUNTS).where(ACCOUNTS.c.id.in_(some)).order_by(ACCOUNTS.c.id).with_for_update()
        for row in connection.execute(query):
            rows[row.id] = Account(row.settled, row.returned, row.recall, row.tight_until_s)
    return rows


def add_costs(connection: Connection, entries: Sequence[Entry]) -> None:
    """Settle the costs of `entries` in the accounts that they are charged to."""
    settled: dict[str, int] = {}
    buckets: dict[tuple[str, int], int] = {}
    for entry in entries:
        for account in entry.charged:
            settled[account] = settled.get(account, 0) + entry.cost_picodollars
            if (rolling_s := _rolling_s(account)) is not None:
                bucket = (account, _bucket_s(entry.started_us // 10**6, rolling_s))
                buckets[bucket] = buckets.get(bucket, 0) + entry.cost_picodollars
    rows = locked(connection, settled)
    sums = {account: rows[account].settled + cost for account, cost in settled.items()}
    set_column(connection, ACCOUNTS.c.settled, sums)
    _fill_buckets(connection, buckets)


def settled_of(connection: Connection, accounts: Sequence[str], now_s: int) -> dict[str, int]:
    """What is settled of each of `accounts` and counts at `now_s`. Locks nothing."""
    found = dict.fromkeys(accounts, 0)
    for ids in slices(accounts):
        query = select(ACCOUNTS.c.id, ACCOUNTS.c.settled).where(ACCOUNTS.c.id.in_(ids))
        found.update((row.id, row.settled) for row in connection.execute(query))
    for account, past in _past(connection, accounts, now_s).items():
        found[account] -= sum(past.values())
    return found


def set_column(connection: Connection, column: Column[int], amounts: Mapping[str, int]) -> None:
    """Write one column of accounts whose rows are locked."""
    if amounts:
        connection.execute(
            update(ACCOUNTS).where(ACCOUNTS.c.id == bindparam("account")).values({column: bindparam("amount")}),
            [{"account": account, "amount": amount} for account, amount in sorted(amounts.items())],
        )


def _rolling_s(account: str) -> int | None:
    """The length of a rolling account's window; None where it does not roll."""
    _, _, window = account.rpartition("@+")
    return int(window) if "@+" in account and window.isdigit() else None


def _bucket_s(when_s: int, rolling_s: int) -> int:
    width_s = _width_s(rolling_s)
    return when_s // width_s * width_s


def _width_s(rolling_s: int) -> int:
    return max(BUCKET_S_MIN, rolling_s // BUCKETS_PER_WINDOW)


def _past(connection: Connection, accounts: Iterable[str], now_s: int) -> dict[str, dict[int, int]]:
    """What those of `accounts` that roll count no longer: by bucket, those that ended before the window began."""
    begins_s: dict[str, int] = {}
    for account in accounts:
        rolling_s = _rolling_s(account)
        if rolling_s is not None:
            begins_s[account] = now_s - rolling_s - _width_s(rolling_s)
    past: dict[str, dict[int, int]] = {}
    for ids in slices(sorted(begins_s)):
        query = select(ACCOUNT_BUCKETS).where(
            ACCOUNT_BUCKETS.c.account_id.in_(ids), ACCOUNT_BUCKETS.c.bucket_s <= max(begins_s[one] for one in ids)
        )
        for row in connection.execute(query):
            if row.bucket_s <= begins_s[row.account_id]:
                past.setdefault(row.account_id, {})[row.bucket_s] = row.settled
    return past


def expire(connection: Connection, rows: Mapping[str, Account], now_s: int) -> None:
    """Take out of rolling accounts what lies before their windows."""
    settled: dict[str, int] = {}
    for account, past in _past(connection, rows, now_s).items():
        rows[account].settled -= sum(past.values())
        settled[account] = rows[account].settled
        connection.execute(
            delete(ACCOUNT_BUCKETS).where(
                ACCOUNT_BUCKETS.c.account_id == account, ACCOUNT_BUCKETS.c.bucket_s.in_(list(past))
            )
        )
    set_column(connection, ACCOUNTS.c.settled, settled)


def _fill_buckets(connection: Connection, buckets: Mapping[tuple[str, int], int]) -> None:
    for (account, bucket_s), cost in sorted(buckets.items()):
        where = (ACCOUNT_BUCKETS.c.account_id == account, ACCOUNT_BUCKETS.c.bucket_s == bucket_s)
        so_far = connection.execute(select(ACCOUNT_BUCKETS.c.settled).where(*where)).scalar()
        statement = upsert(ACCOUNT_BUCKETS).values(account_id=account, bucket_s=bucket_s, settled=(so_far or 0) + cost)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "bucket_s"], set_={"settled": statement.excluded.settled}
            )
        )


def slices(ids: Sequence[str]) -> Iterable[list[str]]:
    """`ids`, so many at a time as a query may name."""
    return (list(ids[at : at + IDS_PER_QUERY]) for at in range(0, len(ids), IDS_PER_QUERY))
