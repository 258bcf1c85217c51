"""Errors: their kind is told by words or by the status, and no key is repeated."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.failure import Failure
from keywright.dialects import ollama_chat, ollama_generate
from tests.laws.strategies import law


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (404, "model 'x' not found, try pulling it first", "not_found"),
        (500, "model 'x' not found, try pulling it first", "not_found"),
        (400, "registry.ollama.ai/library/x does not support tools", "invalid_request"),
        (400, "invalid JSON schema in format", "invalid_request"),
        (400, "the input length exceeds the context length", "context_too_long"),
        (500, "prompt too long; exceeded max context length by 4 tokens", "context_too_long"),
        (503, "server busy, please try again.  maximum pending requests exceeded", "overloaded"),
        (401, "unauthorized: key sk-abc", "authentication"), (403, "this model requires a subscription", "permission"),
        (429, "you've reached your hourly usage limit, please upgrade to continue", "quota"),
        (429, "slow down", "rate_limited"), (402, "pay", "payment"), (408, "late", "timeout"),
        (413, "big", "too_large"), (504, "late", "timeout"),
        (500, "llama runner process has terminated", "server"), (502, "x", "server"),
        (418, "x", "invalid_request"),
    ],
)  # fmt: skip
def test_an_error_is_understood(status: int, words: str, kind: str) -> None:
    failure = ollama_chat.decode_error(status, json.dumps({"error": words}).encode())
    assert (failure.kind, failure.status) == (kind, status)
    assert failure.message == ("the provider refused the gateway's credential" if kind == "authentication" else words)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"m","code":1}}', "m"), (b'{"error":{"code":1}}', '{"code":1}'),
        (b"<html>", "the provider gave no reason"),
        (b"", "the provider gave no reason"), (b'"words"', "words"), (b'{"StatusCode":502,"error":"bad"}', "bad"),
        (b"[" * 2000, "the provider gave no reason"), (b"\xff", "the provider gave no reason"),
    ],
)  # fmt: skip
def test_a_body_in_another_form_still_gives_a_failure(body: bytes, message: str) -> None:
    assert ollama_generate.decode_error(500, body).message == message


@law
@given(st.integers(400, 599), st.binary(max_size=40))
def test_no_body_raises(status: int, body: bytes) -> None:
    assert ollama_chat.decode_error(status, body).status == status


def test_a_client_is_told_in_ollamas_form() -> None:
    failure = Failure("quota", 402, "budget_exceeded", "no money left")
    assert json.loads(ollama_chat.encode_error(failure, "req")) == {"error": "no money left", "code": "budget_exceeded"}
