"""A client's body to a canonical request.

The input is a flat list of items. Neighbours that a model made are one assistant's turn, neighbouring results of tools
are one tool's turn, every other message is a turn. `instructions` are the first turn, a system's.

Fields without a canonical place are kept in `extras["openai_responses"]` and go out again to a server of this dialect,
where its words are put over ours. `store` is always among them, null when the client did not say it, so that an encoder
knows a client of this dialect; and so is `reasoning`, when it says more than an effort.
"""

from typing import Final, Literal, TypeAlias

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import Json, JsonObject
from keywright.core.message import Part, Text, ToolCall, ToolResult, Turn
from keywright.core.request import Effort, Format, JsonObjectFormat, JsonSchemaFormat, Reasoning, Request, Sampling
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.openai_chat.request_in import EFFORTS, tier_of
from keywright.dialects.openai_responses.content import decode_content
from keywright.dialects.openai_responses.fields import INSTRUCTIONS, ITEM, NAME, noted
from keywright.dialects.openai_responses.items import decode_item, item_fields, opaque_item
from keywright.dialects.openai_responses.reasoning import opened
from keywright.dialects.openai_responses.tools import decode_choice, decode_tools
from keywright.dialects.openai_responses.verbatim import RELIED
from keywright.dialects.whole import asked

ENCRYPTED: Final = "reasoning.encrypted_content"
LOGPROBS: Final = "message.output_text.logprobs"

SEALS: Final = "seals"
"""The extra of a request that asks for encrypted reasoning."""

_RESULTS: Final = frozenset(("function_call_output", "custom_tool_call_output"))
_MADE: Final = frozenset(("reasoning", "mcp_list_tools", "mcp_approval_request", "compaction", "program"))
_CALL: Final = "_call"
_STORED: Final = ("conversation", "previous_response_id", "prompt")
"""What may stand in place of an input."""

_Speaker: TypeAlias = Literal["system", "developer", "user"]
_SPOKEN: Final[dict[str, _Speaker]] = {"system": "system", "developer": "developer", "user": "user"}


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, RELIED, _request)


def _request(body: Fields) -> Request:
    metadata = body.object("metadata")
    logprobs = _include(body)
    text = body.object("text")
    form = None if text is None else _format(text)
    if text is not None and text.left:
        body.keep("text", text.left)
    body.left.setdefault("store", None)
    return Request(
        model=body.needed_text("model"),
        turns=_turns(body),
        tools=decode_tools(body),
        tool_choice=decode_choice(body),
        output_tokens_max=body.count("max_output_tokens"),
        sampling=Sampling(
            temperature=body.number("temperature"),
            top_p=body.number("top_p"),
            logprobs=logprobs,
            top_logprobs=body.integer("top_logprobs") if logprobs else None,
        ),
        reasoning=_reasoning(body),
        format=form,
        stream=body.flag("stream") or False,
        user=body.text("user"),
        service_tier=tier_of(body),
        metadata=None if metadata is None else metadata.left,
        extras=body.extras(NAME),
    )


def _include(body: Fields) -> bool | None:
    """What is wanted beside the answer. Whether log probabilities are; all else stays."""
    wanted = body.array("include")
    rest = [item for item in wanted if item not in (ENCRYPTED, LOGPROBS)]
    if rest:
        body.keep("include", rest)
    if ENCRYPTED in wanted:
        body.left[SEALS] = True
    return True if LOGPROBS in wanted else None


def _turns(body: Fields) -> tuple[Turn, ...]:
    conversation = _Conversation()
    instructions = body.text("instructions")
    if instructions:
        conversation.turns.append(Turn("system", (Text(instructions),), extras=noted({INSTRUCTIONS: True})))
    items = body.json("input")
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    if items is None and any(body.left.get(field) is not None for field in _STORED):
        items = []
    if not isinstance(items, list):
        raise WrongFieldError("input", "a string or an array of items")
    for index, item in enumerate(items):
        conversation.add(item, f"input[{index}]")
    conversation.end()
    return tuple(conversation.turns)


class _Conversation:
    """Turns from items. `_parts` are those of an assistant's or a tool's turn that may go on."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._role: Literal["assistant", "tool"] = "assistant"
        self._parts: list[Part] = []
        self._custom: set[str] = set()  # ids of calls of free-text tools

    def add(self, value: Json, path: str) -> None:
        """Take one item."""
        item = Fields(value, path)
        kind = item.text("type") or ("message" if "role" in item.left else "item_reference")
        role = item.text("role") if kind == "message" else None
        spoken = None if role is None else _SPOKEN.get(role)
        assert isinstance(value, dict)
        if spoken is not None:
            self._whole(_message(item, spoken))
        elif kind in _RESULTS:
            self._grow("tool", [self._result(item, kind)])
        elif role == "assistant" or kind in _MADE or kind.endswith(_CALL):
            parts = opened(value, decode_item(value, path))
            self._custom.update(part.id for part in parts if isinstance(part, ToolCall) and part.custom)
            self._grow("assistant", parts)
        elif kind == "message":
            raise WrongFieldError(item.at("role"), "system, developer, user or assistant")
        else:
            self._whole(Turn("user", (opaque_item(kind, value),)))

    def end(self) -> None:
        """Complete the turn that might have gone on."""
        if self._parts:
            self.turns.append(Turn(self._role, tuple(self._parts)))
            self._parts = []

    def _whole(self, turn: Turn) -> None:
        self.end()
        self.turns.append(turn)

    def _grow(self, role: Literal["assistant", "tool"], parts: list[Part]) -> None:
        if role != self._role:
            self.end()
            self._role = role
        self._parts += parts

    def _result(self, item: Fields, kind: str) -> ToolResult:
        call_id = item.needed_text("call_id")
        parts = decode_content(item.json("output"), item.at("output"))
        name = item.text("name")
        said, rest = item_fields(item)
        if (kind == "custom_tool_call_output") != (call_id in self._custom):
            said["type"] = kind
        return ToolResult(call_id, tuple(parts), name=name, extras=noted({ITEM: said, **rest} if said else rest))


def _message(message: Fields, role: _Speaker) -> Turn:
    parts = decode_content(message.json("content"), message.at("content"))
    item, rest = item_fields(message)
    return Turn(role, tuple(parts), extras=noted({ITEM: item, **rest} if item else rest))


def _reasoning(body: Fields) -> Reasoning | None:
    """`reasoning`, which is kept as it came when it says more than an effort that is known."""
    said = body.left.get("reasoning")
    fields = body.object("reasoning")
    if fields is None:
        return None
    word = fields.text("effort")
    effort: Effort | None = None if word is None else EFFORTS.get(word)
    summary = fields.text("summary") or fields.text("generate_summary")
    unknown = any(value is not None for value in fields.left.values())
    if unknown or summary is not None or (word is not None and effort is None):
        body.keep("reasoning", said)
    if effort is None and summary is None:
        return None
    return Reasoning(effort=effort, display=None if summary is None else "summarized")


def _format(text: Fields) -> Format | None:
    """`text.format`, taken out of `text` when it is modelled whole."""
    form = text.object("format")
    if form is None:
        return None
    raw: JsonObject = dict(form.left)
    match form.text("type"):
        case "text":
            return None
        case "json_object":
            return JsonObjectFormat()
        case "json_schema":
            schema = form.object("schema")
            found = JsonSchemaFormat(
                schema={} if schema is None else schema.left,
                name=form.text("name"),
                description=form.text("description"),
                strict=form.flag("strict"),
            )
            if form.left:
                text.keep("format", raw)
            return found
        case _:
            text.keep("format", raw)
            return None
