"""The administration API of a house."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from keywright.control.blueprint import ControlBlueprint
from keywright.control.custodian import Custodian
from keywright.control.door import Control
from keywright.control.secret_stores import SecretStores
from keywright.core.clock import Clock
from keywright.core.errors import StoreError
from keywright.pipeline.snapshot import Snapshot
from keywright.store.standing import Standings
from keywright.store.store import Store

_log = logging.getLogger("keywright")


class Running(Struct, frozen=True, eq=False):
    """What only a running gateway has."""

    custodian: Custodian | None = None
    secrets: SecretStores | None = None


NOT_RUNNING: Final = Running()


def open_control(
    store: Store,
    snapshot: Callable[[], Snapshot],
    clock: Clock,
    new_id: Callable[[], str],
    on_change: Callable[[], Awaitable[None]],
    on_stranger: Callable[[str], None] = lambda _: None,
    running: Running = NOT_RUNNING,
) -> Control:
    """The API over `store`. `on_change` is awaited after every change: this process is to know at once.

    `on_stranger` is told the code by which somebody was refused who proved no key. `running`: what of a gateway
    is at hand.
    """

    async def told() -> None:
        try:
            await on_change()
        except StoreError as error:  # what was changed is changed
            _log.warning("a change that was made here is known here with the next look at the store: %s", error)

    return Control(
        ControlBlueprint(
            store=store,
            standings=Standings(store.database),
            snapshot=snapshot,
            clock=clock,
            random=secrets.token_bytes,
            new_id=new_id,
            on_change=told,
            on_stranger=on_stranger,
            custodian=running.custodian,
            secrets=running.secrets,
        )
    )
