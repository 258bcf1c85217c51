"""`keywright demo`: a gateway with a small real model of its own, and one question answered through it."""

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import JsonFlag
from keywright.cli.screen import DIM, STRONG, console, emit_json, printable
from keywright.cli.up import Port, farewell
from keywright.core.clock import SECOND_US
from keywright.core.money import to_usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from keywright.cli.gateway import Reply
    from keywright.cli.listening import Listening
    from keywright.core.entry import Entry
    from keywright.core.secret import Secret
    from keywright.house.blueprint import Blueprint
    from keywright.house.house import House

EXAMPLE: Final = "Example: keywright demo --once"

FOLDER: Final = Path(".keywright") / "demo"
FOLDER_MODE: Final = 0o700
QUESTION: Final = "What is the capital of France? Answer in one short sentence."
ANSWER_TOKENS_MAX: Final = 64
KEY_LIVES: Final = "1d"
THREADS_MAX: Final = 4


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the answer.")] = False,
    port: Port = None,
    json: JsonFlag = False,
) -> None:
    """Start a gateway with a small real model on this machine, and ask it one question."""
    import uvloop

    from keywright.local import LocalSettings, find_weights, require_runtime, start

    require_runtime()
    find_weights()
    try:
        FOLDER.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"the folder {FOLDER} cannot be made here: {error.strerror}") from None
    if not json:
        console().print("Starting a small model on this machine …", style=DIM)
    threads = max(1, min((os.cpu_count() or 1) // 2, THREADS_MAX))  # the gateway and its user need some too
    with start(LocalSettings(threads=threads, log=FOLDER / "model.log")) as model:
        uvloop.run(_demo(model.base_url, port, once=once, json=json))


async def _demo(model_url: str, port: int | None, *, once: bool, json: bool) -> None:
    from keywright.cli.listening import listening
    from keywright.cli.logs import log_to_stderr
    from keywright.house.dumps import forbid_dumps

    forbid_dumps()
    blueprint = await _blueprint(model_url, port)
    log_to_stderr(blueprint.redactor)
    screen = console()

    def stopping(running: int) -> None:
        if not json:
            screen.print(farewell(running))

    async with listening(blueprint, stopping, other_port=port is None) as gateway:
        await _show(gateway, screen, once=once, json=json)
        if once:
            return
        if not json:
            screen.print("The gateway goes on until Ctrl-C.", style=STRONG)
        await gateway.served


async def _blueprint(model_url: str, port: int | None) -> "Blueprint":
    """What this machine offers, the model just started, and a store of the demo's own."""
    from keywright.config import ProviderConfig, Store
    from keywright.house.blueprint import plan_house, with_address
    from keywright.providers.local import LOCAL

    found = with_address(await plan_house(None, os.environ, Path()), None, port)
    providers = {**found.config.providers, LOCAL.name: ProviderConfig(base_url=f"{model_url}/v1")}
    store = Store(url=f"sqlite:///{FOLDER}/keywright.db")
    config = msgspec.structs.replace(found.config, providers=providers, store=store)
    return msgspec.structs.replace(found, config=config)


async def _show(gateway: "Listening", screen: "Console", *, once: bool, json: bool) -> None:
    """Make a key, ask, and say what came of it."""
    from keywright.cli.banner import announcement, facts_of, tell, tell_example, tell_key
    from keywright.cli.gateway import KEY_VARIABLES
    from keywright.local import ALIAS
    from keywright.providers.local import LOCAL

    model = f"{LOCAL.name}/{ALIAS}"
    key = await _first_key(gateway.house)
    facts = facts_of(gateway.house, gateway.url, gateway.bound.getsockname()[0])
    if json:
        reply, entry = await _ask(gateway, key, model, lambda _: None)
        figures = {**_figures(reply, entry), "question": QUESTION, "answer": reply.text}
        emit_json({**announcement(facts), "key": key.reveal(), "model": model, **figures})
        return
    tell(facts, screen)
    screen.print(f"\n{QUESTION}", style=STRONG)
    reply, entry = await _ask(gateway, key, model, _write)
    figures = _figures(reply, entry)
    screen.print(
        f"\n{model}: {figures['input_tokens']} tokens in, {figures['output_tokens']} out, cost ${figures['cost_usd']}; "
        f"Keywright itself took {figures['overhead_ms']} of {figures['total_ms']} ms ({reply.request_id})\n",
        style=DIM,
    )
    if once:
        return
    tell_key(f"demo's key, good for {KEY_LIVES}", KEY_VARIABLES[0], key, screen)
    tell_example(gateway.url, model, KEY_VARIABLES[0], screen)


async def _first_key(house: "House") -> "Secret":
    """A key for this run. It ends by itself, as the next run has its own."""
    from keywright.identity.key import KeyRequest, make_key
    from keywright.identity.keystring import issue

    issued = issue("temporary", secrets.token_bytes)
    now_s = house.blueprint.clock.unix_us() // SECOND_US
    key = make_key(issued, KeyRequest(name="demo", expires=KEY_LIVES), now_s)
    await house.store.add_key(key)
    house.learn_key(key)
    return issued.secret


async def _ask(gateway: "Listening", key: "Secret", model: str, say: "Callable[[str], None]") -> "tuple[Reply, Entry]":
    """The answer, and the ledger's entry of it."""
    from keywright.cli.gateway import Client, Message, Question, gateway_at

    client = Client(gateway_at(gateway.url, key))
    try:
        question = Question(model, (Message("user", QUESTION),), max_tokens=ANSWER_TOKENS_MAX, temperature=0.0)
        reply = await client.stream(question, say)
    finally:
        await client.aclose()
    await gateway.house.ledger.flush()
    entry = await gateway.house.store.entry(reply.request_id)
    if entry is None:
        raise CommandError(f"the ledger has no entry of the call {reply.request_id}")
    return reply, entry


def _figures(reply: "Reply", entry: "Entry") -> dict[str, str | int | float]:
    return {
        "input_tokens": entry.usage.input_total,
        "output_tokens": entry.usage.output_total,
        "cost_usd": to_usd(entry.cost_picodollars),
        "overhead_ms": entry.overhead_us / 1000,
        "total_ms": entry.total_us / 1000,
        "request_id": reply.request_id,
    }


def _write(piece: str) -> None:
    sys.stdout.write(printable(piece))
    sys.stdout.flush()
