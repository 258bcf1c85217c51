"""`keywright up`: the gateway, until it is stopped."""

import asyncio
import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec.structs import replace

from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import config_path
from keywright.cli.screen import console, emit_json

if TYPE_CHECKING:
    from keywright.cli.banner import Facts
    from keywright.core.redaction import Redactor
    from keywright.house.blueprint import Blueprint

EXAMPLE: Final = "Example: keywright up --config /etc/keywright/keywright.toml --port 4100"

WORKERS_MAX: Final = 256
"""As `[server] workers` of the configuration."""

Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")]


def up(
    *,
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen (else 127.0.0.1).")] = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(min=1, max=WORKERS_MAX, help="Worker processes (else 1).")] = None,
    json: JsonFlag = False,
) -> None:
    """Start the gateway. Without a file it takes providers from the environment, .env and local servers."""
    from keywright.cli.logs import log_to_stderr
    from keywright.core.redaction import Redactor
    from keywright.house.dumps import forbid_dumps

    forbid_dumps()
    redactor = Redactor()
    log_to_stderr(redactor)
    blueprint = asyncio.run(_planned(config_path(config), host, port, redactor))
    count = blueprint.config.server.workers if workers is None else workers
    if count > 1:
        from keywright.cli.workers import supervise

        raise typer.Exit(supervise(blueprint, count, json=json))

    import uvloop

    uvloop.run(_serve_alone(blueprint, json=json))


async def _planned(path: Path | None, host: str | None, port: int | None, redactor: "Redactor") -> "Blueprint":
    from keywright.house.blueprint import plan_house, with_address

    planned = with_address(await plan_house(path, os.environ, Path()), host, port)
    return replace(planned, redactor=redactor)


async def _serve_alone(blueprint: "Blueprint", *, json: bool) -> None:
    from keywright.cli.banner import facts_of
    from keywright.cli.listening import listening

    def stopping(running: int) -> None:
        if not json:
            console(stderr=True).print(farewell(running))

    async with listening(blueprint, stopping) as gateway:
        keep_what_is_there()
        announce(facts_of(gateway.house, gateway.url, gateway.bound.getsockname()[0]), json=json)
        await gateway.served


def announce(facts: "Facts", *, json: bool) -> None:
    """Say that the gateway serves: to people, or as one JSON document."""
    from keywright.cli.banner import announcement, example_model, tell, tell_example
    from keywright.house.admin import VARIABLE

    if json:
        emit_json(announcement(facts))
        return
    screen = console(stderr=True)
    tell(facts, screen)
    if facts.config.providers:
        tell_example(facts.url, example_model(facts), VARIABLE, screen)


def keep_what_is_there() -> None:
    """Spare the collector what a start leaves behind: 70,000 objects that live as long as the process. Each full
    collection would walk through them, and every call would wait 16 ms for that (docs/rfd/008-edge.md).
    """
    gc.collect()
    gc.freeze()


def farewell(running: int) -> str:
    """What is said when the gateway is told to stop."""
    calls = {0: "no call is running", 1: "the running call finishes first"}
    return f"Stopping: {calls.get(running, f'the {running} running calls finish first')}."
