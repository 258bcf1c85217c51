"""`keywright policy`: what would be decided, and what another configuration would have decided."""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from keywright.cli import policy_screen
from keywright.cli.api import run
from keywright.cli.options import ConfigFile, JsonFlag, key_id
from keywright.cli.place import config_path, local_blueprint, local_store
from keywright.cli.screen import emit_json
from keywright.cli.words import utc
from keywright.control.resources import PolicyQuestion

if TYPE_CHECKING:
    from keywright.house.blueprint import Blueprint
    from keywright.inquiry.replay import Report

TEST_EXAMPLE: Final = "Example: keywright policy test --key 3fZkQ0pW7sYt1LbC --model openai/gpt-5 --from 10.1.2.3"
REPLAY_EXAMPLE: Final = "Example: keywright policy replay --config next.toml --since 7d"


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="policy", help="Ask what would be decided, or would have been.")
    app.command("test", epilog=TEST_EXAMPLE)(ask)
    app.command("replay", epilog=REPLAY_EXAMPLE)(replay)
    return app


def ask(
    *,
    key: Annotated[str, typer.Option(metavar="ID", help="The key that calls.", callback=key_id)],
    model: Annotated[str, typer.Option(metavar="MODEL", help="What it asks for.")],
    endpoint: Annotated[str, typer.Option(metavar="NAME", help="Which endpoint.")] = "chat",
    address: Annotated[
        str | None, typer.Option("--from", metavar="ADDRESS", help="Where it calls from (else not asked about).")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When, as 2026-11-24T12:00:00Z (else now).")] = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Tell whether a call would be admitted, by which rule, where it would go, and what it could cost."""
    from keywright.inquiry.trial import Trial

    question = PolicyQuestion(
        key=key, model=model, endpoint=endpoint, address=address, at=None if at is None else utc(at)
    )
    found = run(config, lambda api: api.post("/policy/test", question, Trial))
    if json:
        emit_json(found)
    else:
        policy_screen.show_trial(found)


def replay(
    *,
    config: Annotated[Path, typer.Option(metavar="NEW", help="The configuration to try on the recorded calls.")],
    since: Annotated[str, typer.Option(metavar="WHEN", help="From when on: 7d ago, or a time.")] = "7d",
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="Until when (else now).")] = None,
    json: JsonFlag = False,
) -> None:
    """Tell what another configuration would have done to the recorded calls.

    They are in the store of the configuration that counts (KEYWRIGHT_CONFIG, else ./keywright.toml), or, where there is
    none, in that of the new one.
    """
    now_s = int(time.time())
    since_s = _when_s(since, now_s, "--since")
    until_s = now_s + 1 if until is None else _when_s(until, now_s, "--until")
    if until_s <= since_s:
        raise typer.BadParameter("it is not behind --since", param_hint="--until")
    tried = local_blueprint(config)
    records = tried if config_path(None) is None else local_blueprint(None)
    report = asyncio.run(_replay(records, tried, since_s, until_s, now_s))
    if json:
        emit_json(report)
    else:
        policy_screen.show_report(report)


async def _replay(records: "Blueprint", tried: "Blueprint", since_s: int, until_s: int, now_s: int) -> "Report":
    from keywright.core.clock import SECOND_US
    from keywright.house.view import view_of
    from keywright.inquiry.replay import Replay
    from keywright.store.history import History

    async with local_store(records, create=False) as store:
        played = Replay(await view_of(tried.config, tried.base, os.environ, store, now_s))
        with policy_screen.progress(since_s * SECOND_US, until_s * SECOND_US) as advance:
            async for batch in History(store.database).batches(since_s * SECOND_US, until_s * SECOND_US):
                for entry in batch:
                    played.add(entry)
                advance(batch[-1].started_us)
    return played.report()


def _when_s(text: str, now_s: int, option: str) -> int:
    """Unix seconds of a time, or of so long ago."""
    from keywright.identity.key import duration_s

    if text[:1].isdigit() and text[-1:].isalpha() and "-" not in text:
        try:
            return now_s - duration_s(text)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=option) from None
    return _moment_s(text, option)


def _moment_s(text: str, option: str) -> int:
    """Unix seconds of an ISO time; one without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text[:40]!r} is no time: write it as 2026-11-24 or 2026-11-24T12:00:00Z"
        raise typer.BadParameter(message, param_hint=option) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
