"""`keywright up`: the gateway, until it is stopped."""

import gc
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.place import config_path
from keywright.cli.screen import console, emit_json

EXAMPLE: Final = "Example: keywright up --config /etc/keywright/keywright.toml --port 4100"

Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")]


def up(
    *,
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen (else 127.0.0.1).")] = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; only 1 is available yet.")] = None,
    json: JsonFlag = False,
) -> None:
    """Start the gateway. Without a file it takes providers from the environment, .env and local servers."""
    import uvloop

    uvloop.run(_up(config_path(config), host, port, workers, json=json))


async def _up(path: Path | None, host: str | None, port: int | None, workers: int | None, *, json: bool) -> None:
    from keywright.cli.banner import announcement, example_model, tell, tell_example
    from keywright.cli.listening import listening, require_workers
    from keywright.cli.logs import log_to_stderr
    from keywright.house import plan_house
    from keywright.house.admin import VARIABLE
    from keywright.house.blueprint import with_address

    log_to_stderr()
    screen = console(stderr=True)
    blueprint = with_address(await plan_house(path, os.environ, Path()), host, port)
    require_workers(blueprint.config.server.workers if workers is None else workers)

    def stopping(running: int) -> None:
        if not json:
            screen.print(farewell(running))

    async with listening(blueprint, stopping) as gateway:
        keep_what_is_there()
        if json:
            emit_json(announcement(gateway))
        else:
            tell(gateway, screen)
            if blueprint.config.providers:
                tell_example(gateway.url, example_model(gateway), VARIABLE, screen)
        await gateway.served


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
