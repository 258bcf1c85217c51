"""Bedrock's count of tokens: in whose words a prompt is asked about, and what is no count."""

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from keywright.core.ability import ABLE, Abilities
from keywright.core.counting import CountRequest, CountResponse
from keywright.core.dialect import PathSaid, Tapped, Wire
from keywright.core.errors import RefusedError, UpstreamMalformedError
from keywright.core.message import Text, Turn
from keywright.core.request import Request, Sampling
from keywright.core.usage import Usage
from keywright.dialects import anthropic
from keywright.dialects.counting import bedrock
from tests.conftest import shared_dir
from tests.standin.botoshape import service_model

SAID = PathSaid("anthropic.claude-x")
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "system": [{"text": "s"}]}


def asked(request: Request, able: Abilities = ABLE) -> tuple[dict[str, Any], list[str]]:
    encoded = bedrock.encode_request(CountRequest(request), SAID.model, able)
    body = json.loads(encoded.body)
    model = service_model(shared_dir("specs") / "bedrock" / "bedrock-runtime.service-2.json")
    assert model.input_complaint("CountTokens", body) is None
    return body["input"], [loss.path for loss in encoded.losses]


def test_the_module_is_a_wire() -> None:
    wire: Wire[CountRequest, CountResponse] = bedrock
    assert wire.NAME == "bedrock_count"


def test_a_prompt_is_asked_about_as_converses_without_what_makes_no_difference() -> None:
    request = Request(
        "m",
        (Turn("user", (Text("hi"),)),),
        output_tokens_max=99,
        sampling=Sampling(temperature=1.7),
        user="u",
        stop=("",),
    )
    assert asked(request) == ({"converse": {"messages": CONVERSE["messages"]}}, [])
    assert bedrock.locate("turns[0].parts[0]", CountRequest(request)) == "input.converse.messages[0].content[0]"


def test_what_claudes_own_words_said_is_asked_about_in_them() -> None:
    body = {
        "model": "m",
        "max_tokens": 2000,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}]},
            {"role": "user", "content": "so?"},
        ],
    }
    given, losses = asked(anthropic.decode_request(json.dumps(body).encode()))
    inner = json.loads(b64decode(given["invokeModel"]["body"]))
    assert inner["messages"] == body["messages"]
    assert inner["anthropic_version"] == "bedrock-2023-05-31"
    assert losses == []


def test_both_forms_of_a_request_are_understood() -> None:
    converse = bedrock.decode_request(json.dumps({"input": {"converse": CONVERSE}}).encode(), SAID).request
    assert [turn.role for turn in converse.turns] == ["system", "user"]
    inner = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "hi"}],
    }
    body = {"input": {"invokeModel": {"body": b64encode(json.dumps(inner).encode()).decode()}}}
    invoked = bedrock.decode_request(json.dumps(body).encode(), SAID)
    assert invoked.request.turns == (Turn("user", (Text("hi"),)),)
    assert "invokeModel" in asked(invoked.request)[0]
    assert bedrock.locate("turns", invoked) == "input.invokeModel.body: messages"


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"{}",
        b'{"input":{}}',
        b'{"input":{"converse":{}}}',
        b'{"input":{"invokeModel":{"body":"?"}}}',
        b'{"input":{"invokeModel":{"body":"e30="}}}',
        b'{"input":{},"input":{}}',
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError):
        bedrock.decode_request(body, SAID)


def test_a_count_is_read_and_told_again() -> None:
    response = bedrock.decode_response(b'{"inputTokens":7,"novelty":1}')
    assert response.input_tokens == 7
    again = bedrock.encode_response(response, CountRequest(Request("m", ())))
    assert json.loads(again.body) == {"inputTokens": 7, "novelty": 1}
    assert bedrock.tap_response(b'{"inputTokens":7}') == Tapped(Usage(), complete=True)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"inputTokens":-1}', b'{"inputTokens":"7"}'])
def test_what_is_no_count_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        bedrock.decode_response(body)
    assert bedrock.tap_response(body) == Tapped()


def test_a_request_passes_as_it_is() -> None:
    body = b'{ "input": {"converse": {}} }'
    peeked = bedrock.peek(body, SAID)
    assert (peeked.model, bedrock.patch(body, peeked, "x")) == (SAID.model, body)
