"""Thinking through both SDKs: asked for, shown, and sent back, with the signature that the provider checks.

The stand-in for Anthropic refuses a signature or redacted data that it has not made.
"""

from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message, MessageParam
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageParam

from keywright.dialects.seal import is_seal
from tests.conformance.sdk import Site
from tests.standin.reply import REDACTED, sign
from tests.standin.script import Call, Script

THOUGHT = "one step and another step"
ROOM = 4096
"""An output limit that leaves room for the least budget of thinking."""

CLOCK: Any = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


def thoughtful(site: Site, *, redacted: bool = False, calls: tuple[Call, ...] = ()) -> str:
    """A marker for an answer with thoughts."""
    return site.cloud.script(Script(thinking=THOUGHT, redacted=redacted, text="well", calls=calls))


def thoughts_at(site: Site, turn: int) -> list[dict[str, Any]]:
    """The thinking blocks in a turn that Anthropic was sent."""
    content = site.body["messages"][turn]["content"]
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if block["type"] in ("thinking", "redacted_thinking")]


SIGNED = {"type": "thinking", "thinking": THOUGHT, "signature": sign(THOUGHT)}
HIDDEN = {"type": "redacted_thinking", "data": REDACTED}


def ask_anthropic(sdk: anthropic.Anthropic, site: Site, messages: list[MessageParam], *, stream: bool) -> Message:
    """An answer of a model that may think."""
    request: Any = {
        "model": site.thinker,
        "max_tokens": ROOM,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": messages,
    }
    if stream:
        with sdk.messages.stream(**request) as accumulated:
            return accumulated.get_final_message()
    answer: Message = sdk.messages.create(**request)
    return answer


@pytest.mark.parametrize("redacted", [True, False])
@pytest.mark.parametrize("stream", [True, False])
def test_anthropic_sees_thinking_and_sends_it_back(
    anthropic_sdk: anthropic.Anthropic, anthropic_site: Site, *, redacted: bool, stream: bool
) -> None:
    site = anthropic_site
    messages: list[MessageParam] = [{"role": "user", "content": thoughtful(site, redacted=redacted)}]
    answer = ask_anthropic(anthropic_sdk, site, messages, stream=stream)
    kinds = ["thinking", "redacted_thinking", "text"] if redacted else ["thinking", "text"]
    assert [block.type for block in answer.content] == kinds
    assert answer.content[0].to_dict() == SIGNED
    assert site.settled().usage.reasoning == len(THOUGHT.split())
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": "again"}]
    ask_anthropic(anthropic_sdk, site, messages, stream=stream)
    assert thoughts_at(site, 1) == ([SIGNED, HIDDEN] if redacted else [SIGNED])
    site.settled()


def test_anthropic_asks_a_model_of_openai_to_think(anthropic_sdk: anthropic.Anthropic, openai_site: Site) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": "think"}]
    answer = ask_anthropic(anthropic_sdk, openai_site, messages, stream=False)
    assert openai_site.body["reasoning_effort"] == "low"
    assert answer.usage.output_tokens_details is not None
    assert answer.usage.output_tokens_details.thinking_tokens == 8
    assert openai_site.settled().usage.reasoning == 8


def test_thinking_of_anthropic_is_not_shown_to_openai(
    anthropic_sdk: anthropic.Anthropic, anthropic_site: Site, openai_site: Site
) -> None:
    """A conversation moves on to another provider: the thought is left out, and that is said."""
    messages: list[MessageParam] = [{"role": "user", "content": thoughtful(anthropic_site, redacted=True)}]
    answer = ask_anthropic(anthropic_sdk, anthropic_site, messages, stream=False)
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": "again"}]
    ask_anthropic(anthropic_sdk, openai_site, messages, stream=False)
    assert openai_site.body["messages"][1] == {"role": "assistant", "content": "well"}
    assert THOUGHT.encode() not in openai_site.cloud.last.raw
    assert {"messages[1].content[0]", "messages[1].content[1]"} < set(openai_site.settled().losses)


@pytest.mark.parametrize("effort", ["none", "low", "high"])
def test_openai_asks_a_model_of_anthropic_to_think(
    openai_sdk: openai.OpenAI, anthropic_site: Site, effort: Any
) -> None:
    answer = openai_sdk.chat.completions.create(
        model=anthropic_site.thinker,
        messages=[{"role": "user", "content": "think"}],
        reasoning_effort=effort,
        max_completion_tokens=ROOM,
    )
    wanted = {
        "none": {"type": "disabled"},
        "low": {"type": "enabled", "budget_tokens": 2048},
        "high": {"type": "enabled", "budget_tokens": 3072},
    }
    assert anthropic_site.body["thinking"] == wanted[effort]
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == (0 if effort == "none" else 5)
    anthropic_site.settled()


def ask_openai(
    sdk: openai.OpenAI, site: Site, messages: list[ChatCompletionMessageParam], **more: Any
) -> ChatCompletionMessage:
    """An answer of a model that may think."""
    answer = sdk.chat.completions.create(
        model=site.thinker, messages=messages, reasoning_effort="low", max_completion_tokens=ROOM, **more
    )
    message: ChatCompletionMessage = answer.choices[0].message
    return message


@pytest.mark.parametrize("redacted", [True, False])
def test_openai_sees_thinking_and_sends_it_back(
    openai_sdk: openai.OpenAI, anthropic_site: Site, *, redacted: bool
) -> None:
    site = anthropic_site
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": thoughtful(site, redacted=redacted)}]
    message = ask_openai(openai_sdk, site, messages)
    assert message.content == "well"
    assert message.to_dict()["reasoning_content"] == THOUGHT
    assert site.settled().usage.reasoning == len(THOUGHT.split())
    messages += [message.to_dict(), {"role": "user", "content": "again"}]  # type: ignore[list-item]
    ask_openai(openai_sdk, site, messages)
    assert thoughts_at(site, 1) == ([SIGNED, HIDDEN] if redacted else [SIGNED])
    assert site.settled().losses == ()


def test_openai_sends_thinking_back_with_the_results_of_tools(openai_sdk: openai.OpenAI, anthropic_site: Site) -> None:
    """The case in which Anthropic demands the thought of the turn that called."""
    site = anthropic_site
    marker = thoughtful(site, calls=(Call("clock", {}),))
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": marker}]
    message = ask_openai(openai_sdk, site, messages, tools=[CLOCK])
    assert message.tool_calls is not None
    messages += [
        message.to_dict(),  # type: ignore[list-item]
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "noon"},
    ]
    assert ask_openai(openai_sdk, site, messages, tools=[CLOCK]).content == "The tool said: noon"
    assert [block["type"] for block in site.body["messages"][1]["content"]] == ["thinking", "text", "tool_use"]
    assert thoughts_at(site, 1) == [SIGNED]
    site.settled()


def test_openai_sees_thinking_in_a_stream(openai_sdk: openai.OpenAI, anthropic_site: Site) -> None:
    site = anthropic_site
    stream = openai_sdk.chat.completions.create(
        model=site.thinker,
        messages=[{"role": "user", "content": thoughtful(site, redacted=True)}],
        reasoning_effort="low",
        max_completion_tokens=ROOM,
        stream=True,
    )
    deltas = [chunk.choices[0].delta for chunk in stream]
    extras = [delta.model_extra or {} for delta in deltas]
    assert "".join(extra.get("reasoning_content") or "" for extra in extras) == THOUGHT
    assert "".join(delta.content or "" for delta in deltas) == "well"
    details = [item for extra in extras for item in extra.get("reasoning_details") or ()]
    assert "".join(item.get("text", "") for item in details) == THOUGHT
    seals = [item.get("signature") or item.get("data") for item in details]
    assert [is_seal(seal) for seal in seals if seal] == [True, True]
    site.settled()


def test_openai_accumulates_a_stream_with_thinking_and_sends_it_back(
    openai_sdk: openai.OpenAI, anthropic_site: Site
) -> None:
    site = anthropic_site
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": thoughtful(site, redacted=True)}]
    with openai_sdk.chat.completions.stream(
        model=site.thinker, messages=messages, reasoning_effort="low", max_completion_tokens=ROOM
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    echo = message.to_dict()
    assert echo["reasoning_content"] == THOUGHT
    echo.pop("parsed", None)
    messages += [echo, {"role": "user", "content": "again"}]  # type: ignore[list-item]
    ask_openai(openai_sdk, site, messages)
    assert thoughts_at(site, 1) == [SIGNED, HIDDEN]
    assert site.settled().losses == ()


def test_thinking_made_up_by_a_client_is_left_out_and_reported(openai_sdk: openai.OpenAI, anthropic_site: Site) -> None:
    said: Any = {"role": "assistant", "content": "well", "reasoning_content": "made up"}
    ask_openai(
        openai_sdk,
        anthropic_site,
        [{"role": "user", "content": "hello"}, said, {"role": "user", "content": "again"}],
    )
    assert b"made up" not in anthropic_site.cloud.last.raw
    assert anthropic_site.settled().losses == ("messages[1].reasoning_content",)
