"""All recorded exchanges, each with the dialect that its provider speaks, and its bytes."""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from keywright.core.dialect import Dialect, PathSaid
from keywright.core.json import Json
from keywright.dialects import DIALECTS
from tests.conftest import shared_dir

Body = dict[str, Any]  # the JSON boundary: recorded bodies, read with plain json

CHATS: dict[str, str] = {
    "chat.completions": "openai_chat",
    "responses": "openai_responses",
    "completions": "openai_completions",
    "messages": "anthropic",
    "rawPredict": "anthropic_vertex",
    "generateContent": "gemini",
    "streamGenerateContent": "gemini",
    "converse": "bedrock_converse",
    "converse-stream": "bedrock_converse",
    "invoke": "bedrock_invoke",
    "invoke-with-response-stream": "bedrock_invoke",
    "v2.chat": "cohere",
    "api.chat": "ollama_chat",
    "api.generate": "ollama_generate",
}
"""The endpoints at which one chats, and what is spoken there."""

OWN_CHAT: dict[str, str] = {"mistral": "mistral"}
"""Files whose chat completions are a dialect of their own."""

MISFILED: dict[str, str] = {
    "openai_compat-chat.completions-027bd988e7": "the answer of a proxy that echoes the request",
    "gemini-generateContent-0b90eb9baf": "a cached content, recorded under another endpoint",
    "vertex-generateContent-8daf9d8b3d": "predictions of vectors, recorded under another endpoint",
}
"""Exchanges that are not of the endpoint under which they stand."""


@dataclass(frozen=True, eq=False)
class Exchange:
    """One recorded exchange. `chat`: the dialect of the chat that it is; None for any other endpoint."""

    file: str
    item: Body
    chat: str | None

    @property
    def id(self) -> str:
        return str(self.item["id"])

    @property
    def endpoint(self) -> str:
        return str(self.item["endpoint"])

    @property
    def status(self) -> int:
        return int(self.item["status"])

    @property
    def dialect(self) -> Dialect:
        """In which the provider answers: a stream of Gemini's may be an array of JSON."""
        assert self.chat is not None
        array = self.chat == "gemini" and isinstance(self.item.get("response_json"), list)
        return DIALECTS["gemini_array" if array else self.chat]

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream."""
        item = self.item
        return bool(item.get("response_sse_text") or item.get("response_base64")) or isinstance(
            item.get("response_json"), list
        )

    @property
    def model(self) -> str:
        """The name of the model in the path; "" where the body has it."""
        path = self.item["url"].partition("?")[0]
        if "/model/" in path:
            return unquote(path.split("/model/")[1].rsplit("/", 1)[0])
        return str(path.rpartition("/models/")[2].partition(":")[0]) if "/models/" in path else ""

    @property
    def said(self) -> PathSaid:
        """What the request's path said."""
        return PathSaid(self.model, stream="stream" in self.endpoint.lower() or "streamRawPredict" in self.item["url"])

    @property
    def answer(self) -> bytes:
        """The answer's bytes, as far as they were recorded: JSON is recorded as a value."""
        item = self.item
        if item.get("response_base64"):
            return b64decode(item["response_base64"])
        text = item.get("response_sse_text") or item.get("response_text")
        return str(text).encode() if text else packed(item.get("response_json"))

    @property
    def request(self) -> bytes:
        """The request's bytes, in one of the spellings in which a client may have sent them."""
        return packed(self.item["request_json"])


def packed(value: Json) -> bytes:
    """A value as most clients spell it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@cache
def exchanges(file: str) -> tuple[Exchange, ...]:
    """All exchanges of one file."""
    with (shared_dir("traffic") / f"{file}.jsonl").open(encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines]
    return tuple(Exchange(file, item, _chat_of(file, item)) for item in items)


def files() -> tuple[str, ...]:
    """The names of the files."""
    return tuple(sorted(path.stem for path in shared_dir("traffic").glob("*.jsonl")))


def chats(file: str) -> Iterator[Exchange]:
    """The exchanges of one file that chat."""
    return (exchange for exchange in exchanges(file) if exchange.chat is not None)


def _chat_of(file: str, item: Body) -> str | None:
    """The dialect of a chat; vectors may be asked for by InvokeModel, too."""
    if item["id"] in MISFILED or (item["endpoint"] == "invoke" and "embed" in item["url"]):
        return None
    chat = CHATS.get(item["endpoint"])
    return OWN_CHAT.get(file, chat) if item["endpoint"] == "chat.completions" else chat
