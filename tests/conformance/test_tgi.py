"""Text generation by Hugging Face's server: no exchange of it was recorded, so its answers here are built.

They are built after the published descriptions, which they are held to. What was recorded of chat clients is sent as
this wire takes it, or refused by name.
"""

import json
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.fold import fold
from keywright.core.message import Text
from keywright.dialects import anthropic, openai_chat, openai_completions, tgi
from tests.conformance.plain import recorded
from tests.dialects.tgi.official import check_answer, check_frame, check_request

ABLE = Abilities(reasoning="effort")
BUILT: dict[str, Any] = {
    "generated_text": " Paris.",
    "details": {
        "finish_reason": "eos_token",
        "generated_tokens": 3,
        "seed": 42,
        "prefill": [{"id": 1, "text": "The", "logprob": None}, {"id": 2, "text": " capital", "logprob": -3.5}],
        "tokens": [
            {"id": 3, "text": " Paris", "logprob": -0.25, "special": False},
            {"id": 4, "text": ".", "logprob": -0.5, "special": False},
            {"id": 5, "text": "</s>", "logprob": -0.125, "special": True},
        ],
    },
}
BUILT_STREAM: list[dict[str, Any]] = [
    {"index": number, "token": token, "generated_text": None, "details": None}
    for number, token in enumerate(BUILT["details"]["tokens"], 1)
]
BUILT_STREAM[-1] |= {
    "generated_text": " Paris.",
    "details": {"finish_reason": "eos_token", "generated_tokens": 3, "input_length": 2, "seed": 42},
}
SOURCES: list[tuple[str, Dialect, str, str]] = [
    ("openai", openai_chat, "openai", "chat.completions"),
    ("huggingface", openai_chat, "huggingface", "chat.completions"),
    ("anthropic", anthropic, "anthropic", "messages"),
    ("completions", openai_completions, "openai", "completions"),
]
OUTCOMES = {"openai": (189, 155), "huggingface": (9, 8), "anthropic": (123, 206), "completions": (7, 3)}


def test_built_answers_are_what_the_server_describes_and_are_read_so() -> None:
    check_answer(BUILT)
    response = tgi.decode_response(json.dumps(BUILT).encode())
    assert response.choices[0].parts == (Text(" Paris."),)
    assert response.usage is not None
    assert (response.usage.input_total, response.usage.output_total) == (2, 3)
    for frame in BUILT_STREAM:
        check_frame(frame)
    stream = b"".join(f"data:{json.dumps(frame)}\n\n".encode() for frame in BUILT_STREAM)
    reader = tgi.StreamReader()
    read = fold([*reader.feed(stream), *reader.end()])
    assert (read.choices[0].parts, read.usage) == (response.choices[0].parts, response.usage)
    assert read.choices[0].finish == response.choices[0].finish


@pytest.mark.parametrize(("name", "dialect", "file", "endpoint"), SOURCES, ids=[source[0] for source in SOURCES])
def test_recorded_requests_are_sent_as_the_server_takes_them_or_refused_by_name(
    name: str, dialect: Dialect, file: str, endpoint: str
) -> None:
    carried = refused = 0
    for item in recorded(file, endpoint):
        body = item.get("request_json") or {}
        if not body.get("messages") and not body.get("prompt"):
            continue
        request = dialect.decode_request(json.dumps(body).encode())
        encoded = tgi.encode_request(request, "m", ABLE)
        check_request(json.loads(encoded.body))
        meant = [loss for loss in encoded.losses if loss.weight == "meaning"]
        assert all(dialect.locate(loss.path, request) and loss.why for loss in meant)
        refused += bool(meant)
        carried += not meant
    assert (carried, refused) == OUTCOMES[name]
