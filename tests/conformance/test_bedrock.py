"""Recorded traffic of Bedrock, against readings of it that share nothing with the dialects but JSON and checksums."""

import json
from base64 import b64decode, b64encode
from collections import Counter
from typing import Any
from urllib.parse import unquote

import pytest

from keywright.catalog.families import abilities as families
from keywright.core.ability import ABLE, Abilities
from keywright.core.dialect import Dialect, PathSaid, Peek
from keywright.core.event import Event
from keywright.core.fold import fold
from keywright.core.message import Part, RedactedThinking, ServerToolCall, ServerToolResult, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.usage import Usage
from keywright.dialects import bedrock_converse, bedrock_invoke
from keywright.dialects.counting import bedrock as bedrock_count
from keywright.dialects.embeddings import bedrock_cohere, nova, titan
from tests.conformance.plain import recorded
from tests.conformance.readings.bedrock import Said, by_hand, frames, sorted_json
from tests.conftest import shared_dir
from tests.standin.botoshape import ServiceModel, service_model

Body = dict[str, Any]  # the JSON boundary: recorded bodies, read with plain json
DIALECTS: dict[str, Dialect] = {
    "converse": bedrock_converse,
    "converse-stream": bedrock_converse,
    "invoke": bedrock_invoke,
    "invoke-with-response-stream": bedrock_invoke,
}
RECORDED = {"converse": 138, "converse-stream": 30, "invoke": 60, "invoke-with-response-stream": 22}
OPERATIONS = {"converse": "Converse", "converse-stream": "ConverseStream"}


def model_of(exchange: Body) -> str:
    return unquote(exchange["url"].split("/model/")[1].rsplit("/", 1)[0])


def said_of(exchange: Body) -> PathSaid:
    return PathSaid(model_of(exchange), "stream" in exchange["endpoint"])


def is_embedding(exchange: Body) -> bool:
    return "embed" in model_of(exchange)


@pytest.fixture(scope="module")
def exchanges() -> list[Body]:
    """The chats."""
    found = [exchange for endpoint in RECORDED for exchange in recorded("bedrock", endpoint)]
    assert Counter(exchange["endpoint"] for exchange in found) == RECORDED
    chats = [exchange for exchange in found if not is_embedding(exchange)]
    assert len(chats) == 229
    return chats


@pytest.fixture(scope="module")
def answers(exchanges: list[Body]) -> list[Body]:
    found = [exchange for exchange in exchanges if exchange["status"] == 200]
    assert Counter(exchange["endpoint"] for exchange in found) == {
        "converse": 130,
        "converse-stream": 29,
        "invoke": 36,
        "invoke-with-response-stream": 21,
    }
    return found


@pytest.fixture(scope="module")
def streams(answers: list[Body]) -> list[Body]:
    return [exchange for exchange in answers if exchange["streaming"]]


@pytest.fixture(scope="module")
def requests(exchanges: list[Body]) -> list[Body]:
    found = [exchange for exchange in exchanges if exchange["request_json"]]
    assert len(found) == 227
    return found


def bytes_of(exchange: Body) -> bytes:
    if exchange["streaming"]:
        return b64decode(exchange["response_base64"])
    return json.dumps(exchange["response_json"], separators=(",", ":"), ensure_ascii=False).encode()


def read(dialect: Dialect, body: bytes) -> list[Event]:
    reader = dialect.StreamReader()
    return reader.feed(body) + reader.end()


def understood(exchange: Body) -> Response:
    dialect, body = DIALECTS[exchange["endpoint"]], bytes_of(exchange)
    return fold(read(dialect, body)) if exchange["streaming"] else dialect.decode_response(body)


# What the dialects understood, in the form of the readings by hand.


def as_said(response: Response) -> Said:
    """What the dialect understood, in the same form."""
    said = Said()
    (choice,) = response.choices
    for part in choice.parts:
        match part:
            case Text():
                said.text += part.text
                said.cited += [citation.cited_text or "" for citation in part.citations]
            case Thinking():
                said.thinking += part.text
                said.signatures += [part.signature] if part.signature else []
            case RedactedThinking():
                said.redacted += 1
            case ToolCall():
                said.calls.append((part.name, sorted_json(json.loads(part.arguments or "{}"))))
            case ServerToolCall():
                said.served.append(part.id)
            case ServerToolResult():
                said.served.append(part.kind)
            case other:
                raise AssertionError(other)
    assert choice.finish is not None
    said.finish = choice.finish.raw or ""
    usage = response.usage
    if usage is not None:
        written = usage.cache_write_5m + usage.cache_write_1h
        said.tokens = (usage.input, usage.output + usage.reasoning, usage.cache_read, written)
    return said


def test_every_answer_is_understood_as_by_hand(answers: list[Body]) -> None:
    for exchange in answers:
        assert as_said(understood(exchange)).as_tuple() == by_hand(exchange).as_tuple(), exchange["id"]


def test_what_the_answers_hold_is_enough_to_prove_something(answers: list[Body]) -> None:
    said = [by_hand(exchange) for exchange in answers]
    holding = {
        "text": sum(bool(each.text) for each in said),
        "calls": sum(bool(each.calls) for each in said),
        "parallel calls": sum(len(each.calls) > 1 for each in said),
        "thinking": sum(bool(each.thinking) for each in said),
        "signatures": sum(bool(each.signatures) for each in said),
        "redacted thinking": sum(each.redacted for each in said),
        "citations": sum(bool(each.cited) for each in said),
        "tools of the provider's": sum(bool(each.served) for each in said),
        "usage": sum(each.tokens is not None for each in said),
        "cached tokens": sum(each.tokens is not None and each.tokens[2] + each.tokens[3] > 0 for each in said),
    }
    assert holding == {
        "text": 175,
        "calls": 57,
        "parallel calls": 7,
        "thinking": 15,
        "signatures": 11,
        "redacted thinking": 4,
        "citations": 5,
        "tools of the provider's": 3,
        "usage": 207,
        "cached tokens": 10,
    }


def as_answer(body: Body) -> Body:
    """An answer without what says nothing: `type: tool_use`, counts of zero, the second spelling of cached tokens."""
    plain: Body = json.loads(json.dumps(body))
    for block in plain["output"]["message"]["content"]:
        if block.get("toolUse", {}).get("type") == "tool_use":
            del block["toolUse"]["type"]
    usage = plain["usage"]
    for field in ("cacheReadInputTokenCount", "cacheWriteInputTokenCount", "cacheDetails"):
        usage.pop(field, None)
    for field in ("cacheReadInputTokens", "cacheWriteInputTokens"):
        usage.setdefault(field, 0)
    if not usage.get("serverToolUsage"):
        usage.pop("serverToolUsage", None)
    return plain


def test_every_whole_answer_of_converse_is_told_again_as_it_was_and_conforms(answers: list[Body]) -> None:
    model = the_model()
    conforming = 0
    for exchange in answers:
        if exchange["endpoint"] == "converse":
            encoded = bedrock_converse.encode_response(understood(exchange), asked(exchange))
            assert not encoded.losses
            assert as_answer(json.loads(encoded.body)) == as_answer(exchange["response_json"])
            conforming += model.output_complaint("Converse", json.loads(encoded.body)) is None
    assert conforming == 129  # one recorded trace of a guardrail lacks what the service's model demands


def test_every_stream_is_written_again_as_it_was(streams: list[Body]) -> None:
    for exchange in streams:
        dialect = DIALECTS[exchange["endpoint"]]
        events = read(dialect, bytes_of(exchange))
        writer = dialect.StreamWriter(asked(exchange))
        written = b"".join(map(writer.write, events))
        assert not writer.losses
        assert fold(read(dialect, written)) == fold(events)
        again = {**exchange, "response_base64": b64encode(written).decode()}
        assert by_hand(again).as_tuple() == by_hand(exchange).as_tuple()


def test_every_event_that_converse_writes_conforms(streams: list[Body]) -> None:
    model = the_model()
    members = {
        "messageStart": "MessageStartEvent",
        "contentBlockStart": "ContentBlockStartEvent",
        "contentBlockDelta": "ContentBlockDeltaEvent",
        "contentBlockStop": "ContentBlockStopEvent",
        "messageStop": "MessageStopEvent",
        "metadata": "ConverseStreamMetadataEvent",
    }
    complaints: Counter[str] = Counter()
    for exchange in streams:
        if exchange["endpoint"] == "converse-stream":
            writer = bedrock_converse.StreamWriter(asked(exchange))
            written = b"".join(map(writer.write, read(bedrock_converse, bytes_of(exchange))))
            for kind, event in frames(written):
                complaint = model.complaint(members[kind], event)
                complaints[complaint or ""] += 1
    assert [complaint for complaint in complaints if "regexes" not in complaint and complaint] == []
    assert complaints[""] > 1000


def test_every_answer_of_a_stream_cut_into_odd_pieces_is_the_same(streams: list[Body]) -> None:
    for exchange in streams:
        dialect, body = DIALECTS[exchange["endpoint"]], bytes_of(exchange)
        for size in (7, 1021):
            reader = dialect.StreamReader()
            events = [event for piece in pieces(body, size) for event in reader.feed(piece)]
            assert events + reader.end() == read(dialect, body)


def pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def the_model() -> ServiceModel:
    return service_model(shared_dir("specs") / "bedrock" / "bedrock-runtime.service-2.json")


def asked(exchange: Body) -> Request:
    dialect = DIALECTS[exchange["endpoint"]]
    body = exchange["request_json"]
    return Request("m", ()) if body is None else dialect.decode_request(json.dumps(body).encode(), said_of(exchange))


def abilities(body: Body) -> Abilities:
    """What the model of a recorded request can do, as far as the request tells."""
    thinking = (body.get("additionalModelRequestFields") or {}).get("thinking") or {}
    return Abilities(mid_system=True, reasoning="adaptive" if thinking.get("type") == "adaptive" else "budget")


def test_no_request_that_bedrock_accepted_is_beyond_its_models_abilities(answers: list[Body]) -> None:
    lost: Counter[tuple[str, str]] = Counter()
    for exchange in answers:
        if exchange["request_json"]:
            model = model_of(exchange)
            encoded = DIALECTS[exchange["endpoint"]].encode_request(asked(exchange), model, families(model, "aws"))
            lost.update((model, loss.path) for loss in encoded.losses)
    assert lost == {("anthropic.claude-v2", "top_p"): 4}  # beside a temperature, which newer models of Claude refuse


def as_request(body: Body) -> Body:
    """A request in one spelling of several that mean the same: no empty members, `status` only where it is an error,
    a schema's text in one form, `thinking` by its present name.
    """
    plain: Body = json.loads(json.dumps(body))
    for field in ("inferenceConfig", "system", "additionalModelRequestFields"):
        if plain.get(field) in ({}, []):
            del plain[field]
    for message in plain["messages"]:
        for block in message["content"]:
            if block.get("toolResult", {}).get("status") == "success":
                del block["toolResult"]["status"]
    if "outputConfig" in plain:
        definition = plain["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
        definition["schema"] = json.loads(definition["schema"])
    fields = plain.get("additionalModelRequestFields", {})
    if "reasoning_config" in fields:
        fields["thinking"] = fields.pop("reasoning_config")
    return plain


def test_every_request_of_converse_is_asked_again_as_it_was(requests: list[Body]) -> None:
    asked_again = 0
    for exchange in requests:
        body = exchange["request_json"]
        if exchange["endpoint"] in OPERATIONS:
            encoded = bedrock_converse.encode_request(asked(exchange), model_of(exchange), abilities(body))
            assert not encoded.losses
            assert as_request(json.loads(encoded.body)) == as_request(body)
            asked_again += 1
    assert asked_again == 167


def test_every_request_of_converse_that_conforms_conforms_when_asked_again(requests: list[Body]) -> None:
    model = the_model()
    complaints = []
    for exchange in requests:
        if exchange["endpoint"] in OPERATIONS:
            operation = OPERATIONS[exchange["endpoint"]]
            encoded = bedrock_converse.encode_request(
                asked(exchange), model_of(exchange), abilities(exchange["request_json"])
            )
            complaint = model.input_complaint(operation, json.loads(encoded.body))
            if complaint is not None:
                assert complaint == model.input_complaint(operation, exchange["request_json"])
                complaints.append(complaint)
    assert len(complaints) == 1  # a video whose format is a MIME type: so it was recorded, and so it is sent
    assert "video/mp4" in complaints[0]


def as_invoked(body: Body) -> Body:
    """A body of InvokeModel in one spelling of several that mean the same: strings for single texts, blocks for system
    text, the newer name of Nova's limit, neighbours of one role joined.
    """
    plain: Body = json.loads(json.dumps(body))
    if "anthropic_version" in plain:
        if isinstance(plain.get("system"), str):
            plain["system"] = [{"type": "text", "text": plain["system"]}]
        messages: list[Body] = []
        for message in plain["messages"]:
            content = [as_block(block) for block in as_blocks(message["content"])]
            if messages and messages[-1]["role"] == message["role"]:
                messages[-1]["content"] += content
            else:
                messages.append({**message, "content": content})
        plain["messages"] = messages
    config = plain.get("inferenceConfig", {})
    if "max_new_tokens" in config:
        config["maxTokens"] = config.pop("max_new_tokens")
    return plain


def as_blocks(content: Any) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def as_block(block: Body) -> Body:
    return {**block, "content": as_blocks(block["content"])} if block["type"] == "tool_result" else block


def test_every_body_of_invoke_model_is_asked_again_as_it_was(requests: list[Body]) -> None:
    outcomes: Counter[str] = Counter()
    for exchange in requests:
        body, model = exchange["request_json"], model_of(exchange)
        if exchange["endpoint"] in OPERATIONS:
            continue
        encoded = bedrock_invoke.encode_request(asked(exchange), model, abilities(body))
        again = json.loads(encoded.body)
        if "max_tokens_to_sample" in body:
            outcomes["a text completion is asked of Claude as a message"] += 1
            assert again["messages"] == [{"role": "user", "content": body["prompt"]}]
        elif "countPenalty" in body:
            outcomes["of no known shape"] += 1
        elif encoded.losses:
            outcomes["temperature and top_p together"] += 1
            assert [loss.path for loss in encoded.losses] == ["top_p"]
            assert as_invoked(again) == {key: value for key, value in as_invoked(body).items() if key != "top_p"}
        else:
            outcomes["as it was"] += 1
            assert as_invoked(again) == as_invoked(body), exchange["id"]
    assert outcomes == {
        "as it was": 54,
        "temperature and top_p together": 4,
        "a text completion is asked of Claude as a message": 1,
        "of no known shape": 1,
    }


def test_the_shape_of_a_body_is_found_by_its_members_under_any_name(requests: list[Body]) -> None:
    for exchange in requests:
        if exchange["endpoint"] not in OPERATIONS and "countPenalty" not in exchange["request_json"]:
            body = json.dumps(exchange["request_json"]).encode()
            named = bedrock_invoke.peek(body, PathSaid(model_of(exchange)))
            alias = bedrock_invoke.peek(body, PathSaid("an-alias"))
            assert bedrock_invoke.speaks_alike(named, model_of(exchange)) or b"max_tokens_to_sample" in body
            assert bedrock_invoke.speaks_alike(alias, model_of(exchange)) == bedrock_invoke.speaks_alike(
                named, model_of(exchange)
            )
            assert bedrock_invoke.kind_of("an-alias", body) == "chat"


def test_a_request_passes_without_a_changed_byte(requests: list[Body]) -> None:
    for exchange in requests:
        dialect = DIALECTS[exchange["endpoint"]]
        text = json.dumps(exchange["request_json"], indent=1).encode()
        peeked = dialect.peek(text, said_of(exchange))
        assert (peeked.model, peeked.stream) == (model_of(exchange), "stream" in exchange["endpoint"])
        assert dialect.patch(text, peeked, "some-other-model") is text
        if exchange["endpoint"] in OPERATIONS:
            limit = exchange["request_json"].get("inferenceConfig", {}).get("maxTokens")
            assert peeked.output_tokens_max == limit


def test_a_tap_gives_every_byte_back_and_counts_what_the_reader_counts(streams: list[Body]) -> None:
    for exchange in streams:
        dialect, body = DIALECTS[exchange["endpoint"]], bytes_of(exchange)
        whole = understood(exchange)
        finish = whole.choices[0].finish
        assert finish is not None
        chars = sum(generated(part) for part in whole.choices[0].parts)
        for size in (13, 997, len(body)):
            tap = dialect.Tap(Peek("m", stream=True, input_bytes=1))
            assert b"".join(map(tap.feed, pieces(body, size))) == body
            tapped = tap.result()
            assert (tapped.usage, tapped.complete, tapped.failure) == (whole.usage, True, None)
            assert tapped.finish == finish.raw
            assert abs(tapped.output_chars - chars) <= 2  # `{}` may come as arguments


def generated(part: Part) -> int:
    match part:
        case Text() | Thinking():
            return len(part.text)
        case ToolCall() | ServerToolCall():
            return 0 if part.arguments == "{}" else len(part.arguments)
        case _:
            return 0


def test_a_whole_answer_tapped_tells_what_the_decoder_reads(answers: list[Body]) -> None:
    for exchange in answers:
        if not exchange["streaming"]:
            dialect, response = DIALECTS[exchange["endpoint"]], understood(exchange)
            tapped = dialect.tap_response(bytes_of(exchange))
            finish = response.choices[0].finish
            assert finish is not None
            assert (tapped.usage, tapped.finish, tapped.complete) == (response.usage, finish.raw, True)
            assert tapped.output_chars == sum(generated(part) for part in response.choices[0].parts)


def test_every_recorded_error_is_read_as_the_kind_it_is(exchanges: list[Body]) -> None:
    kinds: Counter[str] = Counter()
    for exchange in exchanges:
        if exchange["status"] != 200:
            failure = DIALECTS[exchange["endpoint"]].decode_error(exchange["status"], bytes_of(exchange))
            assert failure.status == exchange["status"]
            kinds[failure.kind] += 1
            encoded = json.loads(bedrock_converse.encode_error(failure, "r"))
            assert encoded["__type"].endswith("Exception")
            if failure.kind != "authentication":
                assert encoded["message"] == exchange["response_json"]["message"]
    assert kinds == {"invalid_request": 5, "permission": 3, "not_found": 3, "context_too_long": 1, "authentication": 1}


def test_every_recorded_embedding_is_read_and_asked_again_as_it_was() -> None:
    wires = {"titan": titan, "cohere": bedrock_cohere, "nova": nova}
    outcomes: Counter[str] = Counter()
    for exchange in filter(is_embedding, recorded("bedrock", "invoke")):
        model, body, answer = model_of(exchange), exchange["request_json"], exchange["response_json"]
        text = json.dumps(body).encode()
        assert bedrock_invoke.kind_of(model, text) == bedrock_invoke.kind_of("an-alias", text) == "embeddings"
        wire = next(wire for name, wire in wires.items() if name in model)
        outcomes[wire.NAME] += 1
        request = wire.decode_request(text, PathSaid(model))
        encoded = wire.encode_request(request, model, ABLE)
        assert not encoded.losses
        assert json.loads(encoded.body) == {
            **body,
            **({"embedding_types": ["float"]} if wire is bedrock_cohere else {}),
        }
        response = wire.decode_response(json.dumps(answer).encode())
        floats = answer.get("embedding") or answer["embeddings"]
        floats = floats["float"] if isinstance(floats, dict) else floats
        floats = floats[0]["embedding"] if isinstance(floats[0], dict) else floats
        vectors = [vector.written["float"] for vector in response.vectors]
        assert vectors == (floats if isinstance(floats[0], list) else [floats])
        tokens = answer.get("inputTextTokenCount")
        assert response.usage == (None if tokens is None else Usage(input=tokens))
        again = json.loads(wire.encode_response(response, request).body)
        assert {field: again[field] for field in answer} == answer
    assert outcomes == {"titan_embeddings": 3, "bedrock_cohere_embeddings": 13, "nova_embeddings": 5}


def test_every_recorded_count_is_asked_again_as_it_was_and_read() -> None:
    model = the_model()
    counts = []
    for exchange in recorded("bedrock", "bedrock.count-tokens"):
        body, name = exchange["request_json"], model_of(exchange)
        request = bedrock_count.decode_request(json.dumps(body).encode(), PathSaid(name))
        encoded = bedrock_count.encode_request(request, name, ABLE)
        again = json.loads(encoded.body)
        assert not encoded.losses
        assert model.input_complaint("CountTokens", again) is None
        assert counted(again) == counted(body)
        answer = json.dumps(exchange["response_json"]).encode()
        if exchange["status"] == 200:
            counts.append(bedrock_count.decode_response(answer).input_tokens)
            assert bedrock_count.tap_response(answer).usage == Usage()
        else:
            assert bedrock_count.decode_error(exchange["status"], answer).status == 400
    assert sorted(counts) == [18, 23, 375]


def counted(body: Body) -> Body:
    given = body["input"]
    if "converse" in given:
        return as_request(given["converse"])
    return as_invoked(json.loads(b64decode(given["invokeModel"]["body"])))
