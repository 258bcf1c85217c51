"""Recorded traffic of Gemini and Vertex AI, against readings of it that share nothing with the dialect but JSON."""

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from keywright.core.ability import ABLE, Abilities
from keywright.core.dialect import PathSaid
from keywright.core.event import Event
from keywright.core.fold import fold
from keywright.core.message import Part, RedactedThinking, ServerToolCall, ServerToolResult, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.usage import Usage
from keywright.dialects import anthropic, gemini, gemini_array, openai_chat
from keywright.dialects.counting import gemini as gemini_count
from keywright.dialects.counting import vertex as vertex_count
from keywright.dialects.embeddings import gemini as gemini_embeddings
from keywright.dialects.embeddings import gemini_single
from keywright.dialects.embeddings import vertex as vertex_embeddings
from tests.conformance.plain import recorded
from tests.conformance.readings.gemini import NUMBERED, put
from tests.dialects.gemini.official import camel, proto, sdk, vertex

Body = dict[str, Any]  # the JSON boundary: recorded bodies, read with plain json
ASKED = Request("m", ())
CHAT = ("generateContent", "streamGenerateContent")
WHOLE, SSE, ARRAYS = 364, 71, 13
REQUESTS = 421
REFUSED_BY_ALL = 1
"""The recorded request whose role Google refuses too."""

SDK_LACKS = (
    "usageMetadata: Additional properties are not allowed ('serviceTier'",
    ".modality: ",
    ".category: ",
    ".type: ",
)
"""What recorded answers say and the SDK's types do not know: a field, and enums by number, as those clients asked."""

STRANGE = frozenset({"predictions", "expireTime"})
"""Members of answers that stand under this endpoint and are of others: vectors, and a cached content."""


class Answer(NamedTuple):
    """An answer: its frames in plain JSON (one, when it came whole), and the bytes in which it came."""

    frames: list[Body]
    body: bytes
    dialect: ModuleType | None
    """Whose stream it is; None when it came whole."""


def exchanges() -> Iterator[Body]:
    for file in ("gemini", "vertex"):
        for endpoint in CHAT:
            yield from recorded(file, endpoint)


def answer_of(exchange: Body) -> Answer:
    text = exchange.get("response_sse_text")
    if text:
        frames = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]
        return Answer(frames, text.encode(), gemini)
    said = exchange["response_json"]
    if isinstance(said, list):
        return Answer(said, json.dumps(said, indent=2).encode(), gemini_array)
    return Answer([said], json.dumps(said).encode(), None)


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    found = [answer_of(exchange) for exchange in exchanges() if exchange["status"] == 200]
    found = [answer for answer in found if not STRANGE & answer.frames[0].keys()]
    kinds = [answer.dialect for answer in found]
    assert [kinds.count(kind) for kind in (None, gemini, gemini_array)] == [WHOLE - len(STRANGE), SSE, ARRAYS]
    return found


@pytest.fixture(scope="module")
def requests() -> list[Body]:
    found = [exchange["request_json"] for exchange in exchanges() if exchange.get("request_json")]
    assert len(found) == REQUESTS + 9
    return found


def read(answer: Answer) -> list[Event]:
    assert answer.dialect is not None
    reader = answer.dialect.StreamReader()
    events: list[Event] = reader.feed(answer.body) + reader.end()
    return events


def understood(answer: Answer) -> Response:
    return gemini.decode_response(answer.body) if answer.dialect is None else fold(read(answer))


def parts_by_hand(answer: Answer, index: int) -> list[Body]:
    """The parts of one candidate of all frames, the pieces of a call that came in pieces left out."""
    return [
        part
        for frame in answer.frames
        for candidate in frame.get("candidates", [])
        if candidate.get("index", 0) == index
        for part in (candidate.get("content") or {}).get("parts", [])
    ]


def said_by_hand(parts: list[Body]) -> dict[str, Any]:
    """What parts say: texts and thoughts joined, calls, signatures in their order, what the provider ran."""
    said: dict[str, Any] = {"text": "", "thought": "", "calls": [], "signatures": [], "server": []}
    for part in parts:
        if "text" in part:
            said["thought" if part.get("thought") else "text"] += part["text"]
        elif "functionCall" in part:
            if "name" in part["functionCall"]:
                said["calls"].append((part["functionCall"]["name"], part["functionCall"].get("args", {})))
        elif part.keys() != {"thoughtSignature"}:
            said["server"].append(part)
        if "thoughtSignature" in part:
            said["signatures"].append(part["thoughtSignature"])
    return said


def said_by_us(parts: tuple[Part, ...]) -> dict[str, Any]:
    said: dict[str, Any] = {"text": "", "thought": "", "calls": [], "signatures": [], "server": []}
    for part in parts:
        match part:
            case Text():
                said["text"] += part.text
                signature = part.extras.get("gemini", {}).get("thoughtSignature")
            case Thinking():
                said["thought"] += part.text
                signature = part.signature
            case RedactedThinking():
                signature = part.data
            case ToolCall():
                said["calls"].append((part.name, json.loads(part.arguments)))
                signature = part.extras.get("gemini", {}).get("thoughtSignature")
            case ServerToolCall() | ServerToolResult():
                said["server"].append(part.body)
                signature = part.body.get("thoughtSignature")
            case other:
                raise AssertionError(other)
        if signature is not None:
            said["signatures"].append(signature)
    return said


def usage_by_hand(answer: Answer) -> Usage | None:
    """The last usage that counts: thoughts and tools' results beside what they are beside, cached inside the prompt."""
    told = [frame["usageMetadata"] for frame in answer.frames if "totalTokenCount" in frame.get("usageMetadata", {})]
    if not told:
        return None
    usage = told[-1]

    def count(name: str) -> int:
        return int(usage.get(name) or 0)

    def kind(name: str, *modality: str | int) -> int:
        return sum(each["tokenCount"] for each in usage.get(name, ()) if each["modality"] in modality)

    cached = count("cachedContentTokenCount")
    heard, in_cache = kind("promptTokensDetails", "AUDIO", 4), kind("cacheTokensDetails", "AUDIO", 4)
    seen = max(kind("promptTokensDetails", "IMAGE", 2) - kind("cacheTokensDetails", "IMAGE", 2), 0)
    return Usage(
        input=count("promptTokenCount") - cached - seen - (heard - in_cache) + count("toolUsePromptTokenCount"),
        output=count("candidatesTokenCount"),
        reasoning=count("thoughtsTokenCount"),
        cache_read=cached - in_cache,
        audio_input=heard - in_cache,
        audio_cache_read=in_cache,
        image_input=seen,
    )


def test_every_answer_is_understood_as_by_hand(answers: list[Answer]) -> None:
    seen: dict[str, int] = {}
    for answer in answers:
        response = understood(answer)
        last = answer.frames[-1]
        assert (response.id, response.model) == (last.get("responseId", ""), last["modelVersion"])
        assert response.usage == usage_by_hand(answer)
        for choice in response.choices:
            parts = parts_by_hand(answer, choice.index)
            by_hand, by_us = said_by_hand(parts), said_by_us(choice.parts)
            pieces = [piece for part in parts for piece in part.get("functionCall", {}).get("partialArgs", ())]
            if pieces:
                assert by_us["calls"] == [(by_hand["calls"][0][0], put(pieces))]
                by_us["calls"] = by_hand["calls"]
            assert by_us == by_hand
            assert choice.finish is not None
            assert (choice.finish.raw, choice.finish.reason) == finish_by_hand(answer, choice.index)
            seen["pieces"] = seen.get("pieces", 0) + bool(pieces)
            for kind, value in by_hand.items():
                seen[kind] = seen.get(kind, 0) + bool(value)
    assert seen == {"pieces": 2, "text": 282, "thought": 21, "calls": 160, "signatures": 238, "server": 11}


def finish_by_hand(answer: Answer, index: int) -> tuple[str, str]:
    reasons = [
        candidate["finishReason"]
        for frame in answer.frames
        for candidate in frame.get("candidates", [])
        if candidate.get("index", 0) == index and "finishReason" in candidate
    ]
    if not reasons:
        return answer.frames[0]["promptFeedback"]["blockReason"], "content_filter"
    word = NUMBERED.get(reasons[-1], reasons[-1])
    called = any("functionCall" in part for part in parts_by_hand(answer, index))
    kinds = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "UNEXPECTED_TOOL_CALL": "error"}
    return word, "tool_calls" if called and word == "STOP" else kinds[word]


def test_calls_have_ids_of_their_own_and_those_that_came_with_one_keep_it(answers: list[Answer]) -> None:
    told = 0
    for answer in answers:
        for choice in understood(answer).choices:
            ids = [part.id for part in choice.parts if isinstance(part, ToolCall)]
            assert len(set(ids)) == len(ids)
            named = [part["functionCall"] for part in parts_by_hand(answer, choice.index) if "functionCall" in part]
            wanted = [call["id"] for call in named if "id" in call]
            told += len(wanted)
            assert [call_id for call_id in ids if not call_id.startswith("kwcall_")] == wanted
    assert told > 15


def test_sources_are_citations_of_the_text(answers: list[Answer]) -> None:
    cited = 0
    for answer in answers:
        grounding = answer.frames[-1].get("candidates", [{}])[0].get("groundingMetadata", {})
        chunks, supports = grounding.get("groundingChunks", []), grounding.get("groundingSupports", [])
        indices = [index for support in supports for index in support["groundingChunkIndices"]]
        indices += [index for index in range(len(chunks)) if index not in indices]
        wanted = [next(iter(chunks[index].values())).get("uri") for index in indices]
        texts = [part for choice in understood(answer).choices for part in choice.parts if isinstance(part, Text)]
        found = [citation for text in texts for citation in text.citations if "groundingChunk" in citation.body]
        assert [citation.url for citation in found] == wanted
        cited += bool(wanted)
    assert cited == 17


def as_answer(body: Body) -> Body:
    """An answer without what says nothing: empty texts, nulls, the place of the first candidate, counts of zero."""
    plain: Body = without_nulls(body)
    for candidate in plain.get("candidates", []):
        content = candidate.setdefault("content", {})
        content["role"] = "model"
        content["parts"] = [part for part in content.get("parts", []) if part != {"text": ""}]
        for part in content["parts"]:
            if "functionCall" in part:
                part["functionCall"].setdefault("args", {})
        candidate.setdefault("index", 0)
        candidate["finishReason"] = NUMBERED.get(candidate["finishReason"], candidate["finishReason"])
    usage = plain.get("usageMetadata", {})
    if "totalTokenCount" in usage:
        usage.setdefault("candidatesTokenCount", 0)
    plain.setdefault("responseId", "")
    return plain


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def test_every_answer_is_told_again_as_it_was(answers: list[Answer]) -> None:
    contradictory = 0
    for answer in answers:
        if answer.dialect is None:
            encoded = gemini.encode_response(understood(answer), ASKED)
            assert not encoded.losses
            before, after = as_answer(answer.frames[0]), as_answer(json.loads(encoded.body))
            if before.get("usageMetadata", {}).get("totalTokenCount") == 61:  # recorded so: 17 and 492 make 61
                contradictory += 1
                before["usageMetadata"]["totalTokenCount"] = 17 + 492
            assert after == before
    assert contradictory == 1


def test_every_stream_is_written_again_so_that_it_says_the_same(answers: list[Answer]) -> None:
    for answer in answers:
        if answer.dialect is not None:
            events = read(answer)
            for dialect in (gemini, gemini_array):
                writer = dialect.StreamWriter(ASKED)
                written = b"".join(map(writer.write, events))
                assert not writer.losses
                assert fold(read(Answer([], written, dialect))) == fold(events)


def test_every_stream_that_is_cut_into_odd_pieces_is_the_same(answers: list[Answer]) -> None:
    for answer in answers:
        if answer.dialect is not None:
            for size in (7, 1021):
                reader = answer.dialect.StreamReader()
                events = [event for piece in pieces_of(answer.body, size) for event in reader.feed(piece)]
                assert events + reader.end() == read(answer)


def pieces_of(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def test_what_we_tell_clients_is_what_their_sdk_expects(answers: list[Answer]) -> None:
    for answer in answers:
        complaint = sdk().complaint(json.loads(gemini.encode_response(understood(answer), ASKED).body))
        assert complaint is None or any(lacking in complaint for lacking in SDK_LACKS), complaint


def abilities(body: Body) -> Abilities:
    """What the model of a recorded request can do, as far as the request tells."""
    leveled = "thinkingLevel" in (body.get("generationConfig") or {}).get("thinkingConfig", {})
    return Abilities(reasoning="effort" if leveled else "budget", audio=True, tool_files=True)


def as_request(body: Body) -> Body:
    """A request in one spelling of several that mean the same. These are the only differences that re-encoding makes:

    names in camel case, enums as words, lists where one stood for a list, base64 in its standard letters, a thought
    without words with an empty text; the model (which the path names) and the role of the system's text (which has
    none) left out; neighbours of one role joined; all functions in the first tool, their parameters, like the answer's
    schema, as JSON Schema; what says the default or nothing left out (text as the only modality, thoughts not shown, an
    empty configuration, an empty text beside other parts).
    """
    plain = spelled(without_nulls(body))
    plain.pop("model", None)
    if "systemInstruction" in plain:
        plain["systemInstruction"] = {"parts": as_parts(plain["systemInstruction"])}
    contents: list[Body] = []
    for content in as_list(plain["contents"]):
        parts, role = as_parts(content), content.get("role", "user")
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    plain["contents"] = contents
    if "tools" in plain:
        plain["tools"] = as_tools(as_list(plain["tools"]))
    if "toolConfig" in plain:
        plain["toolConfig"] = as_tool_config(plain["toolConfig"])
    config = as_config(plain.pop("generationConfig", {}))
    return {**plain, "generationConfig": config} if config else plain


OWN_WORDS = frozenset(
    ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels")
)


def spelled(value: Any) -> Any:
    if isinstance(value, list):
        return [spelled(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = {camel(name): inner for name, inner in value.items()}
    return {name: inner if name in OWN_WORDS else spelled(inner) for name, inner in named.items()}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def as_parts(content: Body) -> list[Body]:
    said = as_list(content["parts"])
    parts = [part for part in said if part != {"text": ""}] or said
    for part in parts:
        if part.keys() == {"thought", "thoughtSignature"}:
            part["text"] = ""
        files = part.get("functionResponse", {}).get("parts", [])
        for holder in (part, *files):
            if "inlineData" in holder:
                data = holder["inlineData"]["data"].replace("-", "+").replace("_", "/")
                holder["inlineData"]["data"] = data + "=" * (-len(data) % 4)
    return parts


def as_tools(tools: list[Body]) -> list[Body]:
    functions = [function for tool in tools for function in tool.pop("functionDeclarations", [])]
    for function in functions:
        if "parameters" in function:
            function["parametersJsonSchema"] = as_schema(function.pop("parameters"))
    others = [{name: value} for tool in tools for name, value in tool.items()]
    return [{"functionDeclarations": functions}, *others] if functions else others


def as_tool_config(config: Body) -> Body:
    calling = config.get("functionCallingConfig", {})
    if "mode" in calling:
        calling["mode"] = str(calling["mode"]).upper()
    return config


def as_config(config: Body) -> Body:
    plain = {name: value for name, value in config.items() if (name, value) != ("responseModalities", ["TEXT"])}
    if "responseSchema" in plain:
        plain["responseJsonSchema"] = as_schema(plain.pop("responseSchema"))
    thinking = plain.get("thinkingConfig")
    if thinking:
        plain["thinkingConfig"] = {name: said for name, said in thinking.items() if said is not False}
        if "thinkingLevel" in thinking:
            plain["thinkingConfig"]["thinkingLevel"] = thinking["thinkingLevel"].upper()
    return {name: said for name, said in plain.items() if said != {}}


def as_schema(schema: Any) -> Any:
    """JSON Schema of the API's own schemas, by hand."""
    if isinstance(schema, list):
        return [as_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kinds = ["", "string", "number", "integer", "boolean", "array", "object"]
    plain = {camel(key): value for key, value in schema.items()}
    nullable = plain.pop("nullable", False)
    for name in ("items", "anyOf"):
        if name in plain:
            plain[name] = as_schema(plain[name])
    if "properties" in plain:
        plain["properties"] = {key: as_schema(value) for key, value in plain["properties"].items()}
    if isinstance(plain.get("type"), int):
        plain["type"] = kinds[plain["type"]]
    if isinstance(plain.get("type"), str):
        plain["type"] = plain["type"].lower()
    for name in ("minItems", "maxItems"):
        if name in plain:
            plain[name] = int(plain[name])
    if nullable and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
        if "enum" in plain:
            plain["enum"] = [*plain["enum"], None]
    return plain


def decoded(body: Body) -> Request:
    return gemini.decode_request(json.dumps(body).encode(), PathSaid("m"))


def accepted(requests: list[Body]) -> list[Body]:
    """The requests but for the one whose role nobody knows."""
    return [body for body in requests if as_list(body["contents"])[0].get("role") != "invalid_role"]


def test_every_request_is_asked_again_as_it_was(requests: list[Body]) -> None:
    known = accepted(requests)
    assert len(known) == len(requests) - REFUSED_BY_ALL
    for body in known:
        encoded = gemini.encode_request(decoded(body), "m", abilities(body))
        assert not encoded.losses
        assert as_request(json.loads(encoded.body)) == as_request(body)


def test_every_request_conforms_when_asked_again(requests: list[Body]) -> None:
    for body in accepted(requests):
        asked = json.loads(gemini.encode_request(decoded(body), "m", abilities(body)).body)
        assert proto().complaint(asked) is None
        assert vertex().complaint(asked) is None


FOREIGN = (("anthropic", "messages", anthropic), ("openai", "chat.completions", openai_chat))


@pytest.mark.parametrize(("file", "endpoint", "dialect"), FOREIGN)
def test_requests_of_other_dialects_conform_or_are_refused(file: str, endpoint: str, dialect: ModuleType) -> None:
    carried = refused = 0
    for exchange in recorded(file, endpoint):
        if not exchange.get("request_json") or exchange["status"] != 200:
            continue
        request = dialect.decode_request(json.dumps(exchange["request_json"]).encode())
        for able in (Abilities(reasoning="effort", signed_calls=True, tool_files=True), Abilities(reasoning="budget")):
            encoded = gemini.encode_request(request, "m", able)
            if any(loss.weight == "meaning" for loss in encoded.losses):
                refused += 1
                continue
            carried += 1
            asked = json.loads(encoded.body)
            assert proto().complaint(asked) is None
            assert vertex().complaint(asked) is None
    assert carried > 3 * refused


@pytest.mark.parametrize(("file", "endpoint", "dialect"), FOREIGN)
def test_answers_of_other_providers_are_what_the_sdk_expects(file: str, endpoint: str, dialect: ModuleType) -> None:
    told = 0
    for exchange in recorded(file, endpoint):
        if exchange["status"] != 200:
            continue
        if exchange.get("response_sse_text"):
            reader, writer = dialect.StreamReader(), gemini.StreamWriter(ASKED)
            events = reader.feed(exchange["response_sse_text"].encode()) + reader.end()
            frames = b"".join(map(writer.write, events)).split(b"\n\n")
            bodies = [json.loads(frame.removeprefix(b"data: ")) for frame in frames if frame]
        else:
            response = dialect.decode_response(json.dumps(exchange["response_json"]).encode())
            bodies = [json.loads(gemini.encode_response(response, ASKED).body)]
        for body in bodies:
            assert sdk().complaint(body) is None
            told += 1
    assert told > 100


def test_a_request_passes_untouched_and_what_it_says_is_known(requests: list[Body]) -> None:
    repeated = 0
    for body in requests:
        text = json.dumps(body, indent=1).encode()
        name = body.get("model", "models/m").removeprefix("models/")
        peeked = gemini.peek(text, PathSaid(name, stream=True))
        config = body.get("generationConfig") or {}
        assert (peeked.model, peeked.stream, peeked.input_bytes) == (name, True, len(text))
        assert peeked.output_tokens_max == config.get("maxOutputTokens")
        assert peeked.choices == config.get("candidateCount", 1)
        patched = gemini.patch(text, peeked, "other")
        if "model" in body:
            repeated += 1
            assert patched == text.replace(f'"model": "models/{name}"'.encode(), b'"model": "models/other"')
        else:
            assert patched == text
    assert repeated == 9


def test_a_tap_gives_every_byte_back_and_counts_what_the_reader_counts(answers: list[Answer]) -> None:
    for answer in answers:
        whole = understood(answer)
        finish = whole.choices[0].finish
        assert finish is not None
        if answer.dialect is None:
            tapped = gemini.tap_response(answer.body)
            assert (tapped.usage, tapped.model, tapped.finish) == (whole.usage, whole.model, finish.raw)
            continue
        for size in (1, 997, len(answer.body)):
            tap = answer.dialect.Tap(gemini.peek(b"{}", PathSaid("m", stream=True)))
            assert b"".join(map(tap.feed, pieces_of(answer.body, size))) == answer.body
            tapped = tap.result()
            assert (tapped.usage, tapped.model, tapped.finish) == (whole.usage, whole.model, finish.raw)
            assert (tapped.failure, tapped.complete) == (None, True)
            texts = [part for choice in whole.choices for part in choice.parts if isinstance(part, Text | Thinking)]
            assert tapped.output_chars >= sum(len(part.text) for part in texts)


def test_every_recorded_error_is_read_as_the_kind_it_is() -> None:
    kinds = []
    for exchange in exchanges():
        if exchange["status"] != 200:
            body = json.dumps(exchange["response_json"]).encode()
            failure = gemini.decode_error(exchange["status"], body)
            assert gemini.decode_error(exchange["status"], b"[%b]" % body) == failure
            assert failure.status == exchange["status"]
            error = json.loads(gemini.encode_error(failure, "r"))["error"]
            assert (error["code"], error["status"]) == (failure.status, exchange["response_json"]["error"]["status"])
            kinds.append((failure.status, failure.kind, failure.retry_after_s))
    assert sorted(kinds, key=str) == [
        (400, "authentication", None),
        (400, "context_too_long", None),
        (400, "invalid_request", None),
        (400, "invalid_request", None),
        (403, "authentication", None),
        (404, "not_found", None),
        (404, "not_found", None),
        (404, "not_found", None),
        (429, "rate_limited", 48.0),
    ]


def numbers(vectors: Any) -> list[list[float]]:
    return [vector.written["float"] for vector in vectors]


def test_vectors_are_read_as_they_are_and_asked_for_again_as_they_were() -> None:
    answered = asked = 0
    for file in ("gemini", "vertex"):
        for exchange in recorded(file, "embedContent"):
            body, said = exchange.get("request_json"), exchange["response_json"]
            response = gemini_embeddings.decode_response(json.dumps(said).encode())
            wanted = said["embeddings"] if "embeddings" in said else [said["embedding"]]
            assert numbers(response.vectors) == [each["values"] for each in wanted]
            tokens = said.get("usageMetadata", {}).get("promptTokenCount")
            assert response.usage == (None if tokens is None else Usage(input=tokens))
            answered += 1
            if body:
                wire = gemini_embeddings if "requests" in body else gemini_single
                name = exchange["url"].rpartition("/models/")[2].partition(":")[0]
                text = json.dumps(body).encode()
                request = wire.decode_request(text, PathSaid(name))
                assert json.loads(wire.encode_request(request, name, ABLE).body) == body
                assert (
                    proto().complaint(
                        body, "BatchEmbedContentsRequest" if "requests" in body else "EmbedContentRequest"
                    )
                    is None
                )
                patched = wire.patch(text, wire.peek(text, PathSaid(name)), "other")
                assert patched == text.replace(f'"models/{name}"'.encode(), b'"models/other"')
                asked += 1
    assert (answered, asked) == (8, 3)


def test_predictions_are_read_as_they_are_and_asked_for_again_as_they_were() -> None:
    found = 0
    for exchange in recorded("vertex", "predict"):
        body, said = exchange["request_json"], exchange["response_json"]
        text = json.dumps(said).encode()
        response = vertex_embeddings.decode_response(text)
        embeddings = [prediction["embeddings"] for prediction in said["predictions"]]
        assert numbers(response.vectors) == [each["values"] for each in embeddings]
        usage = Usage(input=sum(each["statistics"]["token_count"] for each in embeddings))
        assert response.usage == vertex_embeddings.tap_response(text).usage == usage
        request = vertex_embeddings.decode_request(json.dumps(body).encode(), PathSaid("m"))
        assert json.loads(vertex_embeddings.encode_request(request, "m", ABLE).body) == body
        found += 1
    assert found == 2


def test_counts_are_read_as_they_are_and_asked_for_again_as_they_were() -> None:
    found = 0
    for file, wire in (("gemini", gemini_count), ("vertex", vertex_count)):
        for exchange in recorded(file, "countTokens"):
            body, said = exchange["request_json"], exchange["response_json"]
            text = json.dumps(said).encode()
            response = wire.decode_response(text)
            assert response.input_tokens == said["totalTokens"]
            request = wire.decode_request(json.dumps(body).encode(), PathSaid("m"))
            assert json.loads(wire.encode_response(response, request).body) == said
            again = json.loads(wire.encode_request(request, "m", ABLE).body)
            before, after = body.get("generateContentRequest", body), again.get("generateContentRequest", again)
            assert as_request(after) == as_request(before)
            message = "CountTokensRequest"
            assert (proto().complaint(again, message) if file == "gemini" else vertex(message).complaint(again)) is None
            found += 1
    assert found == 7
