"""What a gateway by some configuration would know, over a store in memory; and calls as they are recorded."""

import asyncio
from pathlib import Path

from keywright.config import parse
from keywright.core.entry import Attempt, Entry, Outcome
from keywright.core.identity import Key
from keywright.core.usage import Usage
from keywright.house.view import view_of
from keywright.pipeline.snapshot import Snapshot
from keywright.store import Store

NOW_S = 1_764_000_000
"""2025-11-24T16:00:00Z, a Monday."""
EXAMPLE = """
[providers.openai]
api_key = "env:NOBODY_SET_THIS"
[providers.edge]
kind = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"
[models.fast]
route = ["edge/small", "openai/gpt-4o-mini"]
[[prices]]
model = "edge/small"
input = "1"
output = "2"
[[prices]]
model = "openai/gpt-4o-mini"
input = "10"
output = "20"
"""


def view(text: str, *keys: Key) -> Snapshot:
    """What a gateway by that configuration, and with those keys, would know."""

    async def made() -> Snapshot:
        store = await Store.open("sqlite://")
        try:
            for key in keys:
                await store.add_key(key)
            return await view_of(parse(text), Path(), {}, store, NOW_S)
        finally:
            await store.close()

    return asyncio.run(made())


def call(
    number: int,
    model: str = "fast",
    *,
    at_s: int = NOW_S,
    key: str = "k",
    served: str = "edge/small",
    cost: int = 300,
    outcome: Outcome = "ok",
    code: str = "",
    decision: str = "key:all",
    reserved: int = 0,
    address: str = "10.0.0.1",
    failed: tuple[Attempt, ...] = (),
    price: str = "edge/small@own;input=1;output=2",
    endpoint: str = "chat",
) -> Entry:
    """A call that used a hundred tokens each way, unless it was refused."""
    provider, _, name = served.partition("/")
    was_served = outcome == "ok"
    return Entry(
        id=f"r{number}",
        started_us=at_s * 10**6,
        key_id=key,
        project="default",
        dialect="openai_chat",
        endpoint=endpoint,
        model=model,
        outcome=outcome,
        status=200 if was_served else 403,
        served=served if was_served else "",
        provider=provider if was_served else "",
        code=code,
        decision=decision,
        attempts=(*failed, Attempt(provider, name, "c", "ok", 200)) if was_served else failed,
        usage=Usage(input=100, output=100) if was_served else Usage(),
        usage_source="provider" if was_served else "none",
        price=price if was_served else "",
        cost_picodollars=cost if was_served else 0,
        total_us=2_000_000,
        reserved_picodollars=reserved,
        address=address,
    )
