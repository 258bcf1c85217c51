"""The stand-in for Ollama: `/api/chat`, in lines of JSON."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import jsonschema

from tests.dialects.ollama.official import check_request
from tests.standin import reply as say
from tests.standin.chat import CREATED_S
from tests.standin.messages import OLD_VERSION, MessagesWire
from tests.standin.reply import RejectedError, Reply, Used, Wanted
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary: a request that was validated against its schema
MOMENT = "2026-01-01T00:00:00.000000Z"
THINKERS = ("qwen3", "gpt-oss", "deepseek-r1")
THOUGHT = "Let me think about this."
OPTIONS: dict[str, tuple[type, ...]] = {
    "temperature": (int, float),
    "top_p": (int, float),
    "min_p": (int, float),
    "top_k": (int,),
    "num_predict": (int,),
    "num_ctx": (int,),
    "seed": (int,),
    "stop": (list,),
    "repeat_penalty": (int, float),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
}
ROLES = ("system", "user", "assistant", "tool")


class OllamaWire:
    """How Ollama reads and answers."""

    name = "ollama"
    path = "/api/chat"
    stream_type = "application/x-ndjson"
    base_suffix = ""

    def serves(self, path: str) -> bool:
        """Whether `path` is this endpoint."""
        return path == self.path

    def read(self, _: str, raw: bytes) -> Body:
        """The body. A stream is what is wanted unless it says otherwise."""
        body: Body = json.loads(raw)
        return {"stream": True, **body}

    def unauthorised(self, headers: dict[str, str], key: str) -> str | None:
        """Why the headers are refused with 401, if they are."""
        given = headers.get("authorization")
        return None if given == f"Bearer {key}" else f"authorization is {given!r}"

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` for what Ollama refuses, and for what it would silently ignore."""
        try:
            messages = list(map(_documented, body["messages"]))
            check_request("ChatRequest", {**body, "messages": messages})
        except jsonschema.ValidationError as wrong:
            raise RejectedError(f"{wrong.json_path}: {wrong.message}"[:2000]) from wrong
        for name, value in (body.get("options") or {}).items():
            if not isinstance(value, OPTIONS.get(name, ())):
                raise RejectedError(f'option "{name}" must be of another type, or is none')
        if body.get("think") not in (None, False) and not body["model"].startswith(THINKERS):
            raise RejectedError(f'"{body["model"]}" does not support thinking')
        names: set[str] = set()
        for message in body["messages"]:
            _check_message(message, names)
            names |= {call["function"]["name"] for call in message.get("tool_calls") or ()}

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        wanted = _wanted(body)
        said = say.chosen(wanted, script)
        thinking = script.thinking or (THOUGHT if wanted.thinking else "")
        used = Used(prompt_tokens(body), output=said.tokens, reasoning=say.words(thinking))
        return said.reply(number, body["model"], used, thinking)

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        message: Body = {"role": "assistant", "content": reply.text}
        if reply.thinking:
            message["thinking"] = reply.thinking
        if reply.calls:
            message["tool_calls"] = _calls(reply)
        return say.compact({**_top(reply, message), **_ending(reply)})

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The lines of a stream, each with the number of output tokens in it."""

        def line(message: Body, ending: Body) -> bytes:
            said = {"role": "assistant", "content": "", **message}
            return say.compact({**_top(reply, said), **ending}) + b"\n"

        for piece in say.pieces(reply.thinking):
            yield line({"thinking": piece}, {"done": False}), 1
        for piece in say.pieces(reply.text):
            yield line({"content": piece}, {"done": False}), 1
        for call in _calls(reply):
            tokens = say.words(json.dumps(call["function"]["arguments"]))
            yield line({"tool_calls": [call]}, {"done": False}), tokens
        yield line({}, _ending(reply)), 0

    def error(self, status: int, message: str) -> bytes:
        """An error's body."""
        return say.compact({"error": message})

    def error_headers(self, status: int) -> dict[str, str]:
        """The headers that belong to an error: none."""
        return {}

    def error_frame(self) -> bytes:
        """An error within a stream."""
        return say.compact({"error": "an error was encountered while running the model"}) + b"\n"

    def broken_frame(self) -> bytes:
        """A line whose JSON does not parse."""
        return b'{"model": "x", "message": {\n'

    def models(self, names: tuple[str, ...]) -> bytes:
        """The answer to `GET /v1/models`, which is OpenAI's."""
        rows = [{"id": name, "object": "model", "created": CREATED_S, "owned_by": "library"} for name in names]
        return say.compact({"object": "list", "data": rows})


class OllamaMessagesWire(MessagesWire):
    """How Ollama reads and answers as Anthropic does: it asks for no version."""

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when it would answer 400."""
        super().check(body, {"anthropic-version": OLD_VERSION})


def prompt_tokens(body: Body) -> int:
    """How many prompt tokens a request has."""
    words = sum(say.words(message.get("content") or "") for message in body["messages"])
    images = sum(len(message.get("images") or ()) for message in body["messages"])
    return words + images * say.IMAGE_TOKENS + say.TOOL_TOKENS * len(body.get("tools") or ())


def _documented(message: Body) -> Body:
    """A message without what servers take though the document does not say so: a turn that only calls tools may have no
    content, and a result may name its call.
    """
    message = {"content": "", **message} if message.get("tool_calls") else message
    return {name: value for name, value in message.items() if name != "tool_call_id" or message["role"] != "tool"}


def _check_message(message: Body, names: set[str]) -> None:
    if message["role"] not in ROLES:
        raise RejectedError(f"role {message['role']!r}")
    for image in message.get("images") or ():
        base64.b64decode(image, validate=True)
    if message["role"] == "tool" and message.get("tool_name") not in names:
        raise RejectedError(f"tool_name {message.get('tool_name')!r} is none of the calls' {sorted(names)}")
    if message.get("tool_calls") and message["role"] != "assistant":
        raise RejectedError("only the assistant calls tools")


def _wanted(body: Body) -> Wanted:
    made = [index for index, message in enumerate(body["messages"]) if message["role"] == "assistant"]
    last = body["messages"][made[-1] + 1 if made else 0 :]
    spoken = [message for message in last if message["role"] == "user"]
    options = body.get("options") or {}
    functions = [tool["function"] for tool in body.get("tools") or ()]
    form = body.get("format")
    return Wanted(
        text=" ".join(message.get("content") or "" for message in spoken),
        images=sum(len(message.get("images") or ()) for message in spoken),
        tool_results=tuple(message["content"] for message in last if message["role"] == "tool"),
        tools=tuple((function["name"], function["parameters"]) for function in functions),
        schema={"type": "object"} if form == "json" else form or None,
        stop=tuple(options.get("stop") or ()),
        tokens_max=options.get("num_predict"),
        thinking=bool(body.get("think")),
    )


def _calls(reply: Reply) -> list[Body]:
    return [
        {
            "id": f"call_{reply.number}x{index}",
            "function": {"index": index, "name": call.name, "arguments": call.arguments},
        }
        for index, call in enumerate(reply.calls)
    ]


def _top(reply: Reply, message: Body) -> Body:
    return {"model": reply.model, "created_at": MOMENT, "message": message}


def _ending(reply: Reply) -> Body:
    counts = {"prompt_eval_count": reply.used.input, "eval_count": reply.used.output + reply.used.reasoning}
    times = {"total_duration": 3, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 1}
    return {"done": True, "done_reason": "length" if reply.finish == "length" else "stop", **times, **counts}
