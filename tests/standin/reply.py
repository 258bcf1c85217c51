"""An answer as data: what a stand-in decided to say, before it is rendered in a provider's format.

The rules by which answers and token counts follow from requests are fixed, so that a test can compute them: a token is
a word (text between white space); an image is 100 tokens, a document 200, an offered tool 10.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from keywright.core.json import Json, JsonObject
from tests.standin.script import PLAIN, Call, Script

IMAGE_TOKENS = 100
DOCUMENT_TOKENS = 200
TOOL_TOKENS = 10
HIDDEN_REASONING_TOKENS = 8
REDACTED = base64.b64encode(b"thoughts that nobody shall read").decode()


class RejectedError(Exception):
    """The request is one that the provider would answer with 400."""


@dataclass(frozen=True)
class Used:
    """Disjoint token counts."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Wanted:
    """What a request asks for, the same for every provider."""

    text: str
    """Text of the last user turn."""
    images: int = 0
    documents: int = 0
    tool_results: tuple[str, ...] = ()
    tools: tuple[tuple[str, JsonObject], ...] = ()
    """Name and parameters' schema of each tool that may be called."""
    forced: tuple[str, ...] = ()
    """Names of tools that must be called."""
    parallel: bool = True
    schema: JsonObject | None = None
    stop: tuple[str, ...] = ()
    tokens_max: int | None = None
    thinking: bool = False


@dataclass(frozen=True)
class Reply:
    """What is said. `finish` is one of stop, length, tools, stop_sequence, refusal, content_filter, pause."""

    number: int
    model: str
    text: str
    thinking: str
    redacted: bool
    calls: tuple[Call, ...]
    finish: str
    stop_sequence: str | None
    used: Used
    told: dict[str, Any] = field(default_factory=dict)
    """What else this provider's answer says; the whole answer where it is no chat."""


@dataclass(frozen=True)
class Chosen:
    """What to say, without who says it and what it costs."""

    text: str
    calls: tuple[Call, ...]
    finish: str
    stop_sequence: str | None

    @property
    def tokens(self) -> int:
        """How many tokens of output it is."""
        return words(self.text) + sum(words(json.dumps(call.arguments)) for call in self.calls)

    def reply(self, number: int, model: str, used: Used, thinking: str = "", redacted: bool = False) -> Reply:
        """The same as this model's answer."""
        return Reply(
            number=number,
            model=model,
            text=self.text,
            thinking=thinking,
            redacted=redacted,
            calls=self.calls,
            finish=self.finish,
            stop_sequence=self.stop_sequence,
            used=used,
        )


def chosen(wanted: Wanted, script: Script) -> Chosen:
    """What the script says, or what follows from the request."""
    calls = script.calls or (() if script != PLAIN and (script.text or script.words) else chosen_calls(wanted))
    text = script.text or " ".join(f"word{index}" for index in range(script.words))
    if not text and not calls:
        text = json.dumps(sample_object(wanted.schema)) if wanted.schema else chosen_text(wanted)
    text, finish, stop = shortened(text, replace(wanted, tokens_max=None) if script.deaf else wanted)
    finish = "tools" if calls else finish
    return Chosen(text, calls, finish if script.finish == "auto" else script.finish, stop)


def compact(value: Any) -> bytes:
    """JSON without white space."""
    return json.dumps(value, separators=(",", ":")).encode()


def words(text: str) -> int:
    """How many tokens `text` is."""
    return len(text.split())


def pieces(text: str) -> list[str]:
    """`text` in pieces of one token each; joined they are `text` again."""
    return re.findall(r"\s*\S+(?:\s+$)?|\s+", text)


def sign(thinking: str) -> str:
    """The signature that belongs to a thinking block."""
    return base64.b64encode(hashlib.sha256(b"stand-in:" + thinking.encode()).digest()).decode()


def chosen_calls(wanted: Wanted) -> tuple[Call, ...]:
    """The calls that follow from a request: forced ones; or, with no result yet, those that the prompt asks for.

    "use the tool" calls the first tool, "use all tools" calls each (only the first when parallel calls are off).
    """
    schemas = dict(wanted.tools)
    names: tuple[str, ...] = wanted.forced
    if not names and schemas and not wanted.tool_results:
        asked = wanted.text.lower()
        if "use all tools" in asked:
            names = tuple(schemas) if wanted.parallel else tuple(schemas)[:1]
        elif "use the tool" in asked:
            names = tuple(schemas)[:1]
    return tuple(Call(name, sample_object(schemas[name])) for name in names)


def chosen_text(wanted: Wanted) -> str:
    """The text that follows from a request without tool calls."""
    if wanted.tool_results:
        return "The tool said: " + " and ".join(wanted.tool_results)
    if wanted.images or wanted.documents:
        return f"I see {wanted.images} image(s) and {wanted.documents} document(s)"
    return f"You said: {wanted.text}"


def shortened(text: str, wanted: Wanted) -> tuple[str, str, str | None]:
    """`text` as stop sequences and the token limit leave it; why it ended; the sequence that ended it."""
    finish, hit = "stop", None
    at = min((text.find(stop) for stop in wanted.stop if stop in text), default=-1)
    if at >= 0:
        hit = next(stop for stop in wanted.stop if text.startswith(stop, at))
        text, finish = text[:at], "stop_sequence"
    if wanted.tokens_max is not None and words(text) > wanted.tokens_max:
        return "".join(pieces(text)[: wanted.tokens_max]), "length", None
    return text, finish, hit


def sample_object(schema: JsonObject) -> JsonObject:
    """The smallest object that `schema` allows."""
    value = sample(schema, schema)
    assert isinstance(value, dict)
    return value


def sample(schema: JsonObject, root: JsonObject) -> Json:
    """The smallest instance of a JSON Schema; `root` is where its references point into."""
    if "$ref" in schema:
        return sample(_resolve(str(schema["$ref"]), root), root)
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        if isinstance(options, list) and isinstance(options[0], dict):
            return sample(options[0], root)
    if "const" in schema:
        return schema["const"]
    allowed = schema.get("enum")
    if isinstance(allowed, list):
        return allowed[0]
    return _sample_of_type(schema, root)


def _sample_of_type(schema: JsonObject, root: JsonObject) -> Json:
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties")
        assert isinstance(properties, dict | None)
        return {name: sample(inner, root) for name, inner in (properties or {}).items() if isinstance(inner, dict)}
    if kind == "array":
        items = schema.get("items")
        return [sample(items, root)] if isinstance(items, dict) else []
    simple: dict[Json, Json] = {"string": "word", "integer": 7, "number": 1.5, "boolean": True, "null": None}
    return simple[kind]


def _resolve(reference: str, root: JsonObject) -> JsonObject:
    found: Json = root
    for step in reference.removeprefix("#/").split("/"):
        assert isinstance(found, dict)
        found = found[step]
    assert isinstance(found, dict)
    return found
