"""`keywright models`: what a running gateway serves to this key."""

import asyncio
import os
from typing import Final

from keywright.cli.options import JsonFlag
from keywright.cli.screen import console, emit_json, printable

EXAMPLE: Final = "Example: KEYWRIGHT_API_KEY=sk-kw-… keywright models"


def models(*, json: JsonFlag = False) -> None:
    """List the models of the running gateway (KEYWRIGHT_URL) that the key (KEYWRIGHT_API_KEY) may use."""
    names = asyncio.run(_models())
    if json:
        emit_json({"models": list(names)})
        return
    screen = console()
    for name in names:
        screen.print(printable(name))


async def _models() -> tuple[str, ...]:
    from keywright.cli.gateway import Client, gateway_of

    client = Client(gateway_of(os.environ))
    try:
        return await client.models()
    finally:
        await client.aclose()
