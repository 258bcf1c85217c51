"""Whatever comes, nothing but the dialect's own errors is raised."""

import json
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import Abilities
from keywright.core.dialect import PathSaid
from keywright.core.errors import ProviderError, RefusedError, UpstreamBrokeError, UpstreamMalformedError
from keywright.core.json import Json
from keywright.core.request import Request
from keywright.dialects import gemini, gemini_array
from tests.laws.strategies import law

ABLE = Abilities(reasoning="budget", audio=True, signed_calls=True)
FRAMED = {"gemini": gemini, "gemini_array": gemini_array}
framed = pytest.mark.parametrize("dialect", FRAMED.values(), ids=FRAMED.keys())

NAMES = """
contents parts text thought thoughtSignature role functionCall functionResponse name args response id
inlineData mimeType data fileData fileUri executableCode toolCall tools functionDeclarations parameters type
properties toolConfig functionCallingConfig mode generationConfig generation_config responseSchema
thinkingConfig thinkingLevel thinkingBudget systemInstruction candidates content finishReason index
usageMetadata promptTokenCount totalTokenCount promptTokensDetails modality tokenCount promptFeedback
blockReason error groundingMetadata groundingChunks groundingSupports groundingChunkIndices segment
logprobsResult chosenCandidates topCandidates token partialArgs jsonPath willContinue stringValue details
    """
names = st.sampled_from(NAMES.split())
values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**20)
    | st.floats(allow_nan=False)
    | st.sampled_from(["user", "model", "STOP", "AUTO", "image/png", "$.a[0]", "", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)
messages = st.dictionaries(names, values, max_size=5).map(lambda value: json.dumps(value).encode())
junk = st.binary(max_size=60) | messages | values.map(lambda value: json.dumps(value).encode())


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """A body whose outer shape is right."""
    parts = st.lists(st.dictionaries(names, values, max_size=3), max_size=3)
    content = st.fixed_dictionaries({"role": st.sampled_from(["user", "model", "function"]), "parts": parts})
    body = draw(st.fixed_dictionaries({"contents": st.lists(content, min_size=1, max_size=3)}))
    return json.dumps({**draw(st.dictionaries(names, values, max_size=2)), **body}).encode()


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame whose outer shape is right."""
    parts = st.lists(st.dictionaries(names, values, max_size=3), max_size=3)
    candidate = {
        "content": st.fixed_dictionaries({"parts": parts}),
        "finishReason": st.sampled_from([None, "STOP", 3, {}]),
    }
    body = draw(
        st.fixed_dictionaries({"candidates": st.lists(st.fixed_dictionaries(candidate), min_size=1, max_size=2)})
    )
    return json.dumps({**draw(st.dictionaries(names, values, max_size=2)), **body}).encode()


@law
@given(junk | contents())
def test_a_request_is_read_or_refused_and_what_is_read_can_be_asked(body: bytes) -> None:
    for read in (gemini.decode_request, gemini.peek):
        try:
            request = read(body, PathSaid("m"))
        except RefusedError:
            continue
        if isinstance(request, Request):
            encoded = gemini.encode_request(request, "m", ABLE)
            json.loads(encoded.body)
            for loss in encoded.losses:
                assert gemini.locate(loss.path, request)
        else:
            gemini.patch(body, request, "other")


@law
@given(junk | frames())
def test_an_answer_is_read_or_malformed_and_what_is_read_can_be_told(body: bytes) -> None:
    gemini.tap_response(body)
    try:
        response = gemini.decode_response(body)
    except (UpstreamMalformedError, ProviderError):
        return
    json.loads(gemini.encode_response(response, Request("m", ())).body)


@framed
@law
@given(bodies=st.lists(junk | frames(), max_size=4), cut=st.integers(1, 99))
def test_a_stream_is_read_or_malformed_or_broken(dialect: ModuleType, bodies: list[bytes], cut: int) -> None:
    if dialect is gemini_array:
        body = b"[" + b",".join(bodies) + b"]"
    else:
        body = b"".join(b"data: " + each + b"\n\n" for each in bodies)
    reader, writer = dialect.StreamReader(), dialect.StreamWriter(Request("m", ()))
    tap = dialect.Tap(gemini.peek(b"{}", PathSaid("m")))
    pieces = [body[start : start + cut] for start in range(0, len(body), cut)]
    assert b"".join(map(tap.feed, pieces)) == body
    tap.result()
    try:
        for piece in pieces:
            for event in reader.feed(piece):
                writer.write(event)
        for event in reader.end():
            writer.write(event)
    except (UpstreamMalformedError, UpstreamBrokeError):
        return


@law
@given(st.integers(100, 599), junk)
def test_an_error_is_always_understood(status: int, body: bytes) -> None:
    failure = gemini.decode_error(status, body)
    assert failure.status == status
    assert json.loads(gemini.encode_error(failure, "r"))["error"]["code"] == status


def test_what_is_nested_too_deep_is_refused_or_malformed() -> None:
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    with pytest.raises(RefusedError):
        gemini.decode_request(deep, PathSaid("m"))
    with pytest.raises(UpstreamMalformedError):
        gemini.decode_response(deep)
    with pytest.raises(UpstreamMalformedError):
        gemini.StreamReader().feed(b"data: " + deep + b"\n\n")
    with pytest.raises(UpstreamMalformedError):
        gemini_array.StreamReader().feed(b"[" + deep + b"]")
