"""The administration API of a house."""

import secrets
from collections.abc import Awaitable, Callable

from keywright.control.blueprint import ControlBlueprint
from keywright.control.door import Control
from keywright.core.clock import Clock
from keywright.pipeline.snapshot import Snapshot
from keywright.store.standing import Standings
from keywright.store.store import Store


def open_control(
    store: Store,
    snapshot: Callable[[], Snapshot],
    clock: Clock,
    new_id: Callable[[], str],
    on_change: Callable[[], Awaitable[None]],
    on_stranger: Callable[[str], None] = lambda _: None,
) -> Control:
    """The API over `store`. `on_change` is awaited after every change: this process is to know at once.

    `on_stranger` is told the code by which somebody was refused who proved no key.
    """
    return Control(
        ControlBlueprint(
            store=store,
            standings=Standings(store.database),
            snapshot=snapshot,
            clock=clock,
            random=secrets.token_bytes,
            new_id=new_id,
            on_change=on_change,
            on_stranger=on_stranger,
        )
    )
