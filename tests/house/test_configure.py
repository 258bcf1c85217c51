"""A configuration that changes while a gateway runs: what happens meanwhile counts, and what is gone harms nothing."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from keywright.catalog.snapshot import bundled, encode
from keywright.config import load
from keywright.house.blueprint import plan_house
from keywright.house.house import House
from keywright.store.price_lists import PriceLists

PROVIDERS = """
[providers.openai]
api_key = "env:KEY"
[providers.anthropic]
api_key = "env:KEY"
[providers.mistral]
api_key = "env:KEY"
"""
SLOW = """
[secrets.slow]
kind = "vault"
address = "http://127.0.0.1:%d"
token = "env:KEY"
timeout_s = 1.0
[providers.openai]
api_key = "env:KEY"
[providers.anthropic]
api_key = "env:KEY"
[[providers.groq.credentials]]
name = "far"
api_key = ["slow://secret/llm#groq"]
"""
KEY = {"KEY": "sk-of-these-tests"}


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A store that takes a question and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


async def opened(folder: Path, text: str) -> House:
    path = folder / "keywright.toml"
    path.write_text(text)
    return await House.open(await plan_house(path, KEY, folder))


async def test_what_changes_while_a_new_configuration_waits_for_a_store_counts_afterwards(
    tmp_path: Path, silent: socket.socket
) -> None:
    house = await opened(tmp_path, PROVIDERS)
    path = tmp_path / "keywright.toml"
    path.write_text(SLOW % silent.getsockname()[1])
    configuring = asyncio.create_task(house.configure(load(path), {}))
    asked, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(silent), 30.0)
    assert {one.credential for one in house.rotating.schedules()} == {"openai", "anthropic", "mistral"}
    await house.rotating.states.change("anthropic", lambda known: replace(known, disabled=True))
    await house.refresh()
    asked.close()
    silent.close()
    await configuring
    assert {source.credential_name for source in house.snapshot.routes.sources} == {"openai", "groq/far"}
    await house.close()


async def test_new_prices_count_though_the_key_of_a_provider_is_gone(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-of-a-file")
    key.chmod(0o600)
    house = await opened(tmp_path, f'[secrets.file]\nkeep_s = 0\n[providers.openai]\napi_key = "file:{key}"\n')
    key.unlink()
    await house.keeper.look(f"file:{key}")
    house.custody.take_up()
    later = msgspec.structs.replace(bundled(), as_of="2031-05-01")
    await PriceLists(house.store.database).add(encode(later), "", 1)
    await house.refresh()
    (target,) = house.snapshot.routes.find("openai/gpt-4o")
    price = house.snapshot.routes.price_of(target, 2_000_000_000)
    assert price is not None
    assert "2031-05-01" in repr(price)
    await house.close()
