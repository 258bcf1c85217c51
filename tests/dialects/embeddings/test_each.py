"""What one wire of embeddings has and the others have not."""

import json
from typing import Any

import pytest

from keywright.core.ability import ABLE, Abilities
from keywright.core.dialect import PathSaid
from keywright.core.embedding import EmbedInput, EmbedRequest, EmbedResponse, Tokens, Vector
from keywright.core.errors import ProviderError, RefusedError, UpstreamMalformedError
from keywright.core.message import FileSource, Image, Text, UrlSource
from keywright.core.usage import Usage
from keywright.dialects import WIRES
from keywright.dialects.embeddings import cohere, feature_extraction, mistral, ollama, openai

MISTRAL = Abilities(dimensions_field="output_dimension")
PLAIN = EmbedRequest("m", (EmbedInput((Text("hi"),)),))


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", **fields}).encode()


def sent(encoded: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encoded)
    return found


def test_openais_input_is_a_text_texts_tokens_or_lists_of_tokens() -> None:
    def inputs(value: Any) -> list[Any]:
        return [item.parts[0] for item in openai.decode_request(body(input=value)).inputs]

    assert inputs("a") == [Text("a")]
    assert inputs(["a", "b"]) == [Text("a"), Text("b")]
    assert inputs([1, 2]) == [Tokens((1, 2))]
    assert inputs([[1], [2, 3]]) == [Tokens((1,)), Tokens((2, 3))]
    wrongs: list[Any] = [None, 3, [], [{}], [[]], [["a"]], ["a", 1]]
    for wrong in wrongs:
        with pytest.raises(RefusedError):
            inputs(wrong)


def test_mistrals_answers_have_an_id_whoever_gave_them() -> None:
    answer = EmbedResponse("m", (Vector({"float": [1.0]}),))
    assert sent(mistral.encode_response(answer, PLAIN).body)["id"] == mistral.NAMELESS
    assert "id" not in sent(openai.encode_response(answer, PLAIN).body)
    named = mistral.decode_response(mistral.encode_response(EmbedResponse("m", answer.vectors, id="a"), PLAIN).body)
    assert named.id == "a"


def test_openai_is_asked_for_base64_when_that_is_all_that_is_wanted() -> None:
    request = openai.decode_request(body(input="a", encoding_format="base64"))
    assert request.types == ("base64",)
    assert sent(openai.encode_request(request, "m", ABLE).body)["encoding_format"] == "base64"
    both = EmbedRequest("m", PLAIN.inputs, types=("float", "base64"))
    assert "encoding_format" not in sent(openai.encode_request(both, "m", ABLE).body)


def test_a_vendors_own_spelling_goes_back_as_it_came_and_is_understood_elsewhere() -> None:
    fields = {"output_dimension": 9, "output_dtype": "int8", "input_type": "passage", "truncate": "END", "x": 1}
    request = openai.decode_request(body(input=["a"], **fields))
    assert (request.dimensions, request.types, request.purpose, request.truncate) == (9, ("int8",), "document", "end")
    encoded = openai.encode_request(request, "m", ABLE)
    assert (sent(encoded.body), encoded.losses) == ({"model": "m", "input": ["a"], **fields}, ())
    elsewhere = cohere.encode_request(request, "m", ABLE)
    assert sent(elsewhere.body) == {
        "model": "m",
        "texts": ["a"],
        "input_type": "search_document",
        "embedding_types": ["int8"],
        "output_dimension": 9,
        "truncate": "END",
    }
    assert [loss.path for loss in elsewhere.losses] == ["x"]
    assert [openai.locate(path, request) for path in ("dimensions", "types", "purpose", "inputs[1].parts[0]", "x")] == [
        "output_dimension", "output_dtype", "input_type", "input[1]", "x",
    ]  # fmt: skip
    assert openai.locate("types", PLAIN) == "encoding_format"


def test_a_word_for_a_writing_that_only_one_vendor_knows_goes_back_to_it() -> None:
    request = openai.decode_request(body(input=["a"], encoding_format="base64_int8"))
    assert sent(openai.encode_request(request, "m", ABLE).body)["encoding_format"] == "base64_int8"


def test_mistral_has_its_own_fields_and_wants_no_others() -> None:
    request = EmbedRequest("m", PLAIN.inputs, dimensions=64, types=("int8",), user="u")
    encoded = openai.encode_request(request, "m", MISTRAL)
    assert sent(encoded.body) == {"model": "m", "input": ["hi"], "output_dimension": 64, "output_dtype": "int8"}
    assert [loss.path for loss in encoded.losses] == ["user"]
    answer = openai.decode_response(b'{"data":[{"index":0,"embedding":[1,-2]}]}')
    assert sent(openai.encode_response(answer, request).body)["data"][0]["embedding"] == [1, -2]


def test_too_many_inputs_at_once_are_refused() -> None:
    many = EmbedRequest("m", PLAIN.inputs * 3_000)
    for wire in (openai, cohere):
        assert {loss.path: loss.weight for loss in wire.encode_request(many, "m", ABLE).losses}["inputs"] == "meaning"


def test_vectors_come_in_the_order_of_their_indices() -> None:
    data = [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [0.0]}]
    response = openai.decode_response(json.dumps({"data": data, "usage": {"total_tokens": 4}}).encode())
    assert [vector.written["float"] for vector in response.vectors] == [[0.0], [1.0]]
    assert response.usage == Usage(input=4)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1}, {"prompt_tokens": "3"}, {"prompt_tokens": 1.5}, 3])
def test_usage_without_sense_is_not_told(usage: Any) -> None:
    raw = json.dumps({"data": [], "usage": usage}).encode()
    assert openai.decode_response(raw).usage is None
    assert openai.tap_response(raw).usage is None


def test_an_error_in_place_of_vectors_is_one() -> None:
    with pytest.raises(ProviderError):
        openai.decode_response(b'{"error":{"message":"no","code":429}}')
    for raw in (b"{}", b'{"data":3}', b'{"data":[3]}', b'{"data":[{}]}'):
        with pytest.raises(UpstreamMalformedError):
            openai.decode_response(raw)


def test_cohere_is_told_that_vectors_are_of_documents_when_nobody_knows() -> None:
    encoded = cohere.encode_request(PLAIN, "m", ABLE)
    assert sent(encoded.body)["input_type"] == "search_document"
    assert [(loss.path, loss.weight) for loss in encoded.losses] == [("purpose", "knob")]
    assert not cohere.encode_request(EmbedRequest("m", PLAIN.inputs, purpose="query"), "m", ABLE).losses


def test_coheres_three_kinds_of_inputs_come_and_go() -> None:
    picture = "data:image/png;base64,AA=="
    mixed = [{"content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": picture}}]}]
    for fields in (
        {"texts": ["a", "b"], "input_type": "search_query"},
        {"images": [picture], "input_type": "image"},
        {"inputs": mixed, "input_type": "clustering", "priority": 3},
        {"texts": ["a"], "input_type": "something_new"},
    ):
        request = cohere.decode_request(body(embedding_types=["float", "ubinary"], truncate="NONE", **fields))
        encoded = cohere.encode_request(request, "m", ABLE)
        assert sent(encoded.body) == {
            "model": "m", "embedding_types": ["float", "ubinary"], "truncate": "NONE", **fields,
        }  # fmt: skip
        assert not encoded.losses


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "texts"),
        ({"texts": [3]}, "texts"),
        ({"texts": ["a"], "embedding_types": ["int4"]}, "embedding_types"),
        ({"texts": ["a"], "truncate": "MIDDLE"}, "truncate"),
        ({"inputs": [{"content": [{"type": "thinking", "thinking": "x"}]}]}, "inputs[0].content"),
        ({"texts": ["a"], "output_dimension": 0}, "output_dimension"),
    ],
)
def test_a_wrong_field_of_coheres_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedError) as caught:
        cohere.decode_request(body(**fields))
    assert caught.value.failure.param == param


def test_cohere_gives_each_writing_that_was_asked_for() -> None:
    vectors = (Vector({"float": [0.5], "int8": [3]}), Vector({"float": [0.25], "int8": [4]}))
    request = EmbedRequest("m", PLAIN.inputs * 2, types=("float", "int8", "uint8", "base64"))
    response = EmbedResponse("", vectors, "i", Usage(input=4, image_input=2))
    encoded = cohere.encode_response(response, request)
    assert not encoded.losses
    assert sent(encoded.body)["embeddings"] == {
        "float": [[0.5], [0.25]],
        "int8": [[3], [4]],
        "uint8": [[131], [132]],
        "base64": ["AAAAPw==", "AACAPg=="],
    }
    again = cohere.decode_response(encoded.body)
    assert (again.usage, [vector.written["int8"] for vector in again.vectors]) == (
        Usage(input=6), [[3], [4]],
    )  # fmt: skip
    assert {
        loss.weight for loss in cohere.encode_response(response, EmbedRequest("m", (), types=("binary",))).losses
    } == {"meaning"}


def test_coheres_older_answers_are_read() -> None:
    older = cohere.decode_response(b'{"id":"i","embeddings":[[0.5],[1]],"meta":{"billed_units":{"input_tokens":2}}}')
    assert ([vector.written["float"] for vector in older.vectors], older.usage) == ([[0.5], [1]], Usage(input=2))
    for raw in (b"{}", b'{"embeddings":3}', b'{"embeddings":{"float":[[0.5]],"int8":[[1],[2],[3]]}}'):
        if b"int8" in raw:
            assert len(cohere.decode_response(raw).vectors) == 3
        else:
            with pytest.raises(UpstreamMalformedError):
                cohere.decode_response(raw)


def test_cohere_is_located_by_the_member_that_held_the_input() -> None:
    picture = Image(UrlSource("u"))
    pictures = EmbedRequest("m", (EmbedInput((picture,)),))
    mixed = EmbedRequest("m", (EmbedInput((picture, Text("a"))),))
    assert cohere.locate("inputs[0].parts[0]", PLAIN) == "texts[0]"
    assert cohere.locate("inputs[0].parts[0]", pictures) == "images[0]"
    assert cohere.locate("inputs[0].parts[1]", mixed) == "inputs[0].content[1]"
    assert cohere.locate("types", PLAIN) == "embedding_types"
    uploaded = EmbedRequest("m", (EmbedInput((Image(FileSource("f", "x")),)),))
    assert cohere.encode_request(uploaded, "m", ABLE).losses[0].path == "inputs[0].parts[0]"


def test_ollamas_older_request_has_one_prompt_and_one_vector() -> None:
    request = ollama.decode_request(body(prompt="a", options={"num_ctx": 9}, keep_alive="5m"))
    assert (request.single, request.inputs) == (True, (EmbedInput((Text("a"),)),))
    assert sent(ollama.encode_request(request, "m", ABLE).body) == {
        "model": "m", "input": ["a"], "options": {"num_ctx": 9}, "keep_alive": "5m",
    }  # fmt: skip
    response = EmbedResponse("m", (Vector({"float": [0.5]}),), usage=Usage(input=3))
    assert sent(ollama.encode_response(response, request).body) == {"embedding": [0.5]}
    assert ollama.decode_response(b'{"embedding":[0.5]}').vectors == (Vector({"float": [0.5]}),)
    assert ollama.locate("inputs[0].parts[0]", request) == "prompt"
    assert ollama.locate("inputs[1].parts[0]", PLAIN) == "input[1]"
    assert ollama.locate("dimensions", PLAIN) == "dimensions"


@pytest.mark.parametrize(("cut", "said"), [("end", True), ("none", False), ("start", True)])
def test_ollama_cuts_at_the_end_or_not_at_all(cut: Any, said: bool) -> None:
    encoded = ollama.encode_request(EmbedRequest("m", PLAIN.inputs, truncate=cut), "m", ABLE)
    assert sent(encoded.body)["truncate"] is said
    assert [loss.path for loss in encoded.losses] == (["truncate"] if cut == "start" else [])


def test_a_hugging_face_model_stands_in_the_path() -> None:
    request = feature_extraction.decode_request(
        b'{"inputs":"a","normalize":true,"truncate":true,"truncation_direction":"left","prompt_name":"query"}',
        PathSaid("org/model"),
    )
    assert (request.model, request.single, request.truncate, request.normalize) == ("org/model", True, "start", True)
    assert sent(feature_extraction.encode_request(request, "else", ABLE).body) == {
        "inputs": "a", "normalize": True, "truncate": True, "truncation_direction": "left", "prompt_name": "query",
    }  # fmt: skip
    assert feature_extraction.locate("inputs[0].parts[0]", request) == "inputs"
    assert feature_extraction.locate("inputs[1].parts[0]", PLAIN) == "inputs[1]"
    assert feature_extraction.locate("dimensions", PLAIN) == "dimensions"


def test_hugging_faces_answer_is_vectors_and_nothing_else() -> None:
    assert feature_extraction.decode_response(b"[[0.5],[1]]").vectors == (
        Vector({"float": [0.5]}),
        Vector({"float": [1]}),
    )
    assert feature_extraction.decode_response(b"[0.5,1]").vectors == (Vector({"float": [0.5, 1]}),)
    for raw in (b"{}", b"[]", b"[[[0.5]]]", b'["x"]'):
        with pytest.raises(UpstreamMalformedError):
            feature_extraction.decode_response(raw)
    assert feature_extraction.tap_response(b" [[0.5]]").complete
    assert not feature_extraction.tap_response(b"{}").complete


def test_hugging_face_takes_only_texts() -> None:
    for wire in (ollama, feature_extraction):
        wrongs: list[Any] = [None, 3, [], [3]]
        for wrong in wrongs:
            with pytest.raises(RefusedError):
                wire.decode_request(body(input=wrong, inputs=wrong))


@pytest.mark.parametrize("name", ["titan_embeddings", "nova_embeddings", "bedrock_cohere_embeddings", "bedrock_count"])
def test_where_the_path_names_the_model_a_body_cannot_name_another(name: str) -> None:
    body = b'{"model":"forbidden","inputText":"x","texts":["x"],"input_type":"search_query"}'
    assert WIRES[name].peek(body, PathSaid("allowed")).model == "allowed"
