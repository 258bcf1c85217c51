"""What is spoilt: sound requests, answers and streams of every dialect, made by itself and recorded."""

import base64
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from keywright.core.dialect import Dialect
from keywright.core.fold import unfold
from tests.conformance.matrix.features import FEATURES
from tests.conformance.matrix.run import ABLE_TO_ALL
from tests.conftest import SHARED

RECORDED_MAX = 25
"""How many recordings of a wire are taken: more of the same teach nothing."""

RECORDED: dict[str, tuple[str, str]] = {
    "openai_chat": ("openai", "chat.completions"),
    "openai_responses": ("openai", "responses"),
    "openai_completions": ("openai", "completions"),
    "anthropic": ("anthropic", "messages"),
    "anthropic_vertex": ("vertex", "rawPredict"),
    "gemini": ("gemini", "streamGenerateContent"),
    "bedrock_converse": ("bedrock", "converse-stream"),
    "bedrock_invoke": ("bedrock", "invoke-with-response-stream"),
    "mistral": ("mistral", "chat.completions"),
    "cohere": ("cohere", "v2.chat"),
    "ollama_chat": ("ollama", "api.chat"),
    "ollama_generate": ("ollama", "api.generate"),
}


def requests_of(dialect: Dialect) -> list[bytes]:
    """Sound bodies of requests."""
    made = [dialect.encode_request(feature.request, "m", ABLE_TO_ALL).body for feature in FEATURES]
    recorded = [json.dumps(item["request_json"]).encode() for item in recordings(dialect.NAME) if item["request_json"]]
    return list(dict.fromkeys(made + recorded))


def answers_of(dialect: Dialect) -> list[bytes]:
    """Sound bodies of whole answers."""
    answered = (feature for feature in FEATURES if feature.response is not None)
    return [dialect.encode_response(f.response(dialect.NAME), f.request).body for f in answered if f.response]


def streams_of(dialect: Dialect) -> list[bytes]:
    """Sound streams."""
    made = []
    for feature in FEATURES:
        if feature.response is not None:
            writer = dialect.StreamWriter(feature.request)
            made.append(b"".join(writer.write(event) for event in unfold(feature.response(dialect.NAME))))
    return made + list(filter(None, map(stream_of, recordings(dialect.NAME))))


def stream_of(item: dict[str, Any]) -> bytes:
    """The recorded bytes of a stream, b"" where there is none."""
    if item.get("response_base64"):
        return base64.b64decode(item["response_base64"])
    return (item.get("response_sse_text") or "").encode()


@cache
def recordings(name: str) -> tuple[dict[str, Any], ...]:
    """Some recorded exchanges; none where the recordings are absent."""
    file, endpoint = RECORDED.get(name, ("", ""))
    path = SHARED / "traffic" / f"{file}.jsonl"
    if not file or not path.is_file():
        return ()
    return tuple(_taken(path.read_text(encoding="utf-8").splitlines(), endpoint))


def _taken(lines: list[str], endpoint: str) -> Iterator[dict[str, Any]]:
    count = 0
    for line in lines:
        if f'"endpoint": "{endpoint}"' in line or f'"endpoint":"{endpoint}"' in line:
            yield json.loads(line)
            count += 1
            if count == RECORDED_MAX:
                return
