"""The asynchronous SDKs: single calls, many at once, and streams that are closed early."""

import asyncio
from collections.abc import AsyncIterator

import anthropic
import openai
import pytest

from tests.conformance.sdk import TIMEOUT_S, Site
from tests.gateway import until
from tests.standin.script import Script

CALLS = 20


@pytest.fixture
async def openai_async(site: Site) -> AsyncIterator[openai.AsyncOpenAI]:
    """OpenAI's asynchronous SDK."""
    async with openai.AsyncOpenAI(
        base_url=f"{site.gateway.url}/v1",
        api_key=site.gateway.admin_key,
        timeout=TIMEOUT_S,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [site.heard.anote]}),
    ) as client:
        yield client


@pytest.fixture
async def anthropic_async(site: Site) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """Anthropic's asynchronous SDK."""
    async with anthropic.AsyncAnthropic(
        base_url=site.gateway.url,
        api_key=site.gateway.admin_key,
        timeout=TIMEOUT_S,
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(event_hooks={"response": [site.heard.anote]}),
    ) as client:
        yield client


async def test_openai_asks(openai_async: openai.AsyncOpenAI, site: Site) -> None:
    answer = await openai_async.chat.completions.create(
        model=site.model, messages=[{"role": "user", "content": "hello"}]
    )
    assert answer.choices[0].message.content == "You said: hello"
    site.settled()


async def test_anthropic_asks(anthropic_async: anthropic.AsyncAnthropic, site: Site) -> None:
    answer = await anthropic_async.messages.create(
        model=site.model, max_tokens=64, messages=[{"role": "user", "content": "hello"}]
    )
    assert answer.stop_reason == "end_turn"
    site.settled()


async def test_openai_streams(openai_async: openai.AsyncOpenAI, site: Site) -> None:
    stream = await openai_async.chat.completions.create(
        model=site.model,
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: hello"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    site.settled()


async def test_openai_accumulates_a_stream(openai_async: openai.AsyncOpenAI, site: Site) -> None:
    async with openai_async.chat.completions.stream(
        model=site.model, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == "You said: hello"
    site.settled()


async def test_anthropic_streams(anthropic_async: anthropic.AsyncAnthropic, site: Site) -> None:
    async with anthropic_async.messages.stream(
        model=site.model, max_tokens=64, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        assert [text async for text in stream.text_stream] == ["You", " said:", " hello"]
        final = await stream.get_final_message()
    assert final.usage.output_tokens == 3
    site.settled()


async def test_many_calls_of_openai_at_once_are_not_mixed_up(openai_async: openai.AsyncOpenAI, site: Site) -> None:
    async def ask(number: int) -> str | None:
        if number % 2:
            answer = await openai_async.chat.completions.create(
                model=site.model, messages=[{"role": "user", "content": f"number {number}"}]
            )
            return answer.choices[0].message.content
        async with openai_async.chat.completions.stream(
            model=site.model, messages=[{"role": "user", "content": f"number {number}"}]
        ) as stream:
            final = await stream.get_final_completion()
        return final.choices[0].message.content

    answers = await asyncio.gather(*map(ask, range(CALLS)))
    assert answers == [f"You said: number {number}" for number in range(CALLS)]
    assert len(site.cloud.exchanges) == CALLS
    assert _all_are_settled(site)


async def test_many_calls_of_anthropic_at_once_are_not_mixed_up(
    anthropic_async: anthropic.AsyncAnthropic, site: Site
) -> None:
    async def ask(number: int) -> str:
        async with anthropic_async.messages.stream(
            model=site.model, max_tokens=64, messages=[{"role": "user", "content": f"number {number}"}]
        ) as stream:
            return await stream.get_final_text()

    answers = await asyncio.gather(*map(ask, range(CALLS)))
    assert answers == [f"You said: number {number}" for number in range(CALLS)]
    assert _all_are_settled(site)


def _all_are_settled(site: Site) -> bool:
    """Whether each call that was heard of has an entry of its own, that went well."""
    entries = [site.gateway.entry(str(head["x-keywright-request-id"])) for head in site.heard.heads]
    assert len({entry.id for entry in entries}) == CALLS
    return all(entry.outcome == "ok" and entry.usage.output == 4 and entry.cost_picodollars > 0 for entry in entries)


async def test_openai_closes_a_stream_early(openai_async: openai.AsyncOpenAI, site: Site) -> None:
    marker = site.cloud.script(Script(words=500, pace_s=0.02))
    stream = await openai_async.chat.completions.create(
        model=site.model, messages=[{"role": "user", "content": marker}], stream=True
    )
    async for chunk in stream:
        if "word3" in (chunk.choices[0].delta.content or ""):
            break
    await stream.close()
    await _the_provider_was_left(site)


async def test_anthropic_closes_a_stream_early(anthropic_async: anthropic.AsyncAnthropic, site: Site) -> None:
    marker = site.cloud.script(Script(words=500, pace_s=0.02))
    async with anthropic_async.messages.stream(
        model=site.model, max_tokens=900, messages=[{"role": "user", "content": marker}]
    ) as stream:
        async for text in stream.text_stream:
            if "word3" in text:
                break
    await _the_provider_was_left(site)


async def test_a_cancelled_task_leaves_the_provider(openai_async: openai.AsyncOpenAI, site: Site) -> None:
    marker = site.cloud.script(Script(head_delay_s=5))
    asking = asyncio.create_task(
        openai_async.chat.completions.create(model=site.model, messages=[{"role": "user", "content": marker}])
    )
    assert await asyncio.to_thread(until, lambda: site.cloud.running == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await asyncio.to_thread(until, lambda: site.cloud.last.outcome == "left")


async def _the_provider_was_left(site: Site) -> None:
    """The stream upstream ended soon after the client's, and what had come is paid for."""
    assert await asyncio.to_thread(until, lambda: site.cloud.last.outcome == "left")
    assert site.cloud.last.sent < 50
    entry = await asyncio.to_thread(site.entry)
    assert (entry.outcome, entry.status) == ("cancelled", 499)
    assert entry.usage.output >= 4
    assert entry.cost_picodollars > 0
