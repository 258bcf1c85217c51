"""The stand-in for Gemini: `generateContent` and its streams, as generativelanguage.googleapis.com speaks them.

Models of the third generation sign their calls and name them by ids; those of the second do neither. Every model
thinks, and shows it when asked to.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.dialects.gemini.official import Proto, camel
from tests.standin import gemini_rules as rules
from tests.standin import reply as say
from tests.standin.reply import RejectedError, Reply, Used, Wanted
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary: a request that was held to its proto file
PATH = re.compile(r"^/v1beta/models/([^/:]+):(\w+)$")
THOUGHT = "Let me think about this."
FINISHES = {"length": "MAX_TOKENS", "content_filter": "SAFETY", "refusal": "PROHIBITED_CONTENT", "pause": "OTHER"}
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
OPAQUE = ("args", "response", "parametersJsonSchema", "responseJsonSchema", "labels")
"""Fields whose values are anybody's JSON."""

OVERLOADED = "The model is overloaded. Please try again later."


class GeminiWire:
    """How the API answers whole, and in streams of server-sent events."""

    name = "gemini"
    stream_type = "text/event-stream"
    base_suffix = ""

    def __init__(self, proto: Proto) -> None:
        self._proto = proto

    def serves(self, path: str) -> bool:
        """Whether `path` is this endpoint."""
        method, query = split(path)[1:]
        return method == "generateContent" or (method == "streamGenerateContent" and "alt=sse" in query)

    def read(self, path: str, raw: bytes) -> Body:
        """The body, with what the path says."""
        model, method, query = split(path)
        if "key=" in query:
            raise RejectedError("Multiple authentication credentials received. Please pass only one.")
        return {**camelled(json.loads(raw)), "model": model, "stream": method == "streamGenerateContent"}

    def unauthorised(self, headers: dict[str, str], key: str) -> str | None:
        """Why the headers are refused, if they are. There is one credential, never two."""
        given = headers.get("x-goog-api-key")
        if "authorization" in headers:
            return "Multiple authentication credentials received. Please pass only one."
        return None if given == key else f"x-goog-api-key is {given!r}"

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when the API would answer 400."""
        asked = {name: value for name, value in body.items() if name not in ("model", "stream")}
        complaint = self._proto.complaint(asked)
        if complaint:
            raise RejectedError(f"Invalid JSON payload received. {complaint}")
        rules.check(asked, body["model"])

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        wanted = _wanted(body)
        said = say.chosen(wanted, script)
        thinking = script.thinking or (THOUGHT if wanted.thinking else "")
        reasoning = say.words(thinking) or say.HIDDEN_REASONING_TOKENS
        used = Used(prompt_tokens(body), output=said.tokens, reasoning=reasoning)
        return said.reply(number, body["model"], used, thinking)

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        parts = [{"text": reply.thinking, "thought": True}] if reply.thinking else []
        if reply.text:
            parts.append({"text": reply.text})
        return say.compact(_answer(reply, parts + _calls(reply), last=True))

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The frames of a stream, each with the number of output tokens in it."""
        for answer, tokens in answers(reply):
            yield b"data: " + say.compact(answer) + b"\r\n\r\n", tokens

    def error(self, status: int, message: str) -> bytes:
        """An error's body."""
        return say.compact(error(status, message))

    def error_headers(self, status: int) -> dict[str, str]:
        """The headers that belong to an error: none."""
        return {}

    def error_frame(self) -> bytes:
        """An error within a stream."""
        return b"data: " + say.compact(error(503, OVERLOADED)) + b"\r\n\r\n"

    def broken_frame(self) -> bytes:
        """A frame whose JSON does not parse."""
        return b'data: {"candidates": [{\r\n\r\n'

    def models(self, names: tuple[str, ...]) -> bytes:
        """The answer to `GET /v1beta/models`."""
        methods = ["generateContent", "countTokens"]
        rows = [{"name": f"models/{name}", "supportedGenerationMethods": methods} for name in names]
        return say.compact({"models": rows})


class GeminiArrayWire(GeminiWire):
    """How the API answers in streams without `alt=sse`: one JSON array, as long as it takes. So are its errors."""

    stream_type = "application/json; charset=UTF-8"

    def serves(self, path: str) -> bool:
        """Whether `path` is this endpoint."""
        method, query = split(path)[1:]
        return method == "streamGenerateContent" and "alt=sse" not in query

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The elements of the array, each with the number of output tokens in it."""
        before = b"["
        for answer, tokens in answers(reply):
            yield before + say.compact(answer), tokens
            before = b"\r\n,\r\n"
        yield b"\r\n]", 0

    def error(self, status: int, message: str) -> bytes:
        """An error's body."""
        return say.compact([error(status, message)])

    def error_frame(self) -> bytes:
        """An error within a stream that has begun."""
        return b",\r\n" + say.compact(error(503, OVERLOADED)) + b"\r\n]"

    def broken_frame(self) -> bytes:
        """An element whose JSON does not parse."""
        return b',\r\n{"candidates": [{]'


def split(path: str) -> tuple[str, str, str]:
    """A path's model, method and query; three times nothing where it is none of a model's."""
    plain, _, query = path.partition("?")
    found = PATH.match(plain)
    return (found[1], found[2], query) if found else ("", "", "")


def camelled(value: Any) -> Any:
    """The same with its fields in camel case: Google's JSON has them in either. What is not Google's stays."""
    if isinstance(value, list):
        return [camelled(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    fields = {camel(name): inner for name, inner in value.items()}
    return {name: _camelled_field(name, inner) for name, inner in fields.items()}


def _camelled_field(name: str, value: Any) -> Any:
    if name in OPAQUE:
        return value
    if name == "properties":
        return {key: camelled(inner) for key, inner in value.items()}
    return camelled(value)


def prompt_tokens(body: Body) -> int:
    """How many prompt tokens a request has."""
    functions = [function for tool in body.get("tools") or () for function in tool.get("functionDeclarations") or ()]
    contents = [*body["contents"], body.get("systemInstruction") or {"parts": []}]
    parts = (part for content in contents for part in content["parts"])
    return say.TOOL_TOKENS * len(functions) + sum(_part_tokens(part) for part in parts)


def _part_tokens(part: Body) -> int:
    if "functionResponse" in part:
        return say.words(_told(part["functionResponse"]["response"]))
    if "inlineData" in part or "fileData" in part:
        return say.IMAGE_TOKENS if _is_image(part) else say.DOCUMENT_TOKENS
    return say.words(part.get("text", ""))


def _is_image(part: Body) -> bool:
    data = part.get("inlineData") or part.get("fileData") or {}
    return str(data.get("mimeType", "")).startswith("image/")


def _told(response: Body) -> str:
    """What a function's response says to the model: `output`, `error`, or all of it."""
    if "error" in response:
        return f"error {response['error']}"
    output = response.get("output", response)
    return output if isinstance(output, str) else json.dumps(output)


def _wanted(body: Body) -> Wanted:
    parts = body["contents"][-1]["parts"]
    config = body.get("generationConfig") or {}
    functions = [function for tool in body.get("tools") or () for function in tool.get("functionDeclarations") or ()]
    tools = tuple(
        (each["name"], each.get("parametersJsonSchema") or _lower(each.get("parameters") or {"type": "object"}))
        for each in functions
    )
    choice = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    mode = choice.get("mode", "AUTO")
    allowed = tuple(choice.get("allowedFunctionNames") or [name for name, _ in tools])
    plain = config.get("responseMimeType", "text/plain") == "text/plain"
    schema = config.get("responseJsonSchema") or _lower(config.get("responseSchema") or {"type": "object"})
    return Wanted(
        text=" ".join(part["text"] for part in parts if "text" in part),
        images=sum(_is_image(part) for part in parts),
        documents=sum(("inlineData" in part or "fileData" in part) and not _is_image(part) for part in parts),
        tool_results=tuple(_told(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part),
        tools=() if mode == "NONE" else tools,
        forced=allowed[:1] if mode == "ANY" else (),
        schema=None if plain else schema,
        stop=tuple(config.get("stopSequences") or ()),
        tokens_max=config.get("maxOutputTokens"),
        thinking=bool((config.get("thinkingConfig") or {}).get("includeThoughts")),
    )


def _lower(schema: Any) -> Any:
    """A schema of Google's subset as JSON Schema."""
    if isinstance(schema, list):
        return [_lower(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: value.lower() if name == "type" else _lower(value) for name, value in schema.items()}


def answers(reply: Reply) -> Iterator[tuple[Body, int]]:
    """The answers of which a stream consists, each with its tokens. A signed model's last text part is empty."""
    for piece in say.pieces(reply.thinking):
        yield _answer(reply, [{"text": piece, "thought": True}]), 1
    for piece in say.pieces(reply.text):
        yield _answer(reply, [{"text": piece}]), 1
    for call in _calls(reply):
        yield _answer(reply, [call]), say.words(json.dumps(call["functionCall"]["args"]))
    signs = rules.is_third(reply.model) and not reply.calls
    yield (
        _answer(reply, [{"text": "", **({"thoughtSignature": rules.signature(reply.number)} if signs else {})}], True),
        0,
    )


def _calls(reply: Reply) -> list[Body]:
    """The calls; a model that signs signs the first."""
    third = rules.is_third(reply.model)
    parts: list[Body] = []
    for index, call in enumerate(reply.calls):
        name = {"id": f"call{reply.number}x{index}"} if third else {}
        signed = {"thoughtSignature": rules.signature(reply.number)} if third and index == 0 else {}
        parts.append({"functionCall": {**name, "name": call.name, "args": call.arguments}, **signed})
    return parts


def _answer(reply: Reply, parts: list[Body], last: bool = False) -> Body:
    candidate: Body = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = FINISHES.get(reply.finish, "STOP")
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(reply.used, last),
        "modelVersion": reply.model,
        "responseId": f"standin{reply.number}",
    }


def _usage(used: Used, last: bool) -> Body:
    prompt = {"promptTokenCount": used.input, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": used.input}]}
    if not last:
        return {**prompt, "totalTokenCount": used.input}
    counts = {"candidatesTokenCount": used.output, "thoughtsTokenCount": used.reasoning}
    return {**prompt, **counts, "totalTokenCount": used.input + used.output + used.reasoning}


def error(status: int, message: str) -> Body:
    """Google's error."""
    return {"error": {"code": status, "message": message, "status": STATUSES.get(status, "UNKNOWN")}}
