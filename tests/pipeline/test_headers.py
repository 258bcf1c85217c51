"""What stands in headers and not in bodies: betas of a client, tokens and the type of an error of a provider."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from keywright.core.json import JsonObject
from tests.gateway import MESSAGES, Gateway, Start, message_body
from tests.standin.wire import Link, Request, Server

CLAUDE = "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0"
LLAMA = "meta.llama3-8b-instruct-v1:0"
TOKENS = {"x-amzn-bedrock-input-token-count": "11", "x-amzn-bedrock-output-token-count": "7"}
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}


class Bedrock:
    """A server that answers every call alike, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answer: tuple[int, dict[str, Any], dict[str, str]] = (200, ANSWER, {})
        self.server = Server(self._serve)

    async def _serve(self, request: Request, link: Link) -> None:
        self.asked.append(request)
        status, body, headers = self.answer
        await link.whole(status, json.dumps(body).encode(), headers)


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    made = Bedrock()
    made.server.start()
    yield made
    made.server.close()


@pytest.fixture
def gateway(start: Start, bedrock: Bedrock) -> Gateway:
    return start(
        f'[providers.bedrock]\napi_key = "env:STANDIN_OPENAI"\nbase_url = "http://127.0.0.1:{bedrock.server.port}"\n'
        'models = ["*"]\n'
    )


def test_a_clients_betas_go_into_the_body_where_the_provider_has_them_there(gateway: Gateway, bedrock: Bedrock) -> None:
    answer = gateway.post(MESSAGES, message_body(CLAUDE), anthropic_beta="context-1m-2025-08-07, tool-x")
    assert answer.status == 200
    assert answer.json["content"] == [{"type": "text", "text": "hi"}]
    asked = json.loads(bedrock.asked[-1].body)
    assert asked["anthropic_beta"] == ["context-1m-2025-08-07", "tool-x"]
    assert asked["anthropic_version"] == "bedrock-2023-05-31"
    assert "model" not in asked
    assert bedrock.asked[-1].path == "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke"


def test_tokens_that_only_headers_tell_are_the_calls_usage(gateway: Gateway, bedrock: Bedrock) -> None:
    bedrock.answer = (200, {"outputs": [{"text": "hi", "stop_reason": "stop"}]}, TOKENS)
    answer = gateway.post("/model/bedrock%2Fmistral.mistral-7b-instruct-v0:2/invoke", {"prompt": "x", "max_tokens": 9})
    assert answer.status == 200
    entry = gateway.entry(answer.request_id)
    assert (entry.usage.input, entry.usage.output, entry.usage_source) == (11, 7, "provider")


def test_the_type_of_an_error_that_stands_in_a_header_is_heard(gateway: Gateway, bedrock: Bedrock) -> None:
    bedrock.answer = (
        429,
        {"message": "slow down"},
        {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com"},
    )
    answer = gateway.post(MESSAGES, message_body(CLAUDE))
    assert answer.status == 429
    bedrock.answer = (400, {"message": "no"}, {"x-amzn-errortype": "ServiceQuotaExceededException"})
    assert b"credential" in gateway.post(MESSAGES, message_body(CLAUDE)).body


def test_a_body_of_another_shape_than_the_models_is_said_anew(gateway: Gateway, bedrock: Bedrock) -> None:
    body: JsonObject = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
    }
    bedrock.answer = (
        200,
        {"generation": "hi", "prompt_token_count": 2, "generation_token_count": 1, "stop_reason": "stop"},
        {},
    )
    answer = gateway.post(f"/model/bedrock%2F{LLAMA}/invoke", body)
    assert answer.status == 200
    assert answer.json["content"] == [{"type": "text", "text": "hi"}]
    assert set(json.loads(bedrock.asked[-1].body)) == {"prompt", "max_gen_len"}


def test_vectors_and_chats_share_a_path_and_are_told_apart(gateway: Gateway, bedrock: Bedrock) -> None:
    bedrock.answer = (200, {"embedding": [0.5, -1.0], "inputTextTokenCount": 2}, {})
    answer = gateway.post("/model/bedrock%2Famazon.titan-embed-text-v2:0/invoke", {"inputText": "hello"})
    assert answer.json["embedding"] == [0.5, -1.0]
    assert gateway.entry(answer.request_id).endpoint == "embeddings"
    openai = gateway.post(
        "/v1/embeddings",
        {"model": "bedrock/amazon.titan-embed-text-v2:0", "input": "hello", "encoding_format": "base64"},
    )
    assert base64.b64decode(openai.json["data"][0]["embedding"]) == b"\x00\x00\x00\x3f\x00\x00\x80\xbf"
