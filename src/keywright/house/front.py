"""What clients meet: the application, with the desk that serves calls and the administration API behind it."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from keywright.config import Config
from keywright.core.clock import Clock
from keywright.house.bookkeeping import Bookkeeping
from keywright.house.control import Running, open_control
from keywright.pipeline.reserve import Books
from keywright.pipeline.serve import Desk
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.upstream import Line
from keywright.server.app import App
from keywright.server.edge import Edge
from keywright.server.metrics import Meters
from keywright.server.reading import Ids
from keywright.transport.pool import Pool
from keywright.transport.retry import RetrySettings
from keywright.vault.keeper import Keeper

NODE_BYTES: Final = 5
"""Of the part of calls' names that is this process's. Two of 100 processes, each restarted daily, have the same once in
600,000 years, and even then two calls only in the same microsecond with the same number."""


class Rooms(Struct, frozen=True, eq=False):
    """What lies behind the application. `snapshot` gives the view that counts, `refresh` takes in what has changed in
    the store; `not_ready` says why no calls are taken now, "" when they are.
    """

    books: Bookkeeping
    keeper: Keeper
    pool: Pool
    meters: Meters
    running: Running
    snapshot: Callable[[], Snapshot]
    refresh: Callable[[], Awaitable[None]]
    not_ready: Callable[[], str]


def open_app(config: Config, clock: Clock, rooms: Rooms) -> App:
    """The application, over `rooms`. How it retries and what it takes is the configuration's at the start."""
    meters, snapshot = rooms.meters, rooms.snapshot
    books = Books(rooms.books.ledger, rooms.books.escrow, meters, clock)
    desk = Desk(snapshot=snapshot, books=books, line=_line(config, clock, rooms.pool), clock=clock)
    edge = Edge(desk, Ids(secrets.token_hex(NODE_BYTES)), config.server.body_bytes_max, config.server.calls_max)
    control = open_control(
        rooms.books.store, snapshot, clock, edge.new_id, rooms.refresh, meters.unknown, rooms.running
    )
    return App(
        edge=edge,
        meters=meters,
        ready=rooms.not_ready,
        state=lambda: rooms.books.state(rooms.keeper),
        control=control,
    )


def _line(config: Config, clock: Clock, pool: Pool) -> Line:
    retry = config.retry
    return Line(
        upstreams=pool,
        retry=RetrySettings(
            attempts_max=retry.attempts,
            first_s=retry.backoff_s,
            delay_s_max=retry.backoff_max_s,
            retry_after_s_max=retry.retry_after_max_s,
        ),
        clock=clock,
        random=random.SystemRandom().random,
        pause=asyncio.sleep,
    )
