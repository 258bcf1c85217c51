"""What a running gateway does beside its calls, again and again: siblings' spools, warnings, roll-ups, retention.

Every process does it; what only one has to do is claimed in the store.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from keywright.core.clock import SECOND_US
from keywright.core.errors import StoreError
from keywright.core.money import to_usd
from keywright.house.bookkeeping import spool_folder
from keywright.house.house import House
from keywright.ledger.recovery import recover
from keywright.store.maintenance import maintain
from keywright.store.standing import Standings

SECRETS_S: Final = 1.0
ROTATIONS_S: Final = 1.0
SCHEDULE_S: Final = 60.0
LIFE_S: Final = 5.0
RECOVERY_S: Final = 2.0
WARNINGS_S: Final = 2.0
MAINTENANCE_S: Final = 3600.0
ABANDONED_S: Final = 600.0

_log = logging.getLogger("keywright")


def upkeep(house: House) -> tuple[Coroutine[Any, Any, None], ...]:
    """The tasks, each of which never ends by itself."""
    return (
        _again(SECRETS_S, house.custody.keep),
        _again(SECRETS_S, house.custody.oblige),
        _again(ROTATIONS_S, house.rotating.tend),
        _again(SCHEDULE_S, house.rotating.look_at_schedule),
        _again(LIFE_S, house.custody.live),
        _again(RECOVERY_S, lambda: _recover(house)),
        _again(WARNINGS_S, lambda: _warn(house)),
        _again(MAINTENANCE_S, lambda: _maintain(house)),
        _again(ABANDONED_S, lambda: _release(house)),
    )


async def _again(every_s: float, do: Callable[[], Awaitable[None]]) -> None:
    said = ""
    while True:
        try:
            await do()
            said = ""
        except StoreError as error:
            if str(error) != said:
                said = str(error)
                _log.warning("put off until the store serves again: %s", error)
        await asyncio.sleep(every_s)


async def _recover(house: House) -> None:
    """Bring in what siblings left that died."""
    replayed = house.ledger.replayed
    entries, lost = replayed.entries, replayed.lost
    if await recover(spool_folder(house.blueprint), house.store, replayed):
        _log.warning(
            "a process beside this one has died: %d calls recovered, %d that were running charged at their worst case",
            replayed.entries - entries,
            replayed.lost - lost,
        )


async def _warn(house: House) -> None:
    """Tell of budgets that have passed a threshold."""
    budgets = house.snapshot.budgets
    if not budgets:
        return
    for passed in await Standings(house.store.database).pass_thresholds(budgets, _now_s(house)):
        _log.warning(
            "the budget on %s (%s USD, %s) has passed %d %%: %s USD are spent",
            passed.budget.on,
            to_usd(passed.budget.picodollars),
            passed.budget.window,
            passed.threshold,
            to_usd(passed.spent),
        )


async def _maintain(house: House) -> None:
    """Roll up days that are over, forget old entries."""
    await maintain(house.store.database, _now_s(house), house.blueprint.config.ledger.keep_days)


async def _release(house: House) -> None:
    """Let leases return whose processes, and their spools, are gone for good."""
    for holder in await house.store.escrow.release_abandoned(house.escrow.holder, _now_s(house)):
        _log.error(
            "%s gave no sign of life for a day: what it had leased of budgets counts as unspent again; "
            "its calls are charged when its spool is found",
            holder,
        )


def _now_s(house: House) -> int:
    return house.blueprint.clock.unix_us() // SECOND_US
