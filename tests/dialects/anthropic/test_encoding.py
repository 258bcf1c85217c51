"""What becomes of requests that clients of other dialects made, as the canonical model holds them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    Base64Source,
    CacheMark,
    Citation,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UrlSource,
)
from keywright.core.request import (
    JsonObjectFormat,
    JsonSchemaFormat,
    Reasoning,
    Request,
    Sampling,
    ServerTool,
    Tool,
    ToolChoice,
)
from keywright.dialects.anthropic import decode_request, encode_request
from keywright.dialects.anthropic.request_encode import UNKNOWN_KNOBS
from keywright.dialects.anthropic.thinking import OUTPUT_TOKENS_DEFAULT
from tests.conftest import shared_dir
from tests.laws import strategies as canonical
from tests.standin.messages import MessagesWire

ELSEWHERE = "openai_chat"
ABLE = Abilities()
HI = Turn("user", (Text("hi"),))
WEATHER = Tool("weather", "Tells the weather", {"type": "object", "properties": {"city": {"type": "string"}}})


def encoded(request: Request, abilities: Abilities = ABLE) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    result = encode_request(request, "claude", abilities)
    return json.loads(result.body), result.losses


def asked(*turns: Turn, **fields: Any) -> Request:
    return Request("m", turns or (HI,), **fields)


def paths(losses: tuple[Loss, ...], weight: str = "knob") -> list[str]:
    return [loss.path for loss in losses if loss.weight == weight]


def sent(part: Part, abilities: Abilities = ABLE) -> tuple[dict[str, Any] | None, tuple[Loss, ...]]:
    """The block of a part that a user says after a word."""
    body, losses = encoded(asked(Turn("user", (Text("look"), part))), abilities)
    content = body["messages"][0]["content"]
    return (content[1] if isinstance(content, list) else None), losses


def test_a_tool_conversation_from_elsewhere_is_one_that_the_api_takes() -> None:
    request = asked(
        Turn("system", (Text("Be brief."),)),
        Turn("developer", (Text("In English."),)),
        HI,
        Turn("assistant", (ToolCall("call_1", "weather", '{"city": "Bern"}'), ToolCall("f.g:2", "weather", ""))),
        Turn("tool", (ToolResult("call_1", (Text("12"),)), ToolResult("f.g:2", (), is_error=True))),
        Turn("user", (Text("and now?"),)),
        tools=(WEATHER, Tool("none")),
        tool_choice=ToolChoice("auto", parallel=False),
        sampling=Sampling(temperature=0.2),
    )
    body, losses = encoded(request)
    assert not losses
    assert body["system"] == [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "In English."}]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    one, two = body["messages"][1]["content"]
    assert (one["id"], one["input"], two["input"]) == ("call_1", {"city": "Bern"}, {})
    first, second, text = body["messages"][2]["content"]
    assert first == {"type": "tool_result", "tool_use_id": "call_1", "content": "12"}
    assert second == {"type": "tool_result", "tool_use_id": two["id"], "is_error": True}
    assert text == {"type": "text", "text": "and now?"}
    assert body["tools"][1] == {"name": "none", "input_schema": {"type": "object", "properties": {}}}
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert body["max_tokens"] == OUTPUT_TOKENS_DEFAULT
    MessagesWire(shared_dir("specs")).check(body, {"anthropic-version": "2023-06-01"})
    turns = decode_request(json.dumps(body).encode()).turns
    assert [part.id for part in turns[2].parts if isinstance(part, ToolCall)] == ["call_1", "f.g:2"]


@given(canonical.requests(ELSEWHERE), st.sampled_from(["none", "effort", "budget", "adaptive"]), st.booleans())
@settings(deadline=None)
def test_every_request_from_elsewhere_is_one_that_the_api_takes(
    request: Request, reasoning: Any, sampling: bool
) -> None:
    body, losses = encoded(carried(request), Abilities(reasoning=reasoning, sampling=sampling))
    assert all(loss.weight == "knob" for loss in losses)
    MessagesWire(shared_dir("specs")).check(body, {"anthropic-version": "2023-06-01"})


def carried(request: Request) -> Request:
    """`request` without the two things that would refuse it: sound, and JSON without a schema."""
    turns = [
        replace(turn, parts=tuple(part for part in turn.parts if not isinstance(part, Audio)) or (Text("x"),))
        for turn in request.turns
    ]
    wanted = None if isinstance(request.format, JsonObjectFormat) else request.format
    return replace(request, turns=tuple(turns), format=wanted)


def test_the_answers_length_is_the_models_when_the_client_says_none_and_never_more() -> None:
    able = Abilities(output_tokens_max=9000)
    assert encoded(asked(), able)[0]["max_tokens"] == 9000
    assert encoded(asked(output_tokens_max=10), able)[0]["max_tokens"] == 10
    body, losses = encoded(asked(output_tokens_max=9001), able)
    assert (body["max_tokens"], paths(losses)) == (9000, ["output_tokens_max"])


def test_system_text_alone_is_sent_as_the_users() -> None:
    body, losses = encoded(asked(Turn("system", (Text("Say hi."),))))
    assert body["messages"] == [{"role": "user", "content": "Say hi."}]
    assert "system" not in body
    assert paths(losses) == ["turns"]


def test_a_system_turn_in_mid_conversation_goes_where_the_model_takes_it() -> None:
    request = asked(HI, Turn("developer", (Text("Now in French."),)))
    body, losses = encoded(request, Abilities(mid_system=True))
    assert body["messages"][1] == {"role": "system", "content": "Now in French."}
    assert not losses
    body, losses = encoded(request)
    assert body["messages"][0]["content"][1]["text"] == "<system>\nNow in French.\n</system>"
    assert paths(losses) == ["turns[1].role"]


def test_tool_results_stand_first_in_their_turn() -> None:
    call = Turn("assistant", (ToolCall("a", "weather", "{}"),))
    request = asked(HI, call, Turn("developer", (Text("x"),)), Turn("tool", (ToolResult("a", (Text("1"),)),)))
    body, _ = encoded(request)
    assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "text"]


@pytest.mark.parametrize("arguments", ["[1]", "{broken", '"text"', "3"])
def test_arguments_that_are_no_object_are_wrapped_and_come_back(arguments: str) -> None:
    body, losses = encoded(asked(HI, Turn("assistant", (ToolCall("a", "f", arguments),))))
    assert body["messages"][1]["content"][0]["input"] == {"INVALID_JSON": arguments}
    assert paths(losses) == ["turns[1].parts[0].arguments"]
    (call,) = decode_request(json.dumps(body).encode()).turns[1].parts
    assert isinstance(call, ToolCall)
    assert call.arguments == arguments


def test_arguments_keep_their_spelling() -> None:
    call = ToolCall("a", "f", '{ "n": 1e2, "n": 12345678901234567890123 }')
    result = encode_request(asked(HI, Turn("assistant", (call,))), "m", ABLE)
    assert call.arguments.encode() in result.body


def test_empty_texts_are_left_out_and_turns_of_nothing_too() -> None:
    turns = (HI, Turn("assistant", (Text(""),)), Turn("user", (Text(""), Text("there"))))
    body, losses = encoded(asked(*turns))
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "there"}]}
    ]
    assert not losses
    assert paths(encoded(asked(HI, Turn("user", (Text(" \n"),))))[1]) == ["turns[1].parts[0]"]


def test_paths_are_counted_in_turns_and_parts() -> None:
    calls = Turn("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}")))
    results = Turn("tool", (ToolResult("a", ()), ToolResult("b", (Audio(Base64Source("audio/wav", "AA==")),))))
    _, losses = encoded(asked(HI, calls, results, Turn("user", (Text("x"),), name="ann")))
    assert [loss.path for loss in losses] == ["turns[2].parts[1].parts[0]", "turns[3].name"]


IMAGE = Image(Base64Source("image/jpg", "AA=="), detail="low", cache=CacheMark("1h"))


def test_images_are_sent_as_data_url_or_own_file() -> None:
    block, losses = sent(IMAGE)
    assert block == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/jpeg", "data": "AA=="},
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
    }
    assert paths(losses) == ["turns[0].parts[1].detail"]
    block, losses = sent(Image(UrlSource("https://x.example/a.png")))
    assert block == {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}
    assert not losses


def test_documents_are_sent_as_pdf_text_or_url() -> None:
    block, _ = sent(Document(Base64Source("application/pdf", "AA=="), "T"))
    assert block is not None
    assert (block["title"], block["source"]["media_type"]) == ("T", "application/pdf")
    block, _ = sent(Document(Base64Source("text/markdown", "aGk=")))
    assert block == {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}}
    block, _ = sent(Document(UrlSource("https://x.example/a.pdf")))
    assert block == {"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}}


@pytest.mark.parametrize(
    "part",
    [
        Audio(Base64Source("audio/wav", "AA==")),
        Image(Base64Source("image/svg+xml", "AA==")),
        Image(FileSource("file-1", ELSEWHERE)),
        Document(FileSource("file-1", ELSEWHERE)),
        Document(Base64Source("application/zip", "AA==")),
        Document(Base64Source("text/plain", "not base64")),
        ServerToolCall(ELSEWHERE, "i", "n", "{}", {}),
        Opaque(ELSEWHERE, "k", {}),
        ToolCall("a", "f", "free text", custom=True),
    ],
)
def test_content_that_cannot_be_sent_is_lost_meaning(part: Part) -> None:
    block, losses = sent(part)
    assert block is None
    assert paths(losses, "meaning") == ["turns[0].parts[1]"]


def test_content_that_the_model_cannot_take_is_lost_meaning() -> None:
    blind = Abilities(images=False, documents=False, tools=False)
    for part in (IMAGE, Document(Base64Source("application/pdf", "AA=="))):
        assert paths(sent(part, blind)[1], "meaning") == ["turns[0].parts[1]"]
    assert paths(encoded(asked(tools=(WEATHER,)), blind)[1], "meaning") == ["tools"]


@pytest.mark.parametrize("part", [Thinking("t"), Thinking("t", "s", ELSEWHERE), RedactedThinking("d", ELSEWHERE)])
def test_thinking_that_the_api_did_not_sign_is_left_out(part: Part) -> None:
    body, losses = encoded(asked(HI, Turn("assistant", (part, Text("x")))))
    assert body["messages"][1]["content"] == "x"
    assert paths(losses) == ["turns[1].parts[0]"]


def test_a_refusal_is_sent_as_text_and_foreign_citations_are_left_out() -> None:
    cited = Text("x", (Citation(ELSEWHERE, {"url": "u"}),))
    body, losses = encoded(asked(HI, Turn("assistant", (Refusal("no"), cited))))
    assert [block["text"] for block in body["messages"][1]["content"]] == ["no", "x"]
    assert paths(losses) == ["turns[1].parts[0]", "turns[1].parts[1].citations"]


def test_what_other_dialects_say_beside_the_model_is_a_loss_by_its_name() -> None:
    extras = {ELSEWHERE: {"store": True, "cache_control": {"type": "ephemeral"}}}
    turn = replace(HI, extras=extras)
    tool = replace(WEATHER, extras=extras)
    _, losses = encoded(asked(turn, tools=(tool,), extras=extras))
    assert paths(losses) == ["turns[0].store", "tools[0].store", "store"]


def test_knobs_that_the_api_has_not_are_losses() -> None:
    sampling = Sampling(2.0, None, 5, 0.1, 0.1, 0, {"5": 1.0}, logprobs=True, top_logprobs=3)
    body, losses = encoded(asked(sampling=sampling, metadata={"a": "b"}, user="u", service_tier="flex"))
    assert (body["temperature"], body["top_k"], body["metadata"]) == (1, 5, {"user_id": "u"})
    assert set(paths(losses)) == {*UNKNOWN_KNOBS, "temperature", "metadata", "service_tier"}
    assert encoded(asked(service_tier="default"))[0]["service_tier"] == "standard_only"


def test_knobs_at_rest_are_no_loss() -> None:
    resting = Sampling(frequency_penalty=0, presence_penalty=0, logit_bias={}, logprobs=False)
    assert not encoded(asked(sampling=resting, choices=1))[1]
    assert paths(encoded(asked(choices=2))[1], "meaning") == ["choices"]


def test_temperature_wins_over_top_p_and_a_model_without_sampling_takes_none() -> None:
    body, losses = encoded(asked(sampling=Sampling(0.5, 0.9)))
    assert (body["temperature"], "top_p" in body, paths(losses)) == (0.5, False, ["top_p"])
    body, losses = encoded(asked(sampling=Sampling(0.5, 0.9, 3)), Abilities(sampling=False))
    assert not {"temperature", "top_p", "top_k"} & body.keys()
    assert paths(losses) == ["temperature", "top_p", "top_k"]


def test_stop_sequences_of_white_space_are_left_out() -> None:
    body, losses = encoded(asked(stop=("END", "\n")))
    assert (body["stop_sequences"], paths(losses)) == (["END"], ["stop"])
    body, losses = encoded(asked(stop=("END",)), Abilities(stop=False))
    assert ("stop_sequences" in body, paths(losses)) == (False, ["stop"])


def test_json_by_a_schema_is_sent_and_any_other_json_is_lost_meaning() -> None:
    wanted = JsonSchemaFormat({"type": "object"}, "n", "d", strict=True)
    body, losses = encoded(asked(format=wanted))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert paths(losses) == ["format.description"]
    assert paths(encoded(asked(format=wanted), Abilities(json_schema=False))[1], "meaning") == ["format"]
    assert paths(encoded(asked(format=JsonObjectFormat()))[1], "meaning") == ["format"]


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("none", parallel=False), {"type": "none"}),
        (ToolChoice("required", parallel=True), {"type": "any", "disable_parallel_tool_use": False}),
        (ToolChoice("named", ("weather",)), {"type": "tool", "name": "weather"}),
        (ToolChoice(parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(), None),
    ],
)
def test_every_choice_of_tools_has_its_word(choice: ToolChoice, written: dict[str, Any] | None) -> None:
    body, losses = encoded(asked(tools=(WEATHER,), tool_choice=choice))
    assert body.get("tool_choice") == written
    assert not losses


def test_of_allowed_tools_only_those_are_declared() -> None:
    choice = ToolChoice("allowed", ("weather",), required=True)
    body, losses = encoded(asked(tools=(WEATHER, Tool("other")), tool_choice=choice))
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert (body["tool_choice"], paths(losses)) == ({"type": "any"}, ["tool_choice.names"])


def test_a_choice_without_tools_is_left_out_unless_one_is_demanded() -> None:
    body, losses = encoded(asked(tool_choice=ToolChoice("auto")))
    assert ("tool_choice" in body, losses) == (False, ())
    assert paths(encoded(asked(tool_choice=ToolChoice("required")))[1], "meaning") == ["tool_choice"]


def test_a_tool_of_another_provider_is_lost_meaning_and_a_schema_says_that_it_is_an_object() -> None:
    assert paths(encoded(asked(tools=(ServerTool(ELSEWHERE, "custom", {}),)))[1], "meaning") == ["tools[0]"]
    body, losses = encoded(asked(tools=(Tool("f", parameters={}, strict=True),)), Abilities(json_schema=False))
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert paths(losses) == ["tools[0].strict"]


@pytest.mark.parametrize(
    ("reasoning", "ability", "thinking", "effort", "lost"),
    [
        (Reasoning(effort="high"), "none", None, None, ["reasoning"]),
        (Reasoning(effort="none"), "none", None, None, []),
        (Reasoning(effort="none"), "budget", {"type": "disabled"}, None, []),
        (Reasoning("off"), "adaptive", {"type": "disabled"}, None, []),
        (Reasoning(effort="high"), "budget", {"type": "enabled", "budget_tokens": 15000}, None, []),
        (Reasoning(effort="low"), "budget", {"type": "enabled", "budget_tokens": 2048}, None, []),
        (Reasoning(effort="high"), "adaptive", {"type": "adaptive"}, "high", []),
        (Reasoning(effort="minimal"), "effort", None, "low", ["reasoning.effort"]),
        (Reasoning("on", None, 5000), "budget", {"type": "enabled", "budget_tokens": 5000}, None, []),
        (
            Reasoning("on", "low", 5, "summarized"),
            "budget",
            {"type": "enabled", "budget_tokens": 1024, "display": "summarized"},
            None,
            ["reasoning.effort", "reasoning.budget_tokens"],
        ),
        (
            Reasoning("on", None, 50000),
            "budget",
            {"type": "enabled", "budget_tokens": 19999},
            None,
            ["reasoning.budget_tokens"],
        ),
        (Reasoning("on", None, 5000), "adaptive", {"type": "adaptive"}, None, ["reasoning.budget_tokens"]),
        (Reasoning("on", "max", 5000), "effort", None, "max", ["reasoning"]),
        (Reasoning(budget_tokens=5000), "effort", None, None, ["reasoning"]),
        (Reasoning(budget_tokens=5000), "budget", {"type": "enabled", "budget_tokens": 5000}, None, []),
        (Reasoning("adaptive"), "budget", {"type": "enabled", "budget_tokens": 8192}, None, ["reasoning"]),
        (Reasoning("adaptive", display="detailed"), "adaptive", {"type": "adaptive"}, None, ["reasoning.display"]),
    ],
)
def test_thinking_is_asked_for_in_the_way_that_the_model_takes(
    reasoning: Reasoning, ability: Any, thinking: Any, effort: str | None, lost: list[str]
) -> None:
    request = asked(reasoning=reasoning, output_tokens_max=20000)
    body, losses = encoded(request, Abilities(reasoning=ability))
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert paths(losses) == lost


def test_a_budget_has_room_or_the_model_does_not_think() -> None:
    able = Abilities(reasoning="budget")
    body, losses = encoded(asked(reasoning=Reasoning(effort="high"), output_tokens_max=1200), able)
    assert body["thinking"]["budget_tokens"] == 1024
    body, losses = encoded(asked(reasoning=Reasoning(effort="high"), output_tokens_max=1024), able)
    assert ("thinking" in body, paths(losses)) == (False, ["reasoning"])
    body, _ = encoded(asked(reasoning=Reasoning(effort="high")), able)
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (15360, 20480)


def test_a_request_of_which_nothing_can_be_said_is_only_lost_meaning() -> None:
    request = asked(Turn("user", (Audio(Base64Source("audio/wav", "AA==")),)), reasoning=Reasoning("on", None, 2000))
    body, losses = encoded(request, Abilities(reasoning="budget"))
    assert (body["messages"], paths(losses, "meaning")) == ([], ["turns[0].parts[0]"])


def test_a_forced_tool_keeps_the_model_from_thinking() -> None:
    request = asked(tools=(WEATHER,), tool_choice=ToolChoice("required"), reasoning=Reasoning("adaptive", "low"))
    body, losses = encoded(request, Abilities(reasoning="adaptive"))
    assert ("thinking" in body, body["output_config"], paths(losses)) == (False, {"effort": "low"}, ["reasoning"])


SIGNED = Thinking("t", "s", "anthropic")
CALL = ToolCall("a", "f", "{}")
RESULT = Turn("tool", (ToolResult("a", ()),))


@pytest.mark.parametrize(
    ("turns", "thinks"),
    [
        ((Turn("assistant", (SIGNED, CALL)), RESULT), True),
        ((Turn("assistant", (SIGNED, CALL)), RESULT, Turn("assistant", (CALL,)), RESULT), True),
        ((Turn("assistant", (CALL,)), RESULT, Turn("assistant", (Text("x"),)), HI), True),
        ((Turn("assistant", (Text("x"),)),), True),
        ((Turn("assistant", (CALL,)), RESULT), False),
        ((Turn("assistant", (Text("x"), CALL)), RESULT, Turn("assistant", (SIGNED, CALL)), RESULT), False),
        ((Turn("assistant", (CALL,)), RESULT, HI), False),
    ],
)
def test_a_budget_is_left_out_where_the_api_wants_thinking_back_that_is_not_there(
    turns: tuple[Turn, ...], thinks: bool
) -> None:
    request = asked(HI, *turns, reasoning=Reasoning("on", None, 2000))
    body, losses = encoded(request, Abilities(reasoning="budget", output_tokens_max=9000))
    assert ("thinking" in body, paths(losses)) == (thinks, [] if thinks else ["reasoning"])
    adaptive, _ = encoded(request, Abilities(reasoning="adaptive"))
    assert adaptive["thinking"] == {"type": "adaptive"}


def test_sampling_that_thinking_forbids_is_left_out() -> None:
    request = asked(sampling=Sampling(0.5, 0.9, 3), reasoning=Reasoning(effort="low"))
    body, losses = encoded(request, Abilities(reasoning="adaptive"))
    assert not {"temperature", "top_p", "top_k"} & body.keys()
    assert paths(losses) == ["temperature", "top_p", "top_k"]
    request = asked(sampling=Sampling(1.5, None), reasoning=Reasoning(effort="low"))
    assert encoded(request, Abilities(reasoning="adaptive"))[0]["temperature"] == 1
