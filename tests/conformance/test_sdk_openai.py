"""Text through OpenAI's SDK, to both upstreams: questions, streams, limits, knobs, endings, usage."""

from typing import Any

import openai
import pytest
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.conformance.sdk import Site
from tests.standin.script import Finish, Script

HISTORY: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "who are you"},
    {"role": "assistant", "content": "a model"},
    {"role": "user", "content": "what else"},
]


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_a_plain_question(openai_sdk: openai.OpenAI, site: Site) -> None:
    answer = openai_sdk.chat.completions.create(model=site.model, messages=user("four words are here"))
    assert answer.object == "chat.completion"
    assert answer.id
    assert f"{site.wire}/{answer.model}" == site.model
    assert [choice.index for choice in answer.choices] == [0]
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == "You said: four words are here"
    assert answer.choices[0].message.refusal is None
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (4, 6, 10)
    assert site.body["messages"] == [{"role": "user", "content": "four words are here"}]
    assert site.settled().served == site.model


def test_several_turns_and_a_system_prompt(openai_sdk: openai.OpenAI, site: Site) -> None:
    answer = openai_sdk.chat.completions.create(model=site.model, messages=HISTORY)
    assert answer.choices[0].message.content == "You said: what else"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 9
    if site.wire == "anthropic":
        assert site.body["system"] == [{"type": "text", "text": "be brief"}]
        assert site.body["messages"] == HISTORY[1:]
    else:
        assert site.body["messages"] == HISTORY
    assert site.losses == ""
    site.settled()


def test_a_developer_prompt_and_text_in_parts(openai_sdk: openai.OpenAI, site: Site) -> None:
    answer = openai_sdk.chat.completions.create(
        model=site.thinker,
        messages=[
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        ],
    )
    assert answer.choices[0].message.content == "You said: one two"
    if site.wire == "anthropic":
        assert site.body["system"] == [{"type": "text", "text": "be brief"}]
    else:
        assert site.body["messages"][0] == {"role": "developer", "content": "be brief"}
    site.settled()


def test_a_system_prompt_between_turns_keeps_its_place(openai_sdk: openai.OpenAI, site: Site) -> None:
    openai_sdk.chat.completions.create(
        model=site.model, messages=[*user("first"), {"role": "system", "content": "now rhyme"}, *user("second")]
    )
    if site.wire == "anthropic":
        texts = [block["text"] for block in site.body["messages"][0]["content"]]
        assert texts == ["first", "<system>\nnow rhyme\n</system>", "second"]
        assert "messages[1].role" in site.losses
        assert site.settled().losses == ("messages[1].role",)
    else:
        assert [message["role"] for message in site.body["messages"]] == ["user", "system", "user"]
        site.settled()


@pytest.mark.parametrize("with_usage", [True, False])
def test_a_stream_says_what_the_whole_answer_says(openai_sdk: openai.OpenAI, site: Site, *, with_usage: bool) -> None:
    whole = openai_sdk.chat.completions.create(model=site.model, messages=HISTORY)
    stream = openai_sdk.chat.completions.create(
        model=site.model,
        messages=HISTORY,
        stream=True,
        stream_options={"include_usage": True} if with_usage else openai.omit,
    )
    chunks = list(stream)
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert len({chunk.model for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    spoken = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in spoken) == whole.choices[0].message.content
    assert len(spoken) > 3
    assert [choice.finish_reason for choice in spoken if choice.finish_reason] == ["stop"]
    assert spoken[-1].finish_reason == "stop"
    if with_usage:
        assert chunks[-1].choices == []
        assert chunks[-1].usage == whole.usage
        assert all(chunk.usage is None for chunk in chunks[:-1])
    else:
        assert all(chunk.usage is None for chunk in chunks)
        assert all(chunk.choices for chunk in chunks)
    site.settled()


def test_the_stream_helper_accumulates_the_answer(openai_sdk: openai.OpenAI, site: Site) -> None:
    with openai_sdk.chat.completions.stream(
        model=site.model, messages=user("count to three"), stream_options={"include_usage": True}
    ) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    deltas = [event.delta for event in events if event.type == "content.delta"]
    assert "".join(deltas) == "You said: count to three"
    assert [event.content for event in events if event.type == "content.done"] == ["You said: count to three"]
    assert final.choices[0].message.content == "You said: count to three"
    assert final.choices[0].finish_reason == "stop"
    assert final.usage is not None
    assert final.usage.completion_tokens == 5
    site.settled()


@pytest.mark.parametrize("stop", ["STOP", ["halt", "STOP"]])
def test_a_stop_sequence_ends_the_answer(openai_sdk: openai.OpenAI, site: Site, stop: str | list[str]) -> None:
    answer = openai_sdk.chat.completions.create(model=site.model, messages=user("one STOP two"), stop=stop)
    assert answer.choices[0].message.content == "You said: one "
    assert answer.choices[0].finish_reason == "stop"
    sent = site.body["stop"] if site.wire == "openai" else site.body["stop_sequences"]
    assert sent == (stop if site.wire == "openai" or isinstance(stop, list) else [stop])
    site.settled()


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [True, False])
def test_the_token_limit_ends_the_answer(openai_sdk: openai.OpenAI, site: Site, field: str, *, stream: bool) -> None:
    limit: dict[str, Any] = {field: 3}
    if stream:
        chunks = list(
            openai_sdk.chat.completions.create(model=site.model, messages=user("a b c"), stream=True, **limit)
        )
        assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "length"
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: a"
    else:
        answer = openai_sdk.chat.completions.create(model=site.model, messages=user("a b c"), **limit)
        assert answer.choices[0].finish_reason == "length"
        assert answer.choices[0].message.content == "You said: a"
    assert site.body[field if site.wire == "openai" else "max_tokens"] == 3
    site.settled()


def test_a_model_without_a_limit_gets_the_one_it_must_have(openai_sdk: openai.OpenAI, site: Site) -> None:
    openai_sdk.chat.completions.create(model=site.model, messages=user("hello"))
    assert ("max_tokens" in site.body) == (site.wire == "anthropic")
    site.settled()


def test_knobs_that_both_have_are_carried(openai_sdk: openai.OpenAI, site: Site) -> None:
    openai_sdk.chat.completions.create(
        model=site.model, messages=user("hello"), temperature=0.5, user="somebody", service_tier="auto"
    )
    assert site.body["temperature"] == 0.5
    assert site.body["service_tier"] == "auto"
    if site.wire == "anthropic":
        assert site.body["metadata"] == {"user_id": "somebody"}
    else:
        assert site.body["user"] == "somebody"
    assert site.losses == ""
    site.settled()


KNOBS: dict[str, Any] = {
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "seed": 7,
    "logit_bias": {"50256": -100},
    "metadata": {"team": "blue"},
    "top_logprobs": 2,
    "logprobs": True,
    "store": True,
    "prompt_cache_key": "k",
    "verbosity": "low",
}


@pytest.mark.parametrize("knob", [name for name in KNOBS if name != "top_logprobs"])
def test_a_knob_is_carried_or_reported_as_lost(openai_sdk: openai.OpenAI, site: Site, knob: str) -> None:
    said = {knob: KNOBS[knob]}
    answer = openai_sdk.chat.completions.create(model=site.model, messages=user("hello"), **said)
    assert answer.choices[0].message.content == "You said: hello"
    entry = site.settled()
    if site.wire == "openai":
        assert site.body[knob] == KNOBS[knob]
        assert (site.losses, entry.losses) == ("", ())
    else:
        assert knob not in site.body
        assert site.losses.startswith(f"{knob}: ")
        assert entry.losses == (knob,)


def test_a_temperature_beyond_the_other_scale_is_cut_and_reported(
    openai_sdk: openai.OpenAI, anthropic_site: Site
) -> None:
    openai_sdk.chat.completions.create(model=anthropic_site.model, messages=user("hello"), temperature=1.6)
    assert anthropic_site.body["temperature"] == 1
    assert anthropic_site.settled().losses == ("temperature",)


def test_strict_mode_refuses_what_would_be_dropped(openai_sdk: openai.OpenAI, site: Site) -> None:
    def ask() -> None:
        openai_sdk.chat.completions.create(
            model=site.model, messages=user("hello"), seed=7, extra_headers={"x-keywright-strict": "1"}
        )

    if site.wire == "openai":
        ask()
        site.settled()
        return
    with pytest.raises(openai.BadRequestError) as refused:
        ask()
    assert (refused.value.code, refused.value.param) == ("not_translatable", "seed")
    assert site.cloud.exchanges == []
    assert site.entry().outcome == "refused"


def test_several_choices(openai_sdk: openai.OpenAI, site: Site) -> None:
    if site.wire == "openai":
        openai_sdk.chat.completions.create(model=site.model, messages=user("hello"), n=2)
        assert site.body["n"] == 2
        site.settled()
        return
    with pytest.raises(openai.BadRequestError) as refused:
        openai_sdk.chat.completions.create(model=site.model, messages=user("hello"), n=2)
    assert (refused.value.code, refused.value.param) == ("not_translatable", "n")
    assert site.cloud.exchanges == []
    entry = site.entry()
    assert (entry.outcome, entry.status, entry.code, entry.cost_picodollars) == ("refused", 400, "not_translatable", 0)


@pytest.mark.parametrize(
    ("finish", "word"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter")],
)
@pytest.mark.parametrize("stream", [True, False])
def test_endings_of_openai(
    openai_sdk: openai.OpenAI, openai_site: Site, finish: Finish, word: str, *, stream: bool
) -> None:
    assert _ending(openai_sdk, openai_site, finish, stream=stream) == word
    openai_site.settled()


@pytest.mark.parametrize(
    ("finish", "word"),
    [("stop", "stop"), ("length", "length"), ("refusal", "content_filter"), ("pause", "stop")],
)
@pytest.mark.parametrize("stream", [True, False])
def test_endings_of_anthropic(
    openai_sdk: openai.OpenAI, anthropic_site: Site, finish: Finish, word: str, *, stream: bool
) -> None:
    assert _ending(openai_sdk, anthropic_site, finish, stream=stream) == word
    anthropic_site.settled()


def test_an_ending_that_openai_has_no_word_for_is_reported(openai_sdk: openai.OpenAI, anthropic_site: Site) -> None:
    _ending(openai_sdk, anthropic_site, "pause", stream=False)
    assert "finish_reason" in anthropic_site.losses


def _ending(sdk: openai.OpenAI, site: Site, finish: Finish, *, stream: bool) -> str | None:
    messages = user(site.cloud.script(Script(text="that is all", finish=finish)))
    if stream:
        chunks = list(sdk.chat.completions.create(model=site.model, messages=messages, stream=True))
        return chunks[-1].choices[0].finish_reason
    answer = sdk.chat.completions.create(model=site.model, messages=messages)
    assert answer.choices[0].message.content == "that is all"
    return answer.choices[0].finish_reason


@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_in_words(openai_sdk: openai.OpenAI, openai_site: Site, *, stream: bool) -> None:
    messages = user(openai_site.cloud.script(Script(text="I will not do that", finish="refusal")))
    if stream:
        with openai_sdk.chat.completions.stream(model=openai_site.model, messages=messages) as accumulated:
            message = accumulated.get_final_completion().choices[0].message
    else:
        message = openai_sdk.chat.completions.parse(model=openai_site.model, messages=messages).choices[0].message
    assert message.refusal == "I will not do that"
    assert not message.content
    openai_site.settled()


def test_usage_of_a_cached_prompt(openai_sdk: openai.OpenAI, site: Site) -> None:
    """OpenAI caches by itself; Anthropic by marks, which its own fields on OpenAI's parts carry."""
    text = f"{site.wire} long prompt of six words"
    part: Any = {"type": "text", "text": text}
    if site.wire == "anthropic":
        part["cache_control"] = {"type": "ephemeral"}
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": [part]}, *user("hello")]
    key: Any = {"prompt_cache_key": "usage"} if site.wire == "openai" else {}

    def ask() -> CompletionUsage:
        answer: ChatCompletion = openai_sdk.chat.completions.create(model=site.model, messages=messages, **key)
        assert answer.usage is not None
        return answer.usage

    first, second = ask(), ask()
    assert first.prompt_tokens == second.prompt_tokens == 7
    assert first.prompt_tokens_details is not None
    assert second.prompt_tokens_details is not None
    assert (first.prompt_tokens_details.cached_tokens, second.prompt_tokens_details.cached_tokens) == (0, 6)
    assert site.settled().usage.cache_read == 6
    if site.wire == "anthropic":
        assert site.body["system"] == [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
        assert first.prompt_tokens_details.cache_write_tokens == 6


def test_hidden_reasoning_is_counted(openai_sdk: openai.OpenAI, openai_site: Site) -> None:
    answer = openai_sdk.chat.completions.create(
        model=openai_site.thinker, messages=user("hello"), reasoning_effort="low"
    )
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 8
    assert openai_site.settled().usage.reasoning == 8
