"""Filling in the middle. No exchange was recorded: every case here is built, by Mistral's published schema."""

import json
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE
from keywright.core.dialect import Dialect
from keywright.core.errors import RefusedError
from keywright.core.message import Text, Turn
from keywright.core.request import Reasoning, Request, Sampling, Tool
from keywright.dialects import mistral_fim
from tests.conftest import shared_dir
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law

dialect: Dialect = mistral_fim
BODY: dict[str, Any] = {
    "model": "codestral-latest",
    "prompt": "def add(a, b):\n",
    "suffix": "\nprint(add(1, 2))",
    "max_tokens": 64,
    "min_tokens": 1,
    "temperature": 0.2,
    "top_p": 0.9,
    "random_seed": 0,
    "stop": ["\n\n"],
    "stream": True,
    "metadata": {"a": 1},
    "prompt_cache_key": "k",
}


@cache
def published() -> jsonschema.Draft202012Validator:
    text = (shared_dir("specs") / "mistral" / "openapi-public-doc.yaml").read_text()
    components = yaml.load(text, Loader=yaml.CSafeLoader)["components"]
    return jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/FIMCompletionRequest", "components": components}
    )


def test_a_request_survives_the_wire() -> None:
    request = mistral_fim.decode_request(json.dumps(BODY).encode())
    assert request.turns == (Turn("user", (Text(BODY["prompt"]),)),)
    assert request.extras == {"mistral_fim": {"suffix": BODY["suffix"], "min_tokens": 1, "prompt_cache_key": "k"}}
    encoded = mistral_fim.encode_request(request, "codestral-2508", ABLE)
    assert not encoded.losses
    sent = json.loads(encoded.body)
    assert sent == {**BODY, "model": "codestral-2508"}
    assert not list(published().iter_errors(sent))


def test_only_the_model_is_exchanged_where_bytes_pass_through() -> None:
    raw = json.dumps(BODY).encode()
    peeked = mistral_fim.peek(raw)
    assert (peeked.model, peeked.stream, peeked.output_tokens_max) == ("codestral-latest", True, 64)
    assert mistral_fim.patch(raw, peeked, "x") == raw.replace(b'"codestral-latest"', b'"x"')


def test_a_conversation_cannot_be_asked() -> None:
    user = Turn("user", (Text("hi"),))
    request = Request(
        "m",
        (user, Turn("assistant", (Text("ho"),)), user),
        tools=(Tool("f"),),
        reasoning=Reasoning(effort="low"),
        sampling=Sampling(top_k=5, seed=1),
        choices=2,
    )
    losses = mistral_fim.encode_request(request, "m", ABLE).losses
    assert [(loss.path, loss.weight) for loss in losses] == [
        ("turns", "meaning"),
        ("top_k", "knob"),
        ("tools", "meaning"),
        ("reasoning", "knob"),
        ("choices", "meaning"),
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":"m"}', "prompt"),
        (b'{"prompt":"x"}', "model"),
        (b'{"model":"m","prompt":["x"]}', "prompt"),
        (b'{"model":"m","prompt":"x","stop":[1]}', "stop"),
        (b'{"model":"m","prompt":"x","stop":{}}', "stop"),
        (b'{"model":"m","prompt":"\xff"}', None),
    ],
)
def test_what_is_no_request_is_refused_by_name(body: bytes, param: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        mistral_fim.decode_request(body)
    assert caught.value.failure.param == param


def test_a_loss_is_named_as_the_client_wrote_the_field() -> None:
    request = mistral_fim.decode_request(json.dumps(BODY).encode())
    paths = ("turns[0].parts[0]", "output_tokens_max", "seed", "stop")
    assert [mistral_fim.locate(path, request) for path in paths] == ["prompt", "max_tokens", "random_seed", "stop"]


@law
@given(spoilt(BODY) | st.binary(max_size=40))
def test_a_request_is_decoded_or_refused(body: bytes) -> None:
    try:
        request = mistral_fim.decode_request(body)
    except RefusedError:
        return
    json.loads(mistral_fim.encode_request(request, "m", ABLE).body)
