"""The stand-in for OpenAI's Responses API, without memory: what is not in the request is not known."""

import base64
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.standin import reply as say
from tests.standin.chat import CREATED_S, NO_MAX_TOKENS, ChatWire, check_strict
from tests.standin.official import Official, official
from tests.standin.reply import Chosen, RejectedError, Reply, Used, Wanted
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary: a request that was validated against its schema
Event = Callable[..., bytes]
REASONS = NO_MAX_TOKENS
"""The models that reason are those that refuse `max_tokens` in chats."""

TOKENS_MIN = 16
THOUGHT = "Let me think about this."
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
CALL_ID_CHARS_MAX = 64
PREFIXES = {"message": "msg", "function_call": "fc", "reasoning": "rs"}
SEALED = "reasoning.encrypted_content"


class ResponsesWire(ChatWire):
    """How api.openai.com reads and answers `/v1/responses`. Errors, keys and models are those of chats."""

    path = "/v1/responses"

    def __init__(self, specs: Path) -> None:
        file = specs / "openai" / "sdk-types.schema.json"
        self._official: Official = official(
            file, "ResponseCreateParams", "ResponseCreateParamsNonStreaming", "ResponseCreateParamsStreaming"
        )

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when api.openai.com would answer 400."""
        complaint = self._official.complaint({**body, "input": _named(body.get("input"))})
        if complaint:
            raise RejectedError(complaint)
        if body.get("previous_response_id") or body.get("conversation"):
            raise RejectedError("Previous response not found.")
        if body.get("max_output_tokens") is not None and body["max_output_tokens"] < TOKENS_MIN:
            raise RejectedError(f"Invalid 'max_output_tokens': integer below minimum value, at least {TOKENS_MIN}.")
        if body.get("stream_options") and not body.get("stream"):
            raise RejectedError("'stream_options' is only allowed when 'stream' is enabled")
        _check_model(body)
        _check_tools(body)
        items = _items(body)
        if not items:
            raise RejectedError("Missing required parameter: 'input'")
        for at, item in enumerate(items):
            _check_item(f"input[{at}]", item, body)
        _check_calls(items)
        _check_reasoning(items)

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        said = say.chosen(_wanted(body), script)
        summary = bool((body.get("reasoning") or {}).get("summary"))
        thinking = script.thinking or (THOUGHT if summary else "")
        hidden = say.HIDDEN_REASONING_TOKENS if REASONS.match(body["model"]) else 0
        used = Used(prompt_tokens(body), output=said.tokens, reasoning=say.words(thinking) or hidden)
        reply = said.reply(number, body["model"], used, thinking)
        reply.told.update(_settings(body), output=_output(reply, SEALED in (body.get("include") or ()), said))
        return reply

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        return say.compact(_ended(reply))

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The frames of a stream, each with the number of output tokens in it."""
        numbers = itertools.count()

        def event(kind: str, **fields: Any) -> bytes:
            return _frame({"type": kind, **fields, "sequence_number": next(numbers)})

        begun = {**_ended(reply), "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
        yield event("response.created", response=begun), 0
        yield event("response.in_progress", response=begun), 0
        for index, item in enumerate(reply.told["output"]):
            started = {**item, "status": "in_progress"} if "status" in item else item
            yield event("response.output_item.added", output_index=index, item={**started, **_emptied(item)}), 0
            yield from _filling(event, index, item)
            yield event("response.output_item.done", output_index=index, item=item), 0
        ended = _ended(reply)
        yield event(f"response.{ended['status']}", response=ended), 0

    def error_frame(self) -> bytes:
        """An error within a stream, as it was recorded: not the flat form of the published types."""
        error = {"type": "server_error", "code": "server_error", "message": "The server had an error", "param": None}
        return _frame({"type": "error", "sequence_number": 99, "error": error})


def prompt_tokens(body: Body) -> int:
    """How many prompt tokens a request has."""
    tokens = say.TOOL_TOKENS * len(body.get("tools") or ()) + say.words(body.get("instructions") or "")
    return tokens + sum(_part_tokens(part) for item in _items(body) for part in _parts(item))


def _part_tokens(part: Body) -> int:
    match part["type"]:
        case "input_image":
            return say.IMAGE_TOKENS
        case "input_file":
            return say.DOCUMENT_TOKENS
        case _:
            return say.words(part.get("text") or part.get("refusal") or "")


def _named(items: Any) -> Any:
    """The items, with an id in each reasoning: the published types want one, though OpenAI takes them without."""
    if not isinstance(items, list):
        return items
    nameless = [isinstance(item, dict) and item.get("type") == "reasoning" for item in items]
    return [{"id": "rs_0", **item} if wants else item for item, wants in zip(items, nameless, strict=True)]


def _items(body: Body) -> list[Body]:
    given = body.get("input") or []
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def _parts(item: Body) -> list[Body]:
    """What a message, or a function's output, holds."""
    content = item.get("content" if "role" in item else "output") or ()
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else list(content)


def _wanted(body: Body) -> Wanted:
    last = _last_turn(_items(body))
    parts = [part for item in last if "role" in item for part in _parts(item)]
    results = [item for item in last if item.get("type") == "function_call_output"]
    tools = tuple((tool["name"], tool["parameters"] or {}) for tool in _functions(body))
    choice = body.get("tool_choice")
    form = (body.get("text") or {}).get("format") or {"type": "text"}
    forced = (tools[0][0],) if choice == "required" else ()
    return Wanted(
        text=" ".join(part["text"] for part in parts if part["type"] == "input_text"),
        images=sum(part["type"] == "input_image" for part in parts),
        documents=sum(part["type"] == "input_file" for part in parts),
        tool_results=tuple(" ".join(part["text"] for part in _parts(item)) for item in results),
        tools=() if choice == "none" else tools,
        forced=(choice["name"],) if isinstance(choice, dict) and "name" in choice else forced,
        parallel=body.get("parallel_tool_calls") is not False,
        schema=form.get("schema") or (None if form["type"] == "text" else {"type": "object"}),
        tokens_max=body.get("max_output_tokens"),
    )


def _functions(body: Body) -> list[Body]:
    return [tool for tool in body.get("tools") or () if tool["type"] == "function"]


def _last_turn(items: list[Body]) -> list[Body]:
    """Everything after the last thing that the model said."""
    made = (item.get("role") == "assistant" or item.get("type") in ("function_call", "reasoning") for item in items)
    at = max((index for index, by_model in enumerate(made) if by_model), default=-1)
    return [item for item in items[at + 1 :] if item.get("role") not in ("system", "developer")]


def _check_model(body: Body) -> None:
    if REASONS.match(body["model"]):
        for name in ("temperature", "top_p"):
            if body.get(name) is not None:
                raise RejectedError(f"Unsupported parameter: '{name}' is not supported with this model.")
        return
    if body.get("reasoning"):
        raise RejectedError("Unsupported parameter: 'reasoning.effort' is not supported with this model.")
    if SEALED in (body.get("include") or ()):
        raise RejectedError("Encrypted content is not supported with this model.")


def _check_tools(body: Body) -> None:
    functions = _functions(body)
    if not all(NAME.match(tool["name"]) for tool in functions):
        raise RejectedError("Invalid 'tools[0].name': string does not match pattern.")
    choice = body.get("tool_choice")
    if choice not in (None, "none", "auto") and not body.get("tools"):
        raise RejectedError(f"Tool choice {choice!r} not found in 'tools' parameter.")
    if isinstance(choice, dict) and choice["type"] == "function" and choice["name"] not in _names(functions):
        raise RejectedError(f"Tool choice {choice!r} not found in 'tools' parameter.")
    form = (body.get("text") or {}).get("format") or {}
    schemas = [tool["parameters"] for tool in functions if tool.get("strict")]
    check_strict(schemas + ([form["schema"]] if form.get("strict") else []))
    if form.get("type") == "json_object" and "json" not in json.dumps(_items(body)).lower():
        raise RejectedError("Response input messages must contain the word 'json' to use 'json_object'.")


def _names(tools: list[Body]) -> list[str]:
    return [tool["name"] for tool in tools]


def _check_item(path: str, item: Body, body: Body) -> None:
    kind = item.get("type", "message")
    prefix = PREFIXES.get(kind, "")
    if item.get("id") and not item["id"].startswith(prefix):
        raise RejectedError(f"Invalid '{path}.id': expected an ID that begins with '{prefix}'.")
    match kind:
        case "message":
            made = item["role"] == "assistant"
            allowed = ("output_text", "refusal") if made else ("input_text", "input_image", "input_file")
            content = item["content"]
            if isinstance(content, list) and any(part["type"] not in allowed for part in content):
                raise RejectedError(f"Invalid value in '{path}.content'. Supported values are: {allowed}.")
        case "function_call":
            if len(item["call_id"]) > CALL_ID_CHARS_MAX:
                raise RejectedError(f"Invalid '{path}.call_id': string too long.")
            json.loads(item["arguments"])
        case "reasoning":
            if not item.get("encrypted_content") and body.get("store") is False:
                raise RejectedError(f"Item '{item.get('id')}' not found: nothing is kept when `store` is false.")
            if item.get("encrypted_content") and not _is_ours(item["encrypted_content"]):
                raise RejectedError("The encrypted content could not be verified.")


def _check_calls(items: list[Body]) -> None:
    """Each call has an output after it, and each output a call before it."""
    waiting: list[str] = []
    for item in items:
        match item.get("type"):
            case "function_call":
                waiting.append(item["call_id"])
            case "function_call_output" if item["call_id"] not in waiting:
                raise RejectedError(f"No tool call found for function call output with call_id {item['call_id']}.")
            case "function_call_output":
                waiting.remove(item["call_id"])
    if waiting:
        raise RejectedError(f"No tool output found for function call {waiting[0]}.")


def _check_reasoning(items: list[Body]) -> None:
    """What was reasoned stands before what was made of it."""
    for item, after in itertools.pairwise([*items, {}]):
        made = after.get("role") == "assistant" or after.get("type") in ("function_call", "reasoning")
        if item.get("type") == "reasoning" and not made:
            raise RejectedError("Item of type 'reasoning' was provided without its required following item.")


def _seal(reply: Reply) -> str:
    return "gAAAAA" + base64.b64encode(f"stand-in:{reply.number}".encode()).decode()


def _is_ours(sealed: str) -> bool:
    return sealed.startswith("gAAAAA") and base64.b64decode(sealed[6:]).startswith(b"stand-in:")


def _output(reply: Reply, sealed: bool, said: Chosen) -> list[Body]:
    items: list[Body] = []
    if reply.thinking or REASONS.match(reply.model):
        summary = [{"type": "summary_text", "text": reply.thinking}] if reply.thinking else []
        seal = {"encrypted_content": _seal(reply)} if sealed else {}
        items.append({"id": f"rs_{reply.number}", "type": "reasoning", "summary": summary, **seal})
    if said.text:
        part: Body = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        if said.finish == "refusal":
            part = {"type": "refusal", "refusal": said.text}
        status = "incomplete" if said.finish == "length" else "completed"
        message = {"type": "message", "status": status, "role": "assistant", "content": [part]}
        items.append({"id": f"msg_{reply.number}", **message})
    for index, call in enumerate(said.calls):
        function = {"call_id": f"call_{reply.number}x{index}", "name": call.name}
        arguments = {"arguments": json.dumps(call.arguments), "status": "completed"}
        items.append({"id": f"fc_{reply.number}x{index}", "type": "function_call", **function, **arguments})
    return items


def _emptied(item: Body) -> Body:
    """What of an item is still empty when it begins."""
    empty: dict[str, Body] = {
        "message": {"content": []},
        "reasoning": {"summary": []},
        "function_call": {"arguments": ""},
    }
    return empty[item["type"]]


def _filling(event: Event, index: int, item: Body) -> Iterator[tuple[bytes, int]]:
    """The events that fill an item."""
    place = {"item_id": item["id"], "output_index": index}
    match item["type"]:
        case "function_call":
            for piece in say.pieces(item["arguments"]):
                yield event("response.function_call_arguments.delta", **place, delta=piece, obfuscation="x"), 1
            done = {"arguments": item["arguments"], "name": item["name"]}
            yield event("response.function_call_arguments.done", **place, **done), 0
        case "reasoning":
            for number, part in enumerate(item["summary"]):
                at = {**place, "summary_index": number}
                kind = "response.reasoning_summary"
                yield event(f"{kind}_part.added", **at, part={**part, "text": ""}), 0
                for piece in say.pieces(part["text"]):
                    yield event(f"{kind}_text.delta", **at, delta=piece, obfuscation="x"), 1
                yield event(f"{kind}_text.done", **at, text=part["text"]), 0
                yield event(f"{kind}_part.done", **at, part=part), 0
        case _:
            (part,) = item["content"]
            at = {**place, "content_index": 0}
            name, field = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
            also: Body = {} if name == "refusal" else {"logprobs": []}
            yield event("response.content_part.added", **at, part={**part, field: ""}), 0
            for piece in say.pieces(part[field]):
                yield event(f"response.{name}.delta", **at, delta=piece, **also), 1
            yield event(f"response.{name}.done", **at, **{field: part[field]}, **also), 0
            yield event("response.content_part.done", **at, part=part), 0


def _settings(body: Body) -> Body:
    """What an answer repeats of its request, as OpenAI fills it in."""
    reasoning = body.get("reasoning") or {}
    form = (body.get("text") or {}).get("format") or {"type": "text"}
    return {
        "background": False,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "store": body.get("store") is not False,
        "temperature": 1.0,
        "text": {"format": form, "verbosity": "medium"},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [{"strict": True, "description": None, **tool} for tool in body.get("tools") or ()],
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
        "metadata": body.get("metadata") or {},
    }


def _ended(reply: Reply) -> Body:
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(reply.finish)
    return {
        "id": f"resp_standin{reply.number}",
        "object": "response",
        "created_at": CREATED_S,
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": reply.model,
        **reply.told,
        "usage": _usage(reply.used),
    }


def _usage(used: Used) -> Body:
    output = used.output + used.reasoning
    return {
        "input_tokens": used.input,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.input + output,
    }


def _frame(value: Body) -> bytes:
    return f"event: {value['type']}\ndata: ".encode() + say.compact(value) + b"\n\n"
