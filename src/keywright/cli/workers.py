"""A gateway of several worker processes: what their supervisor does before they start, and the life of each.

Everything that can be wrong is found out before the first worker starts: the address is taken, the configuration and
its secrets are read, the store is migrated, what dead processes left is brought in, and the first admin key is made.
"""

import asyncio
import contextlib
import logging
import os
import signal
from typing import Final

from msgspec.structs import replace

from keywright.cli.banner import Facts, facts_of
from keywright.cli.errors import INTERRUPTED, exit_code
from keywright.cli.listening import listening_at, tls_of, url_of
from keywright.cli.logs import log_to_stderr
from keywright.cli.screen import console, say_error
from keywright.cli.up import announce, keep_what_is_there
from keywright.config import load
from keywright.core.errors import ConfigError, KeywrightError, SecretError
from keywright.house.blueprint import Blueprint
from keywright.house.house import House
from keywright.server.app import App
from keywright.server.board import Board
from keywright.server.entrance import Entrance
from keywright.server.listen import Address, Tls
from keywright.server.metrics import post
from keywright.server.supervisor import Post, Supervisor, Tasks

POST_S: Final = 0.5
"""How often a worker tells the others what it has counted. Of one that is killed, so much is not counted."""
SUPERVISOR: Final = 0
"""The supervisor's place on the board; the others are the workers' numbers."""

_log = logging.getLogger("keywright")


def supervise(blueprint: Blueprint, count: int, *, json: bool) -> int:
    """Serve by `count` workers until SIGINT or SIGTERM. Returns the exit code.

    Raises:
        ConfigError, SecretError, StoreError: what is wrong, where, and what to do. No worker was started.
    """
    server = blueprint.config.server
    tls = tls_of(blueprint)
    entrance = Entrance(Address(server.host, server.port), count)
    board = Board(count + 1)
    bound = entrance.of(0)
    facts = asyncio.run(_prepared(blueprint, board))
    facts = replace(facts, url=url_of(bound, tls), host=bound.getsockname()[0], workers=count)
    keep_what_is_there()

    def stopping() -> None:
        if not json:
            console(stderr=True).print("Stopping: running calls finish first.")

    tasks = Tasks(
        work=lambda given: _life(given, blueprint, tls, board),
        all_serve=lambda: announce(facts, json=json),
        stopping=stopping,
        died=board.bury,
    )
    return Supervisor(count, server.shutdown_s, entrance, tasks).run()


async def _prepared(blueprint: Blueprint, board: Board) -> Facts:
    """What there is to say of a house that was opened and closed again, so that each worker will find all in order."""
    house = await House.open(blueprint)
    try:
        return facts_of(house, "", "")
    finally:
        await house.close()
        post(board, SUPERVISOR, house.meters.figures(house.app.state()))  # what it found of dead processes
        board.bury(SUPERVISOR)


def _life(given: Post, blueprint: Blueprint, tls: Tls | None, board: Board) -> int:
    """A worker, from its start to its exit code."""
    import uvloop

    log_to_stderr(blueprint.redactor, given.number)
    try:
        uvloop.run(_serve(given, blueprint, tls, board))
    except KeywrightError as error:
        say_error(f"worker {given.number}: {error}")
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


async def _serve(given: Post, blueprint: Blueprint, tls: Tls | None, board: Board) -> None:
    house = await _newest(blueprint)
    app = house.app
    app.meters.share(board, given.number)
    async with listening_at(given.bound, house, tls, _say_nothing) as gateway:
        keep_what_is_there()
        _stop_when_alone(given.lifeline)
        posting = asyncio.create_task(_post_on(app))
        given.serves()
        await gateway.served
        posting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await posting
    app.meters.post(app.state())


async def _newest(blueprint: Blueprint) -> House:
    """The house by the file as it is now; by the one at the start where the file cannot be used any more."""
    if blueprint.config_path is not None:
        try:
            config = load(blueprint.config_path)
            old = blueprint.config
            config = replace(config, server=old.server, store=old.store, retry=old.retry)  # these count from a start
            return await House.open(replace(blueprint, config=config))
        except (ConfigError, SecretError) as error:
            _log.error("the changed configuration is refused, the old one stays: %s", error)
    return await House.open(blueprint)


async def _post_on(app: App) -> None:
    """Write the worker's figures on the board again and again."""
    fits = True
    while True:
        did_fit, fits = fits, app.meters.post(app.state())
        if did_fit and not fits:
            _log.warning("there are too many metrics for one page of all workers: this one's count no further there")
        await asyncio.sleep(POST_S)


def _stop_when_alone(lifeline: int) -> None:
    """Stop as if told to when the supervisor is gone."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(lifeline)
        _log.error("the supervisor is gone: running calls finish, no more are taken")
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(lifeline, stop)


def _say_nothing(_: int) -> None:
    """How many calls are running the supervisor does not ask."""
