"""Vectors on Gemini's three wires: several, one alone, and Vertex AI's predictions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE, Abilities
from keywright.core.dialect import PathSaid, Wire
from keywright.core.embedding import EmbedInput, EmbedRequest, EmbedResponse, Tokens, Vector
from keywright.core.errors import KeywrightError, RefusedError, UpstreamMalformedError
from keywright.core.json import JsonObject
from keywright.core.message import Base64Source, Image, Text
from keywright.core.usage import Usage
from keywright.dialects.embeddings import gemini, gemini_single, vertex
from tests.laws.strategies import law, names, words

Embeddings = Wire[EmbedRequest, EmbedResponse]
WIRES: dict[str, Embeddings] = {"gemini": gemini, "gemini_single": gemini_single, "vertex": vertex}
SAID = PathSaid("m")

every = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES.keys())

vectors = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=3).map(lambda numbers: Vector({"float": numbers}))


@st.composite
def requests(draw: st.DrawFn, *, single: bool) -> EmbedRequest:
    texts = draw(st.lists(words, min_size=1, max_size=1 if single else 3))
    return EmbedRequest(
        model="m",
        inputs=tuple(EmbedInput((Text(text),)) for text in texts),
        single=single,
        purpose=draw(st.none() | st.sampled_from(["query", "document", "similarity", "classification", "clustering"])),
        title=draw(st.none() | names),
        dimensions=draw(st.none() | st.integers(1, 3072)),
    )


@law
@given(st.data())
def test_a_request_comes_back_whole(data: st.DataObject) -> None:
    for wire in WIRES.values():
        request = data.draw(requests(single=wire is gemini_single))
        encoded = wire.encode_request(request, "m", ABLE)
        assert not encoded.losses
        heard = wire.decode_request(encoded.body, SAID)
        assert heard == request


@law
@given(st.lists(vectors, min_size=1, max_size=3), st.none() | st.integers(0, 99))
def test_an_answer_comes_back_whole(written: list[Vector], tokens: int | None) -> None:
    asked = EmbedRequest("m", (EmbedInput((Text("hi"),)),))
    for wire in WIRES.values():
        count = written[:1] if wire is gemini_single else written
        response = EmbedResponse("", tuple(count), usage=None if tokens is None else Usage(input=tokens))
        encoded = wire.encode_response(response, asked)
        assert not encoded.losses
        heard = wire.decode_response(encoded.body)
        assert (heard.vectors, heard.usage) == (response.vectors, response.usage)
        assert wire.tap_response(encoded.body).usage == response.usage


@every
@law
@given(
    junk=st.binary(max_size=40)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["requests", "content", "parts", "text", "instances", "embedding", "predictions", "values"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_junk_is_refused_in_the_wires_own_way(wire: Embeddings, junk: bytes) -> None:
    for read in (lambda: wire.decode_request(junk, SAID), lambda: wire.decode_response(junk)):
        try:
            read()
        except (RefusedError, UpstreamMalformedError):
            pass
        except KeywrightError as error:
            raise AssertionError from error
    wire.tap_response(junk)
    assert wire.decode_error(500, junk).status == 500
    try:
        peeked = wire.peek(junk, SAID)
    except RefusedError:
        return
    wire.patch(junk, peeked, "other")


def asked(wire: Embeddings, body: JsonObject) -> EmbedRequest:
    return wire.decode_request(json.dumps(body).encode(), SAID)


def test_each_request_of_a_batch_names_the_model_that_the_provider_knows() -> None:
    request = EmbedRequest("alias", (EmbedInput((Text("a"),)), EmbedInput((Text("b"),))))
    body = json.loads(gemini.encode_request(request, "gemini-embedding-001", ABLE).body)
    assert body == {
        "requests": [
            {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}},
            {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "b"}]}},
        ]
    }


def test_titles_may_differ_within_a_batch_and_come_back_each_to_its_own() -> None:
    body: JsonObject = {
        "requests": [
            {"model": "models/m", "content": {"parts": [{"text": "a"}]}, "title": "A"},
            {"model": "models/m", "content": {"parts": [{"text": "b"}]}, "title": "B"},
        ]
    }
    assert json.loads(gemini.encode_request(asked(gemini, body), "m", ABLE).body) == body


def test_a_batch_whose_requests_want_different_vectors_is_refused() -> None:
    content: JsonObject = {"parts": [{"text": "a"}]}
    body: JsonObject = {"requests": [{"content": content}, {"content": content, "taskType": "CLUSTERING"}]}
    with pytest.raises(RefusedError) as refused:
        asked(gemini, body)
    assert refused.value.failure.param == "requests[1]"


@every
def test_a_task_that_only_this_api_knows_is_kept_beside_the_nearest_purpose(wire: Embeddings) -> None:
    item: JsonObject = {"content": {"parts": [{"text": "a"}]}, "taskType": "CODE_RETRIEVAL_QUERY"}
    bodies: dict[str, JsonObject] = {
        "gemini_embeddings": {"requests": [{"model": "models/m", **item}]},
        "gemini_embedding": item,
        "vertex_embeddings": {"instances": [{"content": "a", "task_type": "CODE_RETRIEVAL_QUERY"}]},
    }
    request = asked(wire, bodies[wire.NAME])
    assert request.purpose == "query"
    assert json.loads(wire.encode_request(request, "m", ABLE).body) == bodies[wire.NAME]


def test_names_may_be_spelled_as_in_the_proto_file_and_tasks_by_number() -> None:
    body: JsonObject = {"content": {"parts": {"text": "a"}}, "task_type": 2, "output_dimensionality": 64.0}
    request = asked(gemini_single, body)
    assert (request.purpose, request.dimensions) == ("document", 64)


def test_an_image_is_embedded_where_the_model_sees() -> None:
    request = EmbedRequest("m", (EmbedInput((Image(Base64Source("image/png", "AAAA")),)),))
    body = json.loads(gemini_single.encode_request(request, "m", ABLE).body)
    assert body["content"]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
    (loss,) = gemini_single.encode_request(request, "m", Abilities(images=False)).losses
    assert (loss.path, loss.weight) == ("inputs[0].parts[0]", "meaning")
    (loss,) = vertex.encode_request(request, "m", ABLE).losses
    assert (loss.path, loss.weight) == ("inputs[0].parts[0]", "meaning")


@every
def test_tokens_of_another_model_mean_nothing(wire: Embeddings) -> None:
    request = EmbedRequest("m", (EmbedInput((Tokens((1, 2)),)),))
    (loss,) = wire.encode_request(request, "m", ABLE).losses
    assert (loss.path, loss.weight) == ("inputs[0].parts[0]", "meaning")


@every
def test_integers_cannot_be_had(wire: Embeddings) -> None:
    request = EmbedRequest("m", (EmbedInput((Text("a"),)),), types=("int8",))
    (loss,) = wire.encode_request(request, "m", ABLE).losses
    assert (loss.path, loss.weight) == ("types", "meaning")


def test_one_content_is_all_that_can_be_asked_alone() -> None:
    request = EmbedRequest("m", (EmbedInput((Text("a"),)), EmbedInput((Text("b"),))))
    (loss,) = gemini_single.encode_request(request, "m", ABLE).losses
    assert (loss.path, loss.weight) == ("inputs", "meaning")


def test_vertex_is_told_whether_to_cut() -> None:
    inputs = (EmbedInput((Text("a"),)),)
    for truncate, cut in (("end", True), ("none", False)):
        request = EmbedRequest("m", inputs, truncate=truncate)  # type: ignore[arg-type]  # the words of the type
        encoded = vertex.encode_request(request, "m", ABLE)
        assert json.loads(encoded.body)["parameters"] == {"autoTruncate": cut}
        assert asked(vertex, json.loads(encoded.body)).truncate == truncate
    assert vertex.encode_request(EmbedRequest("m", inputs, truncate="start"), "m", ABLE).losses[0].path == "truncate"


def test_vertex_counts_tokens_beside_each_vector() -> None:
    body = (
        b'{"predictions":[{"embeddings":{"values":[1.0],"statistics":{"token_count":3}}},'
        b'{"embeddings":{"values":[2.0],"statistics":{"token_count":4.0,"truncated":false}}}]}'
    )
    assert vertex.decode_response(body).usage == vertex.tap_response(body).usage == Usage(input=7)


def test_a_patch_exchanges_the_name_in_every_request_and_no_other_byte() -> None:
    body = (
        b'{ "requests": [ {"model":"models/alias", "content":{"parts":[{"text":"models/alias"}]}},\n {"content":{}} ] }'
    )
    peeked = gemini.peek(body, PathSaid("alias"))
    assert (peeked.model, peeked.output_tokens_max) == ("alias", 0)
    assert gemini.patch(body, peeked, "real") == body.replace(b'"model":"models/alias"', b'"model":"models/real"')


def test_a_patch_exchanges_the_name_where_one_alone_repeats_it() -> None:
    body = b'{"model": "models/alias","content":{"parts":[{"text":"a"}]}}'
    assert gemini_single.patch(body, gemini_single.peek(body, PathSaid("alias")), "real") == body.replace(
        b"models/alias", b"models/real"
    )
    plain = b'{"content":{"parts":[{"text":"a"}]}}'
    assert gemini_single.patch(plain, gemini_single.peek(plain, SAID), "real") == plain


@pytest.mark.parametrize(
    ("wire", "path", "said"),
    [
        (gemini, "inputs[1].parts[0]", "requests[1].content.parts[0]"),
        (gemini, "inputs[1]", "requests[1].content"),
        (gemini, "dimensions", "requests[0].outputDimensionality"),
        (gemini, "types", "types"),
        (gemini_single, "inputs[0].parts[0]", "content.parts[0]"),
        (gemini_single, "purpose", "taskType"),
        (gemini_single, "title", "title"),
        (vertex, "inputs[2].parts[0]", "instances[2]"),
        (vertex, "purpose", "instances[0].task_type"),
    ],
)
def test_a_loss_is_named_as_the_client_wrote_the_field(wire: Embeddings, path: str, said: str) -> None:
    assert wire.locate(path, EmbedRequest("m", ())) == said
