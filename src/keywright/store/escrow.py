"""Budgets and limits, shared out among processes in leases. Nobody asks a database on the way of a call.

An account is a budget's period (`BUDGET@START_S`; `BUDGET@+SECONDS` for a rolling window) or a limit. Of its amount,
its `cap`, a part is settled, and parts are granted to holders, the processes:

    left = cap - settled - Σ granted        and never below zero by any grant

A holder reserves within what it is granted, in its own memory. Three things change that, each one transaction:

    ask       a want needs amounts of several accounts and gets all or none. Who asks gives its free part back
              first, so that what it lacks is seen as it is. Of what does not suffice, all others are recalled,
              unless even all that is not settled were too little.
    settle    an entry brings its cost in the transaction that stores it: settled grows by the cost, the lease
              shrinks by as much of it as had been reserved. An entry is stored once, so a cost counts once.
    give back the free part returns: when it is idle, recalled, or its holder ends.

Recall. Every account counts its recalls; every lease knows up to which it has answered. A holder that finds a higher
number gives its free part back and answers. For a while the account is tight: nobody is granted more than it needs, and
no holder reserves from what becomes free in its hands; it goes back at the next look. So what is free in a holder's
hands, F, only grows until it is given back. Whoever was short asks, waits until all living holders have answered, and
asks again. Let `left` be what the first question found, and R what was given back until the second: right after the
first question no more than R can have been free in anybody's hands. If left + R is too little, there was a moment at
which the account did not suffice, and a refusal is the truth. Else it goes on with another round.

A holder that dies leaves its leases. Its spool says what they were spent on: replayed into the ledger, it settles
them, and what remains returns with `release`. If the spool is gone with its machine, the leases stay out of reach for
`ABANDONED_S`: what they were spent on is not known, and when in doubt a budget is used up.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert  # which SQLite's compiler takes, too

from keywright.core.entry import Entry
from keywright.core.errors import StoreError
from keywright.core.escrow import Answers, Back, Need, Short, Spare, Standing, Want
from keywright.store.accounts import Account, add_costs, expire, locked, set_column, settled_of, slices
from keywright.store.bell import Channel, ring
from keywright.store.database import Database
from keywright.store.schema import ACCOUNTS, COUNTERS, HOLDERS, LEASES

ALIVE_S: Final = 15
"""Who has not shown a sign of life for so long is not waited for."""
ABANDONED_S: Final = 86_400
"""After so long without one, what it holds returns, whatever became of it."""
TIGHT_S: Final = 5
"""For how long after a recall nobody gets more than it needs."""
RECALLS: Final[Channel] = "recall"
"""The counter that grows with every recall."""

Grants: TypeAlias = dict[str, dict[str, int]]
"""What is granted: by account, by holder."""


class EscrowRows:
    """The accounts and leases of one database. Every method raises StoreError when it cannot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self,
        holder: str,
        back: Sequence[Back],
        wants: Sequence[Want],
        spares: Sequence[Spare],
        now_s: int,
    ) -> Answers:
        """Take `back`, then grant each of `wants` whole or not at all, then of `spares` what is fair."""
        return await self._database.write_beside(
            lambda connection: _ask(connection, holder, back, wants, spares, now_s)
        )

    async def give_back(self, holder: str, back: Sequence[Back], answered: Mapping[str, int]) -> None:
        """Take `back`. `answered`: up to which recall, by account, the holder has given back all that was free."""
        await self._database.write_beside(lambda connection: _give_back(connection, holder, back, answered))

    async def recalls(self) -> int:
        """A number that grows with every recall."""
        return await self._database.read(_recalls)

    async def recalled(self, holder: str) -> Mapping[str, int]:
        """The accounts of which the holder is to give back what is free, and the number to answer."""
        return await self._database.read(lambda connection: _recalled(connection, holder))

    async def unanswered(self, holder: str, recalls: Mapping[str, int], now_s: int) -> bool:
        """Whether a living holder other than this one still has to answer one of `recalls`."""
        return await self._database.read(lambda connection: _unanswered(connection, holder, recalls, now_s))

    async def recall(self, accounts: Sequence[str], now_s: int) -> Mapping[str, int]:
        """Recall what is free of `accounts` from everybody; the numbers to wait for."""
        return await self._database.write_beside(lambda connection: _recall(connection, accounts, now_s))

    async def introduce(self, holder: str, now_s: int) -> None:
        """The holder begins to live."""
        await self._database.write_beside(lambda connection: _introduce(connection, holder, now_s))

    async def live(self, holder: str, now_s: int) -> None:
        """The holder shows that it still lives. Raises StoreError also when it has been released meanwhile."""
        await self._database.write_beside(lambda connection: _live(connection, holder, now_s))

    async def release(self, holder: str) -> None:
        """The holder is gone, and all that it spent is settled: what it held returns."""
        await self._database.write_beside(lambda connection: _release(connection, holder))

    async def release_abandoned(self, holder: str, now_s: int) -> tuple[str, ...]:
        """Release the holders that showed no life for `ABANDONED_S`, but for `holder`, who asks; their ids."""
        return await self._database.write_beside(lambda connection: _release_abandoned(connection, holder, now_s))

    async def granted(self, holder: str, accounts: Sequence[str], now_s: int) -> Mapping[str, int]:
        """What the holder is granted of each of `accounts`, after whatever of its own is still under way there."""
        return await self._database.write_beside(lambda connection: _granted_to(connection, holder, accounts, now_s))

    async def standing(self, accounts: Sequence[str], now_s: int) -> Mapping[str, Standing]:
        """How the accounts stand; one that nobody has used yet has nothing settled and granted."""
        return await self._database.read(lambda connection: _standing(connection, accounts, now_s))


def settle(connection: Connection, entries: Sequence[Entry], holder: str) -> None:
    """Bring the costs of `entries`, which are stored in this transaction for the first time, to their accounts.

    `holder`: whose leases they were reserved from.
    """
    costing = [entry for entry in entries if entry.cost_picodollars and entry.charged]
    if not costing:
        return
    add_costs(connection, costing)
    covered: dict[str, int] = {}
    for entry in costing:
        part = min(entry.cost_picodollars, entry.reserved_picodollars)
        for account in set(entry.charged).intersection(entry.reserved):
            covered[account] = covered.get(account, 0) + part
    grants = _grants(connection, covered)
    _set_grants(
        connection, holder, {account: grants[account].get(holder, 0) - part for account, part in covered.items()}
    )


def _ask(
    connection: Connection,
    holder: str,
    back: Sequence[Back],
    wants: Sequence[Want],
    spares: Sequence[Spare],
    now_s: int,
) -> Answers:
    caps = {need.account: need.cap for want in wants for need in want.needs} | {
        spare.account: spare.cap for spare in spares
    }
    accounts = {*caps, *(given.account for given in back)}
    _live(connection, holder, now_s)
    rows = locked(connection, accounts)
    expire(connection, rows, now_s)
    grants = _grants(connection, accounts)
    _take_back(connection, rows, grants, holder, back)
    left = {account: caps[account] - rows[account].settled - sum(grants[account].values()) for account in caps}
    mine = {account: grants[account].get(holder, 0) for account in accounts}
    short = tuple(_granted(want.needs, rows, left, mine) for want in wants)
    lacking = {need.account for want, lack in zip(wants, short, strict=True) if lack for need in want.needs}
    within_reach = {
        need.account
        for want, lack in zip(wants, short, strict=True)
        for need in want.needs
        if lack and need.account == lack.account and need.amount <= caps[need.account] - rows[need.account].settled
    }
    recalls = _recall_others(connection, rows, grants, holder, within_reach, now_s)
    extra = _spared(spares, rows, grants, left, lacking, now_s)
    for account, amount in extra.items():
        mine[account] += amount
        left[account] -= amount
    _set_grants(connection, holder, mine, {account: rows[account].recall for account in mine})
    return Answers(
        short=tuple(None if lack is None else replace(lack, recall=recalls.get(lack.account)) for lack in short),
        spare=extra,
        left=left,
        tight=frozenset(account for account, row in rows.items() if row.tight_until_s > now_s),
    )


def _take_back(
    connection: Connection, rows: Mapping[str, Account], grants: Grants, holder: str, back: Sequence[Back]
) -> None:
    """Take from the holder's grants what it gives back."""
    returned: dict[str, int] = {}
    for given in back:
        if given.amount and given.account in rows:
            grants[given.account][holder] = grants[given.account].get(holder, 0) - given.amount
            rows[given.account].returned += given.amount
            returned[given.account] = rows[given.account].returned
    set_column(connection, ACCOUNTS.c.returned, returned)


def _granted(
    want: Sequence[Need], rows: Mapping[str, Account], left: dict[str, int], mine: dict[str, int]
) -> Short | None:
    """Move what is wanted from `left` to `mine`, all of it or nothing; the account that does not suffice."""
    for need in want:
        if need.amount > left[need.account]:
            return Short(need.account, left[need.account], rows[need.account].returned, None)
    for need in want:
        left[need.account] -= need.amount
        mine[need.account] += need.amount
    return None


def _recall_others(
    connection: Connection, rows: Mapping[str, Account], grants: Grants, holder: str, accounts: set[str], now_s: int
) -> dict[str, int | None]:
    """Recall `accounts` from those others that hold some of them; the numbers to wait for."""
    held = sorted(
        account for account in accounts if any(amount for other, amount in grants[account].items() if other != holder)
    )
    if held:
        _number_recalls(connection, held, now_s)
    recalls: dict[str, int | None] = dict.fromkeys(accounts)
    for account in held:
        rows[account].recall += 1
        rows[account].tight_until_s = now_s + TIGHT_S
        recalls[account] = rows[account].recall
    return recalls


def _spared(
    spares: Sequence[Spare],
    rows: Mapping[str, Account],
    grants: Grants,
    left: Mapping[str, int],
    lacking: set[str],
    now_s: int,
) -> dict[str, int]:
    """What each may have for calls to come: half of a fair share, nothing of what somebody lacks."""
    extra: dict[str, int] = {}
    for spare in spares:
        account = spare.account
        if account in lacking or rows[account].tight_until_s > now_s:
            continue
        share = left[account] // (2 * max(1, len(grants[account])))
        amount = min(spare.amount, share)
        if amount > 0:
            extra[account] = amount
    return extra


def _give_back(connection: Connection, holder: str, back: Sequence[Back], answered: Mapping[str, int]) -> None:
    accounts = {*answered, *(given.account for given in back)}
    rows = locked(connection, accounts, make=False)
    grants = _grants(connection, rows)
    _take_back(connection, rows, grants, holder, back)
    _set_grants(connection, holder, {account: grants[account].get(holder, 0) for account in rows}, answered)


def _recalls(connection: Connection) -> int:
    return int(connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == RECALLS)).scalar_one())


def _recalled(connection: Connection, holder: str) -> dict[str, int]:
    query = (
        select(LEASES.c.account_id, ACCOUNTS.c.recall)
        .join(ACCOUNTS, ACCOUNTS.c.id == LEASES.c.account_id)
        .where(LEASES.c.holder_id == holder, LEASES.c.acked < ACCOUNTS.c.recall)
    )
    return {row.account_id: row.recall for row in connection.execute(query)}


def _unanswered(connection: Connection, holder: str, recalls: Mapping[str, int], now_s: int) -> bool:
    query = (
        select(LEASES.c.account_id, LEASES.c.acked)
        .join(HOLDERS, HOLDERS.c.id == LEASES.c.holder_id)
        .where(
            LEASES.c.account_id.in_(list(recalls)), LEASES.c.holder_id != holder, HOLDERS.c.beat_s >= now_s - ALIVE_S
        )
    )
    return any(row.acked < recalls[row.account_id] for row in connection.execute(query))


def _recall(connection: Connection, accounts: Sequence[str], now_s: int) -> dict[str, int]:
    rows = locked(connection, accounts, make=False)
    if rows:
        _number_recalls(connection, sorted(rows), now_s)
    return {account: row.recall + 1 for account, row in rows.items()}


def _number_recalls(connection: Connection, accounts: Sequence[str], now_s: int) -> None:
    for ids in slices(accounts):
        connection.execute(
            update(ACCOUNTS)
            .where(ACCOUNTS.c.id.in_(ids))
            .values(recall=ACCOUNTS.c.recall + 1, tight_until_s=now_s + TIGHT_S)
        )
    ring(connection, RECALLS)


def _introduce(connection: Connection, holder: str, now_s: int) -> None:
    connection.execute(upsert(HOLDERS).values(id=holder, beat_s=now_s).on_conflict_do_nothing())


def _live(connection: Connection, holder: str, now_s: int) -> None:
    shown = connection.execute(update(HOLDERS).where(HOLDERS.c.id == holder).values(beat_s=now_s))
    if not shown.rowcount:
        raise StoreError(
            f"the leases of this process ({holder}) were released because it gave no sign of life: restart it"
        )


def _release(connection: Connection, holder: str) -> None:
    """The holder goes first: a question of its own that is still under way ends before, and none begins after."""
    connection.execute(delete(HOLDERS).where(HOLDERS.c.id == holder))
    held = connection.scalars(select(LEASES.c.account_id).where(LEASES.c.holder_id == holder)).all()
    locked(connection, held, make=False)
    connection.execute(delete(LEASES).where(LEASES.c.holder_id == holder))


def _release_abandoned(connection: Connection, holder: str, now_s: int) -> tuple[str, ...]:
    silent = select(HOLDERS.c.id).where(HOLDERS.c.beat_s < now_s - ABANDONED_S, HOLDERS.c.id != holder)
    gone = tuple(connection.scalars(silent))
    for one in gone:
        _release(connection, one)
    return gone


def _granted_to(connection: Connection, holder: str, accounts: Sequence[str], now_s: int) -> dict[str, int]:
    _live(connection, holder, now_s)
    locked(connection, accounts, make=False)
    grants = _grants(connection, accounts)
    return {account: grants[account].get(holder, 0) for account in accounts}


def _standing(connection: Connection, accounts: Sequence[str], now_s: int) -> dict[str, Standing]:
    settled, granted = settled_of(connection, accounts, now_s), _grants(connection, accounts)
    return {account: Standing(settled[account], sum(granted[account].values())) for account in accounts}


def _grants(connection: Connection, accounts: Iterable[str]) -> Grants:
    """What is granted of `accounts`, whose rows are locked."""
    grants: Grants = {account: {} for account in accounts}
    for ids in slices(sorted(grants)):
        query = select(LEASES.c.account_id, LEASES.c.holder_id, LEASES.c.granted).where(LEASES.c.account_id.in_(ids))
        for row in connection.execute(query):
            grants[row.account_id][row.holder_id] = row.granted
    return grants


def _set_grants(
    connection: Connection, holder: str, granted: Mapping[str, int], answered: Mapping[str, int] | None = None
) -> None:
    """Write the holder's leases; those of nothing go. `answered`: up to which recall, unchanged where not said."""
    if not granted:
        return
    kept = [(account, amount) for account, amount in sorted(granted.items()) if amount > 0]
    gone = [account for account, amount in granted.items() if amount <= 0]
    if kept:
        statement = upsert(LEASES)
        changed: dict[str, ColumnElement[Any]] = {"granted": statement.excluded.granted}
        if answered is not None:
            changed["acked"] = func.coalesce(func.nullif(statement.excluded.acked, -1), LEASES.c.acked)
        acked = answered or {}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["account_id", "holder_id"], set_=changed),
            [
                {"account_id": account, "holder_id": holder, "granted": amount, "acked": acked.get(account, -1)}
                for account, amount in kept
            ],
        )
    for ids in slices(gone):
        connection.execute(delete(LEASES).where(LEASES.c.holder_id == holder, LEASES.c.account_id.in_(ids)))
