"""What a provider signed comes back to it through every client's dialect, as if the client had been its own."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from itertools import product
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import PathSaid
from keywright.core.event import Closed, Ended, Event, Finished, Opened, SignatureDelta, Started, TextDelta
from keywright.core.fold import fold, unfold
from keywright.core.json import JsonObject
from keywright.core.message import Part, RedactedThinking, Text, Thinking, ToolCall, Turn
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.dialects import (
    anthropic,
    anthropic_vertex,
    bedrock_converse,
    bedrock_invoke,
    gemini,
    gemini_array,
    mistral,
    openai_chat,
    openai_responses,
)
from keywright.dialects.counting import anthropic as count_anthropic
from keywright.dialects.counting import bedrock as count_bedrock
from keywright.dialects.counting import gemini as count_gemini
from keywright.dialects.counting import openai as count_openai
from keywright.dialects.seal import KEPT, MARK, NOBODY, sealed, unsealed
from tests.laws.strategies import base64, law, words

Body = Any  # the JSON boundary
Echo = Callable[[Body], list[Body]]

SAID = PathSaid("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
ASKED = Request(SAID.model, ())
ABLE = Abilities(reasoning="adaptive", signed_calls=True, output_tokens_max=8192)

SEAL = re.compile(rb'"%b[A-Za-z0-9+/=]*"' % MARK)

MADE_ID = re.compile("_kw_[0-9]")

ECHOES: dict[str, tuple[ModuleType, str, Echo, Body]] = {
    "anthropic": (anthropic, "messages", lambda answer: [said(answer["content"])], {"model": "m", "max_tokens": 9}),
    "anthropic_vertex": (anthropic_vertex, "messages", lambda answer: [said(answer["content"])], {"max_tokens": 9}),
    "bedrock_invoke": (
        bedrock_invoke,
        "messages",
        lambda answer: [said(answer["content"])],
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9},
    ),
    "bedrock_converse": (bedrock_converse, "messages", lambda answer: [answer["output"]["message"]], {}),
    "gemini": (gemini, "contents", lambda answer: [answer["candidates"][0]["content"]], {}),
    "gemini_array": (gemini_array, "contents", lambda answer: [answer["candidates"][0]["content"]], {}),
    "openai_responses": (openai_responses, "input", lambda answer: answer["output"], {"model": "m"}),
    "openai_chat": (openai_chat, "messages", lambda answer: [answer["choices"][0]["message"]], {"model": "m"}),
    "mistral": (mistral, "messages", lambda answer: [answer["choices"][0]["message"]], {"model": "m"}),
}
"""Clients that send back what they got: the dialect, where its turns stand, an answer as turns, the rest of a body."""

FIRST: dict[str, Body] = {
    "messages": {"role": "user", "content": "hi"},
    "contents": {"role": "user", "parts": [{"text": "hi"}]},
    "input": {"role": "user", "content": "hi"},
}


def said(content: list[Body]) -> Body:
    return {"role": "assistant", "content": content}


def through(dialect: ModuleType, response: Response, *, streamed: bool) -> Response:
    """`response` as it is read of what the dialect's client face writes."""
    read: Response
    if streamed:
        writer, reader = dialect.StreamWriter(ASKED), dialect.StreamReader()
        written = b"".join(map(writer.write, unfold(response)))
        read = fold([*reader.feed(written), *reader.end()])
    else:
        read = dialect.decode_response(dialect.encode_response(response, ASKED).body)
    return read


def echoed(client: str, response: Response, *, streamed: bool) -> bytes:
    """The body of a client that shows the model what it answered."""
    dialect, member, turns_of, rest = ECHOES[client]
    response = through(dialect, response, streamed=True) if streamed else response
    answer = json.loads(dialect.encode_response(response, ASKED).body)
    first = {"role": "user", "content": [{"text": "hi"}]} if client == "bedrock_converse" else FIRST[member]
    return json.dumps({**rest, member: [first, *turns_of(answer)]}).encode()


def told(provider: ModuleType, request: Request) -> Body:
    return json.loads(provider.encode_request(request, SAID.model, ABLE).body)


HI = Turn("user", (Text("hi"),))
PROVIDERS: dict[str, ModuleType] = {
    dialect.NAME: dialect for dialect in (anthropic, bedrock_converse, gemini, mistral, openai_chat, openai_responses)
}
PAIRS = list(product(PROVIDERS, ECHOES))
pairs = pytest.mark.parametrize(("provider", "client"), PAIRS, ids=map("-".join, PAIRS))


def own(dialect: str, **fields: Body) -> dict[str, JsonObject]:
    return {dialect: fields}


def thoughts(dialect: str) -> st.SearchStrategy[Part]:
    """Thoughts as the provider of a dialect gives them."""
    signed = st.builds(Thinking, words, base64, st.just(dialect))
    redacted = st.builds(RedactedThinking, base64, st.just(dialect))
    if dialect == "openai_chat":
        detail = st.fixed_dictionaries({"format": words, "id": words | st.none()})
        extras = detail.map(lambda said: own(dialect, detail=said))
        return st.builds(Thinking, words, base64, st.just(dialect), extras) | st.builds(
            RedactedThinking, base64, st.just(dialect), extras
        )
    if dialect == "openai_responses":
        signed = st.builds(Thinking, words, base64.map("item:rs_1/{}".format), st.just(dialect))
        redacted = st.builds(RedactedThinking, base64.map("item:rs_1/{}".format), st.just(dialect))
    return signed | redacted


def numbered(part: Part, index: int) -> Part:
    """`part` with the index by which clients of a stream tell one thought from the next."""
    if not isinstance(part, Thinking | RedactedThinking) or part.origin != "openai_chat":
        return part
    detail: Body = part.extras["openai_chat"]["detail"]
    return replace(part, extras=own("openai_chat", detail={**detail, "index": index}))


@st.composite
def answers(draw: st.DrawFn, dialect: str) -> Response:
    """An answer of the provider of a dialect: thoughts, a text and calls, which Gemini signs too."""

    def signature() -> dict[str, JsonObject]:
        signs = dialect == "gemini" and draw(st.booleans())
        return own(dialect, thoughtSignature=draw(base64)) if signs else {}

    parts: list[Part] = [numbered(part, at) for at, part in enumerate(draw(st.lists(thoughts(dialect), max_size=2)))]
    if draw(st.booleans()):
        parts.append(Text(draw(words.filter(str.strip)), extras=signature()))
    parts += [ToolCall(f"call_{at}", "f", '{"a":1}', extras=signature()) for at in range(draw(st.integers(0, 2)))]
    parts = parts or [Text("so")]
    called = any(isinstance(part, ToolCall) for part in parts)
    return Response("i", "m", (Choice(tuple(parts), Finish("tool_calls" if called else "stop")),), created_s=1)


def worded(response: Response) -> Response:
    """`response` without what has no words but is signed, for which Mistral has no chunk."""
    said = [part for part in response.choices[0].parts if not isinstance(part, RedactedThinking)]
    parts = [replace(part, extras={}) if isinstance(part, Text | ToolCall) else part for part in said]
    return replace(response, choices=(replace(response.choices[0], parts=tuple(parts) or (Text("so"),)),))


@pairs
@law
@given(st.data(), st.booleans(), st.booleans())
def test_what_a_provider_signed_comes_back_to_it_unchanged(
    provider: str, client: str, data: st.DataObject, given_streamed: bool, streamed: bool
) -> None:
    there = PROVIDERS[provider]
    made = data.draw(answers(provider))
    made = worded(made) if "mistral" in (provider, client) else made
    answer = through(there, made, streamed=given_streamed)
    again = ECHOES[client][0].decode_request(echoed(client, answer, streamed=streamed), SAID)
    direct = Request(SAID.model, (HI, Turn("assistant", answer.choices[0].parts)))
    assert told(there, Request(SAID.model, again.turns)) == told(there, direct)


FOREIGN = (
    Thinking("hm", "sig", "another"),
    RedactedThinking("data", "another"),
    Text("so", extras=own("another", thoughtSignature="of the text")),
    ToolCall("c", "f", "{}", extras=own("another", thoughtSignature="of the call")),
)
OWN = {"anthropic_vertex": "anthropic", "bedrock_invoke": "anthropic", "gemini_array": "gemini"}
"""Whose thoughts a dialect's provider takes for its own, where it is not the dialect's name."""

clients = pytest.mark.parametrize("client", ECHOES)
listing = pytest.mark.parametrize("client", sorted(ECHOES.keys() - {"openai_chat", "mistral"}))
"""Clients whose thoughts stand in one list with all else."""


def answer(*parts: Part) -> Response:
    return Response("i", "m", (Choice(parts, Finish("stop")),), created_s=1)


@listing
def test_a_provider_of_the_clients_own_dialect_is_told_no_other_ones_thoughts(client: str) -> None:
    dialect, member, _, _ = ECHOES[client]
    bare, own_thought = (Text("so"), ToolCall("c", "f", "{}")), Thinking("own", "c2ln", OWN.get(client, client))
    body = echoed(client, answer(*FOREIGN[:2], own_thought, *FOREIGN[2:]), streamed=False)
    patched = json.loads(dialect.patch(body, dialect.peek(body, SAID), SAID.model))
    alone = json.loads(echoed(client, answer(own_thought, *bare), streamed=False))
    assert MADE_ID.sub("", json.dumps(patched[member])) == MADE_ID.sub("", json.dumps(alone[member]))


@clients
def test_a_turn_of_nothing_but_such_thoughts_is_taken_out(client: str) -> None:
    dialect, member, _, _ = ECHOES[client]
    body = echoed(client, answer(*FOREIGN[:2]), streamed=False)
    patched = json.loads(dialect.patch(body, dialect.peek(body, SAID), SAID.model))
    assert patched[member] == json.loads(body)[member][:1]


@pytest.mark.parametrize(
    ("counting", "client", "within"),
    [
        (count_anthropic, "anthropic", ()),
        (count_bedrock, "bedrock_converse", ("input", "converse")),
        (count_gemini, "gemini", ()),
        (count_gemini, "gemini", ("generateContentRequest",)),
        (count_openai, "openai_responses", ()),
    ],
)
def test_tokens_are_counted_without_other_providers_thoughts(
    counting: ModuleType, client: str, within: tuple[str, ...]
) -> None:
    dialect = ECHOES[client][0]
    body = echoed(client, answer(*FOREIGN), streamed=False)
    wanted = json.loads(dialect.patch(body, dialect.peek(body, SAID), SAID.model))
    asked = json.loads(body)
    for name in reversed(within):
        asked, wanted = {name: asked}, {name: wanted}
    raw = json.dumps(asked).encode()
    assert MARK in raw
    assert json.loads(counting.patch(raw, counting.peek(raw, SAID), SAID.model)) == wanted


def test_speakers_alternate_towards_converse_where_a_turn_between_them_has_gone() -> None:
    body = json.loads(echoed("bedrock_converse", answer(*FOREIGN[:2]), streamed=False))
    body["messages"].append({"role": "user", "content": [{"text": "go on"}]})
    raw = json.dumps(body).encode()
    patched = json.loads(bedrock_converse.patch(raw, bedrock_converse.peek(raw, SAID), SAID.model))
    assert patched["messages"] == [{"role": "user", "content": [{"text": "hi"}, {"text": "go on"}]}]


@pytest.mark.parametrize("client", ["openai_chat", "mistral"])
@pytest.mark.parametrize("bare", [(Text("so"), ToolCall("c", "f", "{}")), (ToolCall("c", "f", "{}"),)])
def test_a_message_of_chat_stays_without_its_thoughts_and_their_copy_in_plain(
    client: str, bare: tuple[Part, ...]
) -> None:
    dialect = ECHOES[client][0]
    body = echoed(client, answer(*FOREIGN[:2], *bare), streamed=False)
    patched = dialect.decode_request(dialect.patch(body, dialect.peek(body), "m"))
    assert patched.turns == dialect.decode_request(echoed(client, answer(*bare), streamed=False)).turns


def test_a_thought_that_a_client_keeps_in_pieces_is_whole_before_its_seal() -> None:
    writer = mistral.StreamWriter(ASKED)
    begun: list[Event] = [Started("i", "m"), Opened(0, Thinking("", origin="anthropic")), TextDelta(0, "let ")]
    events = [*begun, TextDelta(0, "me"), SignatureDelta(0, "s"), Closed(0), Finished(Finish("stop")), Ended()]
    frames = [json.loads(line[6:]) for line in b"".join(map(writer.write, events)).splitlines() if line[6:7] == b"{"]
    chunks = [piece for frame in frames for piece in frame["choices"][0]["delta"].get("content") or ()]
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": chunks}]
    again = mistral.decode_request(json.dumps({"model": "m", "messages": turns}).encode())
    assert len(chunks) == 3
    assert again.turns[1].parts == (Thinking("let me", "s", "anthropic"),)


@clients
def test_bytes_that_only_speak_of_seals_pass_as_they_are(client: str) -> None:
    dialect, member, _, rest = ECHOES[client]
    for turns in ("MARK", ["MARK"], [{"role": "user", "content": "MARK", "parts": "MARK"}], [[{"data": "MARK"}]], [7]):
        body = json.dumps({**rest, "model": SAID.model, member: turns}).replace("MARK", MARK.decode()).encode()
        if client.startswith("gemini") or client == "bedrock_converse":
            body = body.replace(b'"model": "%b", ' % SAID.model.encode(), b"")
        before = json.loads(dialect.patch(body.replace(MARK, b"X"), dialect.peek(body.replace(MARK, b"X"), SAID), "m"))
        after = dialect.patch(body, dialect.peek(body, SAID), "m")
        assert json.loads(after.replace(MARK, b"X")) == before


def test_a_budget_of_thinking_goes_with_the_thoughts_that_a_turn_of_tools_began_with() -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "1"}]}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    for thought, kept in ((FOREIGN[0], False), (Thinking("own", "s", "anthropic"), True)):
        (block,) = json.loads(anthropic.encode_response(answer(thought), ASKED).body)["content"]
        seal = json.loads(anthropic.encode_response(answer(FOREIGN[1]), ASKED).body)["content"][0]
        turns = [FIRST["messages"], said([block, seal, call]), result]
        body = json.dumps({"model": "m", "max_tokens": 9, "thinking": thinking, "messages": turns}).encode()
        for dialect in (anthropic, anthropic_vertex):
            patched = json.loads(dialect.patch(body, dialect.peek(body), "m"))
            assert ("thinking" in patched) is kept
            assert seal not in patched["messages"][1]["content"]


def test_signatures_of_calls_find_their_calls_again() -> None:
    calls = tuple(ToolCall(name, "f", "{}", extras=own("gemini", thoughtSignature=f"{name}{name}==")) for name in "ab")
    history = json.loads(echoed("anthropic", answer(*calls), streamed=True))
    first, one, second, other = history["messages"][1]["content"]
    history["messages"][1]["content"] = [second, first, other, one]
    again = anthropic.decode_request(json.dumps(history).encode())
    parts = told(gemini, again)["contents"][1]["parts"]
    assert [(part["functionCall"]["id"], part["thoughtSignature"]) for part in parts] == [("b", "bb=="), ("a", "aa==")]
    history["messages"][1]["content"] = [second, one]
    parts = told(gemini, anthropic.decode_request(json.dumps(history).encode()))["contents"][1]["parts"]
    assert parts[1] == {"text": "", "thoughtSignature": "bb=="}
    assert "bb==" not in json.dumps(parts[0])


@pytest.mark.parametrize(
    ("client", "place"),
    [
        ("anthropic", "messages[1].content[4].input"),
        ("bedrock_converse", "messages[1].content[4].arguments"),
        ("gemini", "contents[1].parts[4].functionCall.args"),
        ("openai_responses", "input[5].arguments"),
        ("openai_chat", "messages[1].tool_calls[0].function.arguments"),
    ],
)
def test_a_loss_behind_sealed_thoughts_is_found_by_the_client(client: str, place: str) -> None:
    dialect = ECHOES[client][0]
    request = dialect.decode_request(echoed(client, answer(*FOREIGN[:2], Text("so"), FOREIGN[3]), streamed=False), SAID)
    parts = request.turns[1].parts
    at = next(index for index, part in enumerate(parts) if isinstance(part, ToolCall))
    assert dialect.locate(f"turns[1].parts[{at}].arguments", request) == place


@clients
def test_a_thought_that_was_never_signed_is_its_makers_all_the_same(client: str) -> None:
    body = echoed(client, answer(Thinking("hm", None, "openai_chat"), Text("so")), streamed=True)
    turns = ECHOES[client][0].decode_request(body, SAID).turns
    assert turns[1].parts == (Thinking("hm", None, "openai_chat"), Text("so"))


@st.composite
def forged(draw: st.DrawFn) -> str:
    """A seal that nobody here has made."""
    values = st.recursive(st.none() | st.booleans() | st.integers() | words, lambda inner: st.lists(inner, max_size=2))
    notes = st.dictionaries(st.sampled_from(sorted(KEPT)) | words, values | st.dictionaries(words, values, max_size=2))
    names = st.sampled_from([*PROVIDERS, "", "x"]) | values
    fields = {"origin": names, "signature": values, "data": values, "notes": notes | values}
    held = json.dumps(draw(st.fixed_dictionaries({}, optional=fields) | values)).encode()
    whole = b64encode(b"keywright:" + held).decode()
    return whole[: draw(st.integers(len(MARK), len(whole)))] + draw(st.sampled_from(["", "=", "!", "é"]))


@clients
@law
@given(forged(), st.sampled_from(sorted(PROVIDERS)))
def test_a_forged_seal_does_no_harm(client: str, seal: str, provider: str) -> None:
    dialect = ECHOES[client][0]
    body = echoed(client, answer(*FOREIGN), streamed=False)
    for found in set(SEAL.findall(body)):
        body = body.replace(found, json.dumps(seal).encode())
    patched = json.loads(dialect.patch(body, dialect.peek(body, SAID), SAID.model))
    assert MARK.decode() not in json.dumps(patched)
    again = dialect.decode_request(body, SAID)
    encoded = PROVIDERS[provider].encode_request(again, SAID.model, ABLE)
    assert MARK not in encoded.body
    assert all(loss.weight == "knob" for loss in encoded.losses)


def test_no_words_and_no_field_of_a_message_can_be_set_by_a_seal() -> None:
    detail = {"type": "reasoning.text", "text": "another", "format": "f", "id": 1, "signature": "another"}
    notes = {"detail": detail, "field": "content", "role": "system"}
    held = json.dumps({"origin": "openai_chat", "signature": "s", "notes": notes}).encode()
    forged = unsealed((Thinking("hm", b64encode(b"keywright:" + held).decode(), "anthropic"),))
    message = told(openai_chat, Request("m", (HI, Turn("assistant", (*forged, Text("so"))))))["messages"][1]
    details = [{"type": "reasoning.text", "text": "hm", "signature": "s", "format": "f", "id": 1}]
    assert message == {"role": "assistant", "content": "so", "reasoning_details": details}


def test_a_seal_that_was_damaged_is_nobodys_and_reported() -> None:
    parts = unsealed((Thinking("hm", MARK.decode(), "anthropic"), RedactedThinking(MARK.decode(), "anthropic")))
    assert parts == (Thinking("hm", MARK.decode(), NOBODY), RedactedThinking(MARK.decode(), NOBODY))
    request = Request("m", (HI, Turn("assistant", (*parts, Text("so"))), HI))
    for dialect in PROVIDERS.values():
        assert len(dialect.encode_request(request, SAID.model, ABLE).losses) >= 2


def test_what_needs_no_seal_stays_the_very_same() -> None:
    parts = (Thinking("hm", "s", "gemini"), Text("a"), Text("b", extras=own("x", y=1)), ToolCall("c", "f", "{}"))
    assert sealed(parts, "gemini") is parts
    assert unsealed(parts) is parts
