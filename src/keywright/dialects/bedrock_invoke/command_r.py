"""Command R's bodies: Cohere's chat of the first version.

What the user says last is `message`, everything before it `chat_history`; results of tools stand beside the message.
Calls have no ids: they are numbered as they come, and a result names its call by the tool and its arguments. A tool's
parameters are a flat list of names with a type each.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded, PathSaid
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Part, Role, Text, ToolCall, ToolResult, Turn
from keywright.core.request import Request, Sampling
from keywright.dialects.bedrock_converse.wire import strings
from keywright.dialects.bedrock_invoke import command_r_answer, command_r_stream
from keywright.dialects.bedrock_invoke.command_r_tools import tool_nodes, tool_of
from keywright.dialects.bedrock_invoke.tap import EventTap
from keywright.dialects.bedrock_invoke.texts import lost_fields, text_of_part
from keywright.dialects.bedrock_invoke.wire import NAME, Shape, fields_of, own, rendered, sets, shaped
from keywright.dialects.fields import Fields

_ROLES: Final[dict[str, Role]] = {"USER": "user", "CHATBOT": "assistant", "SYSTEM": "system"}
_SPEAKERS: Final = {"user": "USER", "assistant": "CHATBOT", "system": "SYSTEM", "developer": "SYSTEM"}
_NO_FIELD: Final = "Command R's body has no such field"


class _Calls:
    """Numbers the calls of a conversation, and finds those that results name."""

    def __init__(self) -> None:
        self._number = 0
        self._open: list[ToolCall] = []

    def call(self, fields: Fields) -> ToolCall:
        """The next call."""
        arguments = msgspec.json.encode(fields.json("parameters") or {}).decode()
        call = ToolCall(f"call_{self._number}", fields.needed_text("name"), arguments)
        self._number += 1
        self._open.append(call)
        return call

    def answered(self, fields: Fields | None) -> tuple[ToolCall, bool]:
        """The call that a result names, and whether it was made before; else it is made now."""
        named = fields or Fields({"name": ""}, "call")
        arguments = msgspec.json.encode(named.json("parameters") or {}).decode()
        name = named.needed_text("name")
        for index, call in enumerate(self._open):
            if call.name == name and call.arguments == arguments:
                return self._open.pop(index), True
        made = self.call(Fields({"name": name, "parameters": msgspec.json.decode(arguments)}, "call"))
        self._open.remove(made)
        return made, False


def decode_request(body: bytes, said: PathSaid) -> Request:
    """The request that `body` is.

    Raises:
        WrongFieldError: a member is missing or of the wrong type.
    """
    fields = Fields(fields_of(body))
    turns = _turns(fields)
    request = Request(
        model=said.model,
        turns=turns,
        tools=tuple(tool_of(Fields(tool, f"tools[{index}]")) for index, tool in enumerate(fields.array("tools"))),
        output_tokens_max=fields.count("max_tokens", 0) or None,
        stop=strings(fields.array("stop_sequences"), "stop_sequences"),
        sampling=Sampling(
            temperature=fields.number("temperature"),
            top_p=fields.number("p"),
            top_k=fields.integer("k"),
            frequency_penalty=fields.number("frequency_penalty"),
            presence_penalty=fields.number("presence_penalty"),
            seed=fields.integer("seed"),
        ),
        stream=said.stream,
        extras=fields.extras(NAME),
    )
    return shaped(request, SHAPE.name)


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for what `request` says, and what could not be said."""
    del model
    losses: list[Loss] = []
    body: JsonObject = {}
    history, results = _history(request.turns, losses)
    message = ""
    if not results and history and history[-1].get("role") == "USER":
        message = str(history.pop()["message"])
    body["message"] = message
    if history:
        body["chat_history"] = list(history)
    if results:
        body["tool_results"] = list(results)
    forbidden = request.tool_choice is not None and request.tool_choice.mode == "none"
    if request.tools and not forbidden:
        body["tools"] = [node for index, tool in enumerate(request.tools) for node in tool_nodes(tool, index, losses)]
    choice = request.tool_choice
    if choice is not None and (choice.mode in ("required", "named", "allowed") or choice.required):
        losses.append(Loss("tool_choice", "Command R chooses by itself whether to call", "meaning"))
    sampling = request.sampling
    for field, value in (
        ("max_tokens", request.output_tokens_max),
        ("stop_sequences", list(request.stop) or None),
        ("temperature", sampling.temperature),
        ("p", sampling.top_p),
        ("k", sampling.top_k),
        ("frequency_penalty", sampling.frequency_penalty),
        ("presence_penalty", sampling.presence_penalty),
        ("seed", sampling.seed),
    ):
        if value is not None:
            body[field] = value  # type: ignore[assignment]  # a list of texts is JSON
    losses += lost_fields(request, _NO_FIELD, ("logit_bias", "logprobs", "top_logprobs"))
    del abilities
    body |= {field: value for field, value in own(request.extras).items() if field != "shape"}
    return Encoded(rendered(body), tuple(losses))


def _turns(fields: Fields) -> tuple[Turn, ...]:
    calls = _Calls()
    turns: list[Turn] = []
    preamble = fields.text("preamble")
    if preamble:
        turns.append(Turn("system", (Text(preamble),)))
    for index, entry in enumerate(fields.array("chat_history")):
        _read_entry(Fields(entry, f"chat_history[{index}]"), calls, turns)
    results = fields.array("tool_results")
    message = fields.needed_text("message")
    if message or not (turns or results):
        turns.append(Turn("user", (Text(message),)))
    if results:
        _read_results(results, "tool_results", calls, turns)
    return tuple(turns)


def _read_entry(entry: Fields, calls: _Calls, turns: list[Turn]) -> None:
    role = entry.needed_text("role").upper()
    if role == "TOOL":
        _read_results(entry.array("tool_results"), entry.at("tool_results"), calls, turns)
        return
    parts: list[Part] = []
    message = entry.text("message")
    if message:
        parts.append(Text(message))
    made = entry.array("tool_calls")
    parts += [calls.call(Fields(call, f"{entry.at('tool_calls')}[{index}]")) for index, call in enumerate(made)]
    turns.append(Turn(_ROLES.get(role, "user"), tuple(parts), extras=entry.extras(NAME)))


def _read_results(results: list[Json], path: str, calls: _Calls, turns: list[Turn]) -> None:
    """Add the results, and in front of them the calls that no entry of the history made."""
    made: list[Part] = []
    read: list[Part] = []
    for index, result in enumerate(results):
        fields = Fields(result, f"{path}[{index}]")
        call, known = calls.answered(fields.object("call"))
        if not known:
            made.append(call)
        outputs = msgspec.json.encode(fields.json("outputs")).decode()
        read.append(ToolResult(call.id, (Text(outputs),), name=call.name, extras=fields.extras(NAME)))
    if made:
        turns.append(Turn("assistant", tuple(made)))
    turns.append(Turn("tool", tuple(read)))


def _history(turns: tuple[Turn, ...], losses: list[Loss]) -> tuple[list[JsonObject], list[JsonObject]]:
    """The entries of the history, and the results that came last."""
    history: list[JsonObject] = []
    results: list[JsonObject] = []
    calls: dict[str, ToolCall] = {}
    for index, turn in enumerate(turns):
        path = f"turns[{index}]"
        results = []
        if turn.role == "tool":
            results = [
                _result(part, f"{path}.parts[{number}]", calls, losses)
                for number, part in enumerate(turn.parts)
                if isinstance(part, ToolResult)
            ]
            history.append({"role": "TOOL", "tool_results": list(results)})
            continue
        made = [part for part in turn.parts if isinstance(part, ToolCall)]
        calls |= {call.id: call for call in made}
        texts = [
            text_of_part(part, f"{path}.parts[{number}]", losses)
            for number, part in enumerate(turn.parts)
            if not isinstance(part, ToolCall)
        ]
        entry: JsonObject = {"role": _SPEAKERS[turn.role], "message": "\n".join(filter(None, texts))}
        if made:
            entry["tool_calls"] = [_call(call) for call in made]
        history.append(entry)
    if results:
        history.pop()
    return history, results


def _call(call: ToolCall) -> JsonObject:
    try:
        parameters = msgspec.json.decode(call.arguments or "{}", type=dict[str, Json])
    except (msgspec.DecodeError, RecursionError):
        parameters = {"arguments": call.arguments}
    return {"name": call.name, "parameters": parameters}


def _result(part: ToolResult, path: str, calls: dict[str, ToolCall], losses: list[Loss]) -> JsonObject:
    call = calls.get(part.call_id) or ToolCall(part.call_id, part.name or "", "{}")
    texts = [text_of_part(each, f"{path}.parts[{index}]", losses) for index, each in enumerate(part.parts)]
    text = "\n".join(filter(None, texts))
    try:
        outputs: Json = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        outputs = None
    if not (isinstance(outputs, list) and all(isinstance(each, dict) for each in outputs)):
        outputs = [outputs] if isinstance(outputs, dict) else [{"result": text}]
    return {"call": _call(call), "outputs": outputs}


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words: its places are too few to be more exact."""
    del request
    field, _, _ = path.partition("[")
    return {"turns": "chat_history", "output_tokens_max": "max_tokens", "top_p": "p", "top_k": "k"}.get(field, path)


SHAPE: Final = Shape(
    name=command_r_answer.SHAPE_NAME,
    asks=sets("message", "message chat_history", "message tools", "message documents"),
    answers=sets("text finish_reason", "text generation_id", "response_id"),
    chunks=sets("event_type"),
    limit=("max_tokens",),
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=command_r_answer.decode_response,
    encode_response=command_r_answer.encode_response,
    reader=command_r_stream.Reader,
    writer=command_r_stream.Writer,
    tap=lambda: EventTap(command_r_stream.Reader(), command_r_stream.Writer, is_retold=True),
    locate=locate,
)
