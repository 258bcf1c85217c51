"""The verbatim lane: what policy must know of a body, and the edits that it may get."""

from typing import Annotated, Final

import msgspec

from keywright.core.dialect import BODY_SAYS, PLAIN, TEXT, Beyond, PathSaid, Peek
from keywright.core.errors import NotTranslatableError
from keywright.core.json import Json
from keywright.core.loss import Loss
from keywright.core.message import Part
from keywright.core.tier import AUTO, asked_tier
from keywright.dialects.extent import SEARCHING, holds, joined, messages_extent, tools_extent
from keywright.dialects.members import FLAG, MODEL, NONE_REMOVED, TOKENS, WORD, Members, Peeked, members_of, walked
from keywright.dialects.openai_chat.fields import CHOICES_MAX
from keywright.dialects.openai_chat.thinking import DETAILS, PLAIN_FIELDS, decode_detail
from keywright.dialects.seal import MARK, without_sealed

RELIED: Final = frozenset(
    ("model", "messages", "tools", "functions", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n")
) | {"service_tier", "user", "metadata"}
"""The members that policy acts on, here or after decoding."""

CLIENT_TOOLS: Final = ("function", "custom")
"""The kinds of tools that a client runs itself."""

_SEARCHING: Final = ("web_search_options", "search_parameters", "plugins", "web_search")
"""Members by which servers of this wire are told to search the web before they answer."""

_OPTIONS_RELIED: Final = frozenset(("include_usage",))
_USAGE_ASKED: Final = b'{"include_usage":true}'
_COPIES: Final = frozenset(PLAIN_FIELDS)
_CHOICES: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=1, le=CHOICES_MAX)] | None)

_EXPLAINING: Final = frozenset({"tools", "functions", "response_format"})
"""Members for which a provider adds instructions to the prompt."""


class _Format(msgspec.Struct):
    """As much of `response_format` as tells whose spelling it is."""

    type: Json = None
    value: Json = None


_FORMAT: Final = msgspec.json.Decoder(_Format)


def peek(body: bytes, _: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return peeked_at(body, RELIED)


def peeked_at(body: bytes, relied: frozenset[str]) -> Peeked:
    """The same of any of OpenAI's bodies that ask for text; `relied`: the members that policy acts on.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = walked(body, relied)
    options = _options(members)
    limits = (members.value("max_completion_tokens", TOKENS), members.value("max_tokens", TOKENS))
    return Peeked(
        model=members.needed("model", MODEL),
        stream=bool(members.value("stream", FLAG)),
        input_bytes=len(body),
        # Which limit a server heeds is not known.
        output_tokens_max=max((limit for limit in limits if limit is not None), default=None),
        choices=members.value("n", _CHOICES) or 1,
        stream_usage=options is not None and bool(options.value("include_usage", FLAG)),
        beyond=_beyond(members),
        tier=asked_tier(members.value("service_tier", WORD)) if "service_tier" in members.values else AUTO,
        members=members,
    )


def _beyond(members: Members) -> Beyond:
    """What a prompt is beside text: its pictures and files, and what the provider's own tools may find."""
    values = members.values
    content = messages_extent(values.get("messages"))
    tools = tools_extent(values.get("tools"), CLIENT_TOOLS) if "tools" in values else TEXT
    if not values.keys().isdisjoint(_SEARCHING) and holds(values, _SEARCHING):
        tools = SEARCHING
    if content is TEXT and tools is TEXT:
        return PLAIN if values.keys().isdisjoint(_EXPLAINING) else TEXT
    return joined(content, tools)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name replaced, without other providers' thoughts and, for a stream, usage asked for; all
    else byte for byte.

    Raises:
        NotTranslatableError: the schema of the answer is spelled as `huggingface_hub` spells it, for a server that
            takes OpenAI's spelling too; such a body must be translated.
    """
    members = members_of(peeked, body, RELIED)
    form = members.values.get("response_format")
    if form is not None and _is_huggingfaces(form):
        raise NotTranslatableError((Loss("format", "OpenAI takes a schema as `json_schema`", "meaning"),))
    changes, _ = without_foreign(members)
    changes["model"] = msgspec.json.encode(model)
    if peeked.stream and not peeked.stream_usage:
        changes["stream_options"] = _with_usage(members)
    return members.edited(changes)


def _is_huggingfaces(form: msgspec.Raw) -> bool:
    """Whether `form` is `{"type": "json_object", "value": …}`. What is no object at all is the provider's to refuse."""
    try:
        read = _FORMAT.decode(form)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return read.type == "json_object" and read.value is not None


def without_foreign(members: Members) -> tuple[dict[str, bytes], frozenset[str]]:
    """What has to be exchanged, and what to go, so that a provider reads no other one's thoughts."""
    messages = members.values.get("messages")
    if messages is None or MARK not in members.body:
        return {}, NONE_REMOVED
    return {"messages": without_sealed(bytes(messages), DETAILS, _thought, _COPIES)}, NONE_REMOVED


def _thought(item: Json) -> Part:
    return decode_detail(item, DETAILS)


def _with_usage(members: Members) -> bytes:
    """The client's `stream_options`, with the usage asked for."""
    options = _options(members)
    return _USAGE_ASKED if options is None else options.edited({"include_usage": b"true"})


def _options(members: Members) -> Members | None:
    """The members of `stream_options`; None when there are none."""
    raw = members.values.get("stream_options")
    return None if raw is None or bytes(raw) == b"null" else walked(bytes(raw), _OPTIONS_RELIED)
