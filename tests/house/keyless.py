"""A gateway that calls a provider without a key, for tests whose stand-ins answer in the test's own event loop."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from tests.client import Answer
from tests.gateway import ADMIN_KEY, Gateway, running
from tests.vault.standin import Service


def config(name: str, upstream: Service, model: str, extra: str = "", base: str = "") -> str:
    return f"""
[store]
url = "sqlite:///test.db"
[retry]
attempts = 1
[providers.{name}]
base_url = "{upstream.url}{base}"
models = ["{model}"]
{extra}
[[prices]]
model = "{name}/{model}"
input = "1"
output = "1"
"""


@contextlib.asynccontextmanager
async def gateway(folder: Path, text: str, variables: dict[str, str]) -> AsyncIterator[Gateway]:
    with running(folder, text, {**variables, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}) as started:
        try:
            yield started
        finally:
            await asyncio.sleep(0)


async def chat(started: Gateway, model: str) -> Answer:
    """One question, asked from another thread, since the stand-ins answer in this one."""
    return await asyncio.to_thread(started.chat, model)


def completion(body: str = "fine") -> str:
    choice = {"index": 0, "message": {"role": "assistant", "content": body}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    )


def said(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    found = json.loads(answer.body)["choices"][0]["message"]["content"]
    assert isinstance(found, str)
    return found
