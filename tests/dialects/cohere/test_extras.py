"""What nobody modelled goes out as it came, wherever it stood; and the rarer turns of the encoders."""

import json
from typing import Any

from keywright.core.ability import ABLE, Abilities
from keywright.core.dialect import Peek
from keywright.core.event import Ended, Finished, Opened, SignatureDelta, Started, TextDelta
from keywright.core.fold import fold, unfold
from keywright.core.message import (
    CacheMark,
    Document,
    Image,
    Opaque,
    PlainSource,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UrlSource,
)
from keywright.core.request import Request, Tool
from keywright.core.response import Choice, Finish, Response
from keywright.dialects import cohere

Body = dict[str, Any]
HI = Turn("user", (Text("hi"),))
ASKED = Request("m", (HI,), stream=True)

REQUEST: Body = {
    "model": "m",
    "stream": False,
    "messages": [
        {"role": "system", "content": "s", "x": 1},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a", "x": 2},
                {"type": "image_url", "image_url": {"url": "u", "detail": "low", "x": 3}, "x": 4},
                {"type": "video", "x": 5},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "h", "x": 6}, {"type": "text", "text": "b"}],
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}", "x": 7}, "x": 8}
            ],
            "x": 9,
        },
        {"role": "tool", "tool_call_id": "c", "content": "r", "x": 10},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {}, "x": 11}, "x": 12},
        {"type": "connector", "id": "web"},
    ],
    "thinking": {"type": "enabled", "x": 13},
    "response_format": {"type": "grammar", "x": 14},
    "x": 15,
}
ANSWER: Body = {
    "id": "r",
    "finish_reason": "TIMEOUT",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "a", "x": 1}, {"type": "new"}], "x": 2},
    "usage": {"billed_units": {"input_tokens": 1, "output_tokens": 1}, "tokens": {"input_tokens": 1}, "x": 3},
    "x": 4,
}


def test_unknown_fields_of_a_request_go_out_as_they_came() -> None:
    request = cohere.decode_request(json.dumps(REQUEST).encode())
    encoded = cohere.encode_request(request, "m", Abilities(reasoning="budget"))
    assert (json.loads(encoded.body), encoded.losses) == (REQUEST, ())


def test_unknown_fields_of_an_answer_go_out_as_they_came() -> None:
    encoded = cohere.encode_response(cohere.decode_response(json.dumps(ANSWER).encode()), ASKED)
    again = json.loads(encoded.body)
    again["usage"].pop("cached_tokens")
    again["usage"]["tokens"].pop("output_tokens")
    assert (again, encoded.losses) == (ANSWER, ())


def test_an_image_may_be_a_mere_address() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}]}
    assert cohere.decode_request(json.dumps(body).encode()).turns[0].parts == (Image(UrlSource("u")),)


def lost(request: Request, abilities: Abilities = ABLE) -> dict[str, str]:
    return {loss.path: loss.weight for loss in cohere.encode_request(request, "m", abilities).losses}


def test_the_rarer_losses_are_reported() -> None:
    mark = CacheMark()
    assert lost(Request("m", (Turn("user", (Document(PlainSource("x"), citations=False), Text("?"))),))) == {
        "turns[0].parts[0].citations": "knob"
    }
    late = Turn("assistant", (ToolCall("c", "f", "{}", cache=mark), Text("so")))
    assert lost(Request("m", (HI, late))) == {"turns[1]": "knob", "turns[1].parts[0].cache": "knob"}
    odd = Turn("tool", (Text("x"), ToolResult("c", (Text("r"),), cache=mark)))
    assert lost(Request("m", (HI, odd))) == {"turns[1].parts[0]": "meaning", "turns[1].parts[1].cache": "knob"}
    assert lost(Request("m", (Turn("system", (Image(UrlSource("u")),)),))) == {"turns[0].parts[0]": "meaning"}
    assert lost(Request("m", (HI,), stop=("x",)), Abilities(stop=False)) == {"stop": "knob"}
    assert lost(Request("m", (HI,), tools=(Tool("f", cache=mark),))) == {"tools[0].cache": "knob"}


def test_an_assistant_that_said_nothing_is_sent_only_where_it_said_so() -> None:
    silent = Request("m", (HI, Turn("assistant", (Text(""),)), Turn("assistant", (Thinking("h", "s", "x"),)), HI))
    messages = json.loads(cohere.encode_request(silent, "m", ABLE).body)["messages"]
    assert messages[1:3] == [{"role": "assistant", "content": ""}, {"role": "user", "content": "hi"}]


def test_a_refusal_is_given_as_text_whole_and_as_a_stream() -> None:
    response = Response("r", "m", (Choice((Refusal("no"),), Finish("refusal")),))
    encoded = cohere.encode_response(response, ASKED)
    assert json.loads(encoded.body)["message"]["content"] == [{"type": "text", "text": "no"}]
    assert [loss.path for loss in encoded.losses] == ["choices[0].parts[0]", "choices[0].finish_reason"]
    writer = cohere.StreamWriter(ASKED)
    reader = cohere.StreamReader()
    events = reader.feed(b"".join(map(writer.write, unfold(response))))
    assert fold(events).choices[0].parts == (Text("no"),)
    assert [loss.path for loss in writer.losses] == ["choices[0].parts[0]", "choices[0].finish_reason"]


def test_a_stream_has_one_answer_and_leaves_out_what_it_cannot_hold() -> None:
    writer = cohere.StreamWriter(ASKED)
    told = b"".join(
        (
            writer.write(Started("r", "m")),
            writer.write(Opened(0, Opaque("gemini", "x", {}))),
            writer.write(TextDelta(0, "gone")),
            writer.write(Opened(1, Text(""), choice=1)),
            writer.write(Opened(2, Thinking("", origin="anthropic"))),
            writer.write(SignatureDelta(2, "signed")),
            writer.write(Finished(Finish("error", raw="TIMEOUT", origin="cohere"))),
            writer.write(Ended()),
        )
    )
    assert b"gone" not in told
    assert b'"TIMEOUT"' in told
    assert [loss.path for loss in writer.losses] == ["choices[0].parts[0]", "choices[0].parts[2].signature"]


def test_an_end_without_an_empty_line_counts_and_a_call_may_begin_twice() -> None:
    frames = [
        {"type": "message-start", "id": "r", "delta": {"message": {"content": []}}},
        {
            "type": "tool-call-start",
            "delta": {"message": {"tool_calls": {"function": {"name": "f", "arguments": "1"}}}},
        },
        {"type": "tool-call-start", "delta": {"message": {"tool_calls": {"id": "b", "function": {"name": "g"}}}}},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    ]
    stream = b"\n\n".join(b"data: " + json.dumps(frame).encode() for frame in frames)
    reader = cohere.StreamReader()
    response = fold(reader.feed(stream) + reader.end())
    assert response.choices[0].parts == (ToolCall("f_0", "f", "1"), ToolCall("b", "g", ""))
    assert response.usage is None


def test_a_tap_that_met_a_frame_too_large_reads_no_more() -> None:
    tap = cohere.Tap(Peek("m", stream=True, input_bytes=0))
    huge = b"data: " + b"x" * (17 * 1024 * 1024)
    assert tap.feed(huge) is huge
    assert tap.feed(b"\n\n") == b"\n\n"
    assert not tap.result().complete


def test_a_patch_to_the_same_model_changes_nothing() -> None:
    raw = b'{"model":"m"}'
    assert cohere.patch(raw, cohere.peek(raw), "m") is raw
