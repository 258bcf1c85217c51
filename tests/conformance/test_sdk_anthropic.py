"""Text through Anthropic's SDK, to both upstreams: questions, streams, limits, knobs, endings, usage, citations."""

import json
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, MessageParam, TextBlockParam, Usage

from tests.conformance.sdk import Site
from tests.standin.script import Finish, Script

OLD_VERSION = {"anthropic-version": "2023-06-01"}
HISTORY: list[MessageParam] = [
    {"role": "user", "content": "who are you"},
    {"role": "assistant", "content": "a model"},
    {"role": "user", "content": "what else"},
]


def user(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_plain_question(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    answer = anthropic_sdk.messages.create(model=site.model, max_tokens=64, messages=user("four words are here"))
    assert (answer.type, answer.role) == ("message", "assistant")
    assert answer.id
    assert f"{site.wire}/{answer.model}" == site.model
    assert [block.type for block in answer.content] == ["text"]
    assert text_of(answer) == "You said: four words are here"
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 6)
    assert site.body["messages"] == [{"role": "user", "content": "four words are here"}]
    assert site.body["max_tokens" if site.wire == "anthropic" else "max_completion_tokens"] == 64
    assert site.settled().served == site.model


@pytest.mark.parametrize("system", ["be brief", [{"type": "text", "text": "be"}, {"type": "text", "text": "brief"}]])
def test_several_turns_and_a_system_prompt(
    anthropic_sdk: anthropic.Anthropic, site: Site, system: str | list[TextBlockParam]
) -> None:
    answer = anthropic_sdk.messages.create(model=site.model, max_tokens=64, system=system, messages=HISTORY)
    assert text_of(answer) == "You said: what else"
    assert answer.usage.input_tokens == 9
    if site.wire == "anthropic":
        assert (site.body["system"], site.body["messages"]) == (system, HISTORY)
    else:
        assert site.body["messages"] == [{"role": "system", "content": system}, *HISTORY]
    assert site.settled().losses == ()


def test_a_system_prompt_for_a_model_that_takes_a_developers(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site
) -> None:
    anthropic_sdk.messages.create(model=openai_site.thinker, max_tokens=64, system="be brief", messages=user("hi"))
    assert openai_site.body["messages"][0] == {"role": "developer", "content": "be brief"}
    openai_site.settled()


def test_a_stream_says_what_the_whole_answer_says(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    whole = anthropic_sdk.messages.create(model=site.model, max_tokens=64, messages=HISTORY)
    events = list(anthropic_sdk.messages.create(model=site.model, max_tokens=64, messages=HISTORY, stream=True))
    start, stop = events[0], events[-2]
    assert start.type == "message_start"
    assert (start.message.model, start.message.role, start.message.content) == (whole.model, "assistant", [])
    assert start.message.stop_reason is None
    assert stop.type == "message_delta"
    assert (stop.delta.stop_reason, stop.delta.stop_sequence) == ("end_turn", None)
    assert stop.usage.output_tokens == whole.usage.output_tokens
    assert (stop.usage.input_tokens or start.message.usage.input_tokens) == whole.usage.input_tokens
    assert [event.type for event in events if event.type != "content_block_delta"] == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    assert "".join(delta.text for delta in deltas if delta.type == "text_delta") == text_of(whole)
    assert len(deltas) > 3
    site.settled()


def test_the_stream_helper_accumulates_the_answer(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    with anthropic_sdk.messages.stream(model=site.model, max_tokens=64, messages=user("count to three")) as stream:
        said = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(said) == text_of(final) == "You said: count to three"
    assert len(said) > 3
    assert final.stop_reason == "end_turn"
    assert (final.usage.input_tokens, final.usage.output_tokens) == (3, 5)
    site.settled()


def test_the_stream_helper_tells_its_own_events(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    with anthropic_sdk.messages.stream(model=site.model, max_tokens=64, messages=user("hello")) as stream:
        events = list(stream)
    assert [event.snapshot for event in events if event.type == "text"][-1] == "You said: hello"
    stops = [event for event in events if event.type == "message_stop"]
    assert [text_of(event.message) for event in stops if hasattr(event, "message")] == ["You said: hello"]
    site.settled()


def test_a_stop_sequence_ends_the_answer(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    answer = anthropic_sdk.messages.create(
        model=site.model, max_tokens=64, messages=user("one STOP two"), stop_sequences=["halt", "STOP"]
    )
    assert text_of(answer) == "You said: one "
    # OpenAI does not say that a sequence ended the answer, nor which.
    expected = ("stop_sequence", "STOP") if site.wire == "anthropic" else ("end_turn", None)
    assert (answer.stop_reason, answer.stop_sequence) == expected
    assert site.body["stop_sequences" if site.wire == "anthropic" else "stop"] == ["halt", "STOP"]
    site.settled()


def test_more_stop_sequences_than_openai_takes_are_cut_and_reported(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site
) -> None:
    anthropic_sdk.messages.create(
        model=openai_site.model, max_tokens=64, messages=user("hello"), stop_sequences=["1", "2", "3", "4", "5"]
    )
    assert openai_site.body["stop"] == ["1", "2", "3", "4"]
    assert openai_site.settled().losses == ("stop_sequences",)


@pytest.mark.parametrize("stream", [True, False])
def test_the_token_limit_ends_the_answer(anthropic_sdk: anthropic.Anthropic, site: Site, *, stream: bool) -> None:
    if stream:
        with anthropic_sdk.messages.stream(model=site.model, max_tokens=3, messages=user("a b c")) as accumulated:
            answer: Message = accumulated.get_final_message()
    else:
        answer = anthropic_sdk.messages.create(model=site.model, max_tokens=3, messages=user("a b c"))
    assert text_of(answer) == "You said: a"
    assert answer.stop_reason == "max_tokens"
    site.settled()


def test_knobs_that_both_have_are_carried(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=user("hello"),
        metadata={"user_id": "somebody"},
        service_tier="auto",
        extra_body={"temperature": 0.5},
        extra_headers=OLD_VERSION,
    )
    assert site.body["temperature"] == 0.5
    assert site.body["service_tier"] == "auto"
    if site.wire == "anthropic":
        assert site.body["metadata"] == {"user_id": "somebody"}
    else:
        assert site.body["user"] == "somebody"
    assert site.settled().losses == ()


KNOBS: dict[str, Any] = {
    "top_k": 40,
    "cache_control": {"type": "ephemeral"},
    "inference_geo": "us",
}


@pytest.mark.parametrize("knob", KNOBS)
def test_a_knob_is_carried_or_reported_as_lost(anthropic_sdk: anthropic.Anthropic, site: Site, knob: str) -> None:
    answer = anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=user("hello"),
        extra_body={knob: KNOBS[knob]},
        extra_headers=OLD_VERSION,
    )
    assert text_of(answer) == "You said: hello"
    entry = site.settled()
    if site.wire == "anthropic":
        assert site.body[knob] == KNOBS[knob]
        assert (site.losses, entry.losses) == ("", ())
    else:
        assert knob not in site.body
        assert entry.losses == (knob,)
        assert site.losses.startswith(f"{knob}: ")


def test_an_effort_that_the_model_does_not_take_is_reported_as_lost(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site
) -> None:
    anthropic_sdk.messages.create(
        model=openai_site.model, max_tokens=64, messages=user("hello"), output_config={"effort": "low"}
    )
    assert openai_site.settled().losses == ("output_config.effort",)


def test_facts_about_the_answer_that_anthropic_has_no_place_for_are_no_loss(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site
) -> None:
    anthropic_sdk.messages.create(model=openai_site.model, max_tokens=64, messages=user("hello"))
    assert openai_site.losses == ""
    assert openai_site.settled().losses == ()


def test_strict_mode_refuses_what_would_be_dropped(anthropic_sdk: anthropic.Anthropic, openai_site: Site) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        anthropic_sdk.messages.create(
            model=openai_site.model,
            max_tokens=64,
            messages=user("hello"),
            extra_body={"top_k": 3},
            extra_headers={"x-keywright-strict": "1"},
        )
    assert refused.value.type == "invalid_request_error"
    assert "top_k" in refused.value.message
    assert openai_site.cloud.exchanges == []
    assert openai_site.entry().outcome == "refused"


@pytest.mark.parametrize(
    ("finish", "word"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("refusal", "refusal"), ("pause", "pause_turn")],
)
@pytest.mark.parametrize("stream", [True, False])
def test_endings_of_anthropic(
    anthropic_sdk: anthropic.Anthropic, anthropic_site: Site, finish: Finish, word: str, *, stream: bool
) -> None:
    assert _ending(anthropic_sdk, anthropic_site, finish, stream=stream) == word
    anthropic_site.settled()


@pytest.mark.parametrize(
    ("finish", "word"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("refusal", "refusal"), ("content_filter", "refusal")],
)
@pytest.mark.parametrize("stream", [True, False])
def test_endings_of_openai(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site, finish: Finish, word: str, *, stream: bool
) -> None:
    assert _ending(anthropic_sdk, openai_site, finish, stream=stream) == word
    openai_site.settled()


def _ending(sdk: anthropic.Anthropic, site: Site, finish: Finish, *, stream: bool) -> str | None:
    messages = user(site.cloud.script(Script(text="that is all", finish=finish)))
    if stream:
        with sdk.messages.stream(model=site.model, max_tokens=64, messages=messages) as accumulated:
            answer: Message = accumulated.get_final_message()
    else:
        answer = sdk.messages.create(model=site.model, max_tokens=64, messages=messages)
    assert text_of(answer) == "that is all"
    return answer.stop_reason


def _cached(sdk: anthropic.Anthropic, site: Site, mark: dict[str, str], *, stream: bool) -> Usage:
    text = f"{json.dumps(mark)} {site.wire} {stream}"
    block: Any = {"type": "text", "text": text, "cache_control": mark}
    request: Any = {"model": site.model, "max_tokens": 64, "system": [block], "messages": user("hello")}
    if not stream:
        answer: Message = sdk.messages.create(**request)
        return answer.usage
    with sdk.messages.stream(**request) as accumulated:
        return accumulated.get_final_message().usage


@pytest.mark.parametrize("ttl", ["", "5m", "1h"])
@pytest.mark.parametrize("stream", [True, False])
def test_usage_of_a_cached_prompt(
    anthropic_sdk: anthropic.Anthropic, anthropic_site: Site, ttl: str, *, stream: bool
) -> None:
    mark = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    written = _cached(anthropic_sdk, anthropic_site, mark, stream=stream)
    tokens = written.cache_creation_input_tokens
    assert tokens
    unit = "cache_write_1h" if ttl == "1h" else "cache_write_5m"
    assert getattr(anthropic_site.settled().usage, unit) == tokens
    read = _cached(anthropic_sdk, anthropic_site, mark, stream=stream)
    assert (read.cache_read_input_tokens, read.cache_creation_input_tokens) == (tokens, 0)
    assert anthropic_site.settled().usage.cache_read == tokens
    assert anthropic_site.body["system"][0]["cache_control"] == mark


def test_a_cache_mark_is_reported_as_lost_where_the_provider_caches_by_itself(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site
) -> None:
    usage = _cached(anthropic_sdk, openai_site, {"type": "ephemeral"}, stream=False)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (0, 0)
    assert b"cache_control" not in openai_site.cloud.last.raw
    assert openai_site.settled().losses == ("cache_control",)


def test_a_document_to_cite_from(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    document: Any = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "grass is green"},
        "title": "facts",
        "citations": {"enabled": True},
    }
    anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=[{"role": "user", "content": [document, {"type": "text", "text": "what colour is it"}]}],
    )
    entry = site.settled()
    if site.wire == "anthropic":
        assert site.body["messages"][0]["content"][0] == document
        assert entry.losses == ()
    else:
        assert site.body["messages"][0]["content"][0] == {"type": "text", "text": "grass is green"}
        assert set(entry.losses) == {"messages[0].content[0].citations", "messages[0].content[0].title"}
