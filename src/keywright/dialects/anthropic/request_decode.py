"""A client's request body to the canonical request.

What is modelled is checked and named when wrong; what is not goes into `extras` untouched, down to unknown kinds of
`thinking`, `tool_choice` and `output_config`.
"""

from typing import Final, get_args

import msgspec

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.core.message import Part, Role, ToolResult, Turn
from keywright.core.request import Effort, Format, JsonSchemaFormat, Reasoning, Request, Sampling, ToolChoice
from keywright.dialects.anthropic.parts import parts_of
from keywright.dialects.anthropic.tools import choice_of, tools_of
from keywright.dialects.anthropic.wire import (
    NAME,
    ShapeError,
    an_object,
    boolean_or_none,
    cache_of,
    extras_of,
    integer_or_none,
    number_or_none,
    rest_of,
    string,
    string_or_none,
)
from keywright.dialects.refusal import refused
from keywright.dialects.seal import unsealed

EFFORTS: Final = frozenset(get_args(Effort)) - {"none", "minimal"}

_DECODER: Final = msgspec.json.Decoder(dict[str, Json])
_KNOWN: Final = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "metadata",
        "stop_sequences",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "service_tier",
        "cache_control",
    }
)
_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}
_TURN: Final = frozenset({"role", "content"})
_THINKING: Final = {
    "enabled": frozenset({"type", "budget_tokens", "display"}),
    "adaptive": frozenset({"type", "display"}),
    "disabled": frozenset({"type"}),
}
_NO_SAMPLING: Final = Sampling()


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` is.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    try:
        node = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused("invalid_json", f"the body is not a JSON object: {error}") from None
    try:
        return _request(node)
    except ShapeError as error:
        raise refused("invalid_request", f"{error.path}: {error.why}", error.path) from None
    except RecursionError:
        raise refused("invalid_request", "messages: blocks are nested too deep", "messages") from None


def _request(node: JsonObject) -> Request:
    output_tokens_max = integer_or_none(node, "max_tokens")
    if output_tokens_max is None or output_tokens_max < 1:
        raise ShapeError("max_tokens", "must be a whole number of 1 or more")
    metadata = node.get("metadata")
    extras = rest_of(node, _KNOWN)
    request = Request(
        model=string(node, "model"),
        turns=_turns(node),
        tools=tools_of(node.get("tools")),
        tool_choice=_tool_choice(node, extras),
        output_tokens_max=output_tokens_max,
        stop=_stop(node.get("stop_sequences")),
        sampling=_sampling(node),
        reasoning=_reasoning(node, extras),
        format=_format(node, extras),
        stream=boolean_or_none(node, "stream") or False,
        user=None if metadata is None else _user(metadata, extras),
        service_tier=string_or_none(node, "service_tier"),
        cache=cache_of(node),
    )
    return msgspec.structs.replace(request, extras={NAME: extras}) if extras else request


def _turns(node: JsonObject) -> tuple[Turn, ...]:
    messages = node.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ShapeError("messages", "must be a list of at least one message")
    turns: list[Turn] = []
    system = node.get("system")
    if system is not None:
        try:
            parts = parts_of(system)
        except ShapeError as error:
            raise ShapeError(error.path.replace("content", "system", 1), error.why) from None
        if parts:
            turns.append(Turn("system", parts))
    for index, message in enumerate(messages):
        try:
            _read_turn(an_object(message), turns)
        except ShapeError as error:
            raise error.within(f"messages[{index}]") from None
    return tuple(turns)


def _read_turn(message: JsonObject, turns: list[Turn]) -> None:
    """Add the turn that `message` is. The tool results in it stand in `tool` turns of their own."""
    role = _ROLES.get(string(message, "role"))
    if role is None:
        raise ShapeError("role", "must be user, assistant or system")
    parts = parts_of(message.get("content"))
    extras = NO_EXTRAS if len(message) == 2 else extras_of(message, _TURN)
    if role == "assistant":
        parts = unsealed(parts)
    if role != "user" or not any(isinstance(part, ToolResult) for part in parts):
        turns.append(Turn(role, parts, extras=extras))
        return
    results: tuple[Part, ...] = tuple(part for part in parts if isinstance(part, ToolResult))
    others = tuple(part for part in parts if not isinstance(part, ToolResult))
    if turns and turns[-1].role == "tool" and not extras:
        results = (*turns.pop().parts, *results)
    turns.append(Turn("tool", results, extras=extras))
    if others:
        turns.append(Turn("user", others))


def _tool_choice(node: JsonObject, extras: JsonObject) -> ToolChoice | None:
    choice = node.get("tool_choice")
    try:
        read = choice_of(choice)
    except ShapeError as error:
        raise error.within("tool_choice") from None
    if read is None and choice is not None:
        extras["tool_choice"] = choice
    return read


def _stop(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ShapeError("stop_sequences", "must be a list of strings")
    stop = tuple(text for text in value if isinstance(text, str))
    if len(stop) != len(value):
        raise ShapeError("stop_sequences", "must be a list of strings")
    return stop


def _sampling(node: JsonObject) -> Sampling:
    temperature = number_or_none(node, "temperature")
    top_p = number_or_none(node, "top_p")
    top_k = integer_or_none(node, "top_k")
    if temperature is None and top_p is None and top_k is None:
        return _NO_SAMPLING
    return Sampling(temperature=temperature, top_p=top_p, top_k=top_k)


def _reasoning(node: JsonObject, extras: JsonObject) -> Reasoning | None:
    thinking = node.get("thinking")
    config = node.get("output_config")
    known_effort = _effort(config.get("effort")) if isinstance(config, dict) else None
    if thinking is None:
        return None if known_effort is None else Reasoning(effort=known_effort)
    try:
        thinking = an_object(thinking)
        kind = string(thinking, "type")
        if kind not in _THINKING or thinking.keys() - _THINKING[kind]:
            extras["thinking"] = thinking
            return None if known_effort is None else Reasoning(effort=known_effort)
        display = string_or_none(thinking, "display")
        budget = integer_or_none(thinking, "budget_tokens")
    except ShapeError as error:
        raise error.within("thinking") from None
    if kind == "enabled" and budget is None:
        raise ShapeError("thinking.budget_tokens", "must be a whole number")
    match kind:
        case "enabled":
            return Reasoning("on", known_effort, budget, display)
        case "adaptive":
            return Reasoning("adaptive", known_effort, None, display)
        case _:
            return Reasoning("off", known_effort)


def _effort(value: Json) -> Effort | None:
    known = isinstance(value, str) and value in EFFORTS
    return value if known else None  # type: ignore[return-value]  # one of the literals, as just checked


def _format(node: JsonObject, extras: JsonObject) -> Format | None:
    """The format of the answer, from `output_config` or the older `output_format`; keeps the rest of the former."""
    config = node.get("output_config")
    rest: JsonObject = {}
    written: Json = None
    if config is not None:
        if not isinstance(config, dict):
            raise ShapeError("output_config", "must be an object")
        written = config.get("format")
        rest = {key: value for key, value in config.items() if key not in ("format", "effort")}
        if config.get("effort") is not None and _effort(config["effort"]) is None:
            rest["effort"] = config["effort"]
    older = node.get("output_format")
    if written is None:
        written, older = older, None
    read = _schema_format(written)
    if read is None and written is not None:
        rest["format"] = written
    if rest:
        extras["output_config"] = rest
    if older is not None:
        extras["output_format"] = older
    return read


def _schema_format(written: Json) -> JsonSchemaFormat | None:
    if isinstance(written, dict) and written.keys() == {"type", "schema"} and written["type"] == "json_schema":
        schema = written["schema"]
        if isinstance(schema, dict):
            return JsonSchemaFormat(schema, strict=True)  # this API always holds to a schema
    return None


def _user(metadata: Json, extras: JsonObject) -> str | None:
    if not isinstance(metadata, dict):
        raise ShapeError("metadata", "must be an object")
    rest = {key: value for key, value in metadata.items() if key != "user_id"}
    if rest:
        extras["metadata"] = rest
    try:
        return string_or_none(metadata, "user_id")
    except ShapeError as error:
        raise error.within("metadata") from None
