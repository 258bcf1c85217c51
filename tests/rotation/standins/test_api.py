"""The stand-ins' data planes answer to keys that are good, and to no other: a gateway may be drilled on them."""

from collections.abc import Iterator

import pytest

from keywright.core.http import Header
from keywright.vault.fetch import Fetch, Question, Reply
from tests.rotation.drivers.conftest import fetch, hands
from tests.rotation.standins.google import Google
from tests.rotation.standins.mistral import Mistral
from tests.rotation.standins.openai import OpenAi
from tests.rotation.standins.openrouter import OpenRouter
from tests.vault.hands import Hands

__all__ = ["fetch", "hands"]
CHAT = b'{"model": "m", "messages": [{"role": "user", "content": "?"}]}'


async def call(fetch: Fetch, url: str, header: Header, body: bytes = b"") -> Reply:
    return await fetch.ask(Question("it", url, "written", b"POST" if body else b"GET", (header,), body))


def bearing(value: str) -> Header:
    return (b"authorization", f"Bearer {value}".encode())


@pytest.fixture
def openai(hands: Hands) -> Iterator[OpenAi]:
    with OpenAi(lambda: hands.wall_s).open() as it:
        yield it


async def test_openai_s_keys_answer_until_they_end(openai: OpenAi, fetch: Fetch, hands: Hands) -> None:
    ends, stays = openai.add("ends", lifetime_s=60), openai.add("stays")
    for key in (ends, stays):
        assert (await call(fetch, f"{openai.url}/models", bearing(key.value))).status == 200
        assert (await call(fetch, f"{openai.url}/chat/completions", bearing(key.value), CHAT)).status == 200
    assert openai.uses.calls == {ends.id: 1, stays.id: 1}
    assert stays.last_used_s == hands.wall_s
    hands.pass_by(60)
    assert (await call(fetch, f"{openai.url}/models", bearing(ends.value))).status == 401
    assert (await call(fetch, f"{openai.url}/models", bearing(openai.admin_key))).status == 401
    assert openai.uses.refused == 2


async def test_openrouter_s_keys_answer_while_they_are_on_and_have_money(fetch: Fetch) -> None:
    with OpenRouter().open() as openrouter:
        key = openrouter.add("k")
        for path in ("key", "models"):
            assert (await call(fetch, f"{openrouter.url}/{path}", bearing(key.value))).status == 200
        key.limit, key.usage = 1.0, 1.0
        assert (await call(fetch, f"{openrouter.url}/chat/completions", bearing(key.value), CHAT)).status == 403
        key.disabled = True
        assert (await call(fetch, f"{openrouter.url}/models", bearing(key.value))).status == 401
        assert (await call(fetch, f"{openrouter.url}/key", bearing(openrouter.admin_key))).status == 401


async def test_mistral_s_keys_answer_until_their_day(fetch: Fetch, hands: Hands) -> None:
    with Mistral(lambda: hands.wall_s).open() as mistral:
        key = mistral.add("k")
        assert (await call(fetch, f"{mistral.url}/chat/completions", bearing(key.value), CHAT)).status == 200
        key.expiration = key.last_used
        assert (await call(fetch, f"{mistral.url}/models", bearing(key.value))).status == 401


async def test_google_hears_of_a_key_a_little_later(fetch: Fetch) -> None:
    with Google().open() as google:
        google.fresh = 2
        key = google.add("k")
        header = (b"x-goog-api-key", key.value.encode())
        said = [(await call(fetch, f"{google.url}/models", header)).status for _ in range(3)]
        assert said == [400, 400, 200]
        generated = await call(fetch, f"{google.url}/models/m:generateContent", header, b'{"contents": []}')
        assert generated.status == 200
        key.restrictions = {"serverKeyRestrictions": {"allowedIps": ["192.0.2.1"]}}
        assert (await call(fetch, f"{google.url}/models", header)).status == 403
        key.deleted = True
        assert (await call(fetch, f"{google.url}/models", header)).status == 400
