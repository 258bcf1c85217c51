"""The verbatim lane: what must be known of a request that passes through. The model is in the path, so no byte is
exchanged, unless the body repeats it. Another provider's thoughts are taken out (see `dialects.seal`).
"""

from typing import Final, NoReturn

import msgspec
from msgspec import Struct

from keywright.core.dialect import BODY_SAYS, TEXT, Beyond, PathSaid, Peek
from keywright.core.json import Json
from keywright.core.message import Part
from keywright.core.tier import AUTO, asked_tier
from keywright.dialects.extent import KEPT, content_extent, holds, joined, named_tools_extent
from keywright.dialects.gemini.ids import Calls
from keywright.dialects.gemini.parts_in import part_of
from keywright.dialects.gemini.request_in import CHOICES_MAX
from keywright.dialects.members import NONE_REMOVED, WORD, Members, Peeked, members_of, walked
from keywright.dialects.refusal import refused
from keywright.dialects.seal import MARK, without_sealed

MODEL_CHARS_MAX: Final = 512
OUTPUT_TOKENS_MAX: Final = 2**31 - 1

_RELIED: Final = frozenset(
    (
        "model",
        "contents",
        "tools",
        "systemInstruction",
        "system_instruction",
        "generationConfig",
        "generation_config",
        "toolConfig",
        "tool_config",
        "safetySettings",
        "safety_settings",
        "cachedContent",
        "cached_content",
        "labels",
    )
)
_SPELLINGS: Final = (
    ("generationConfig", "generation_config"),
    ("systemInstruction", "system_instruction"),
    ("toolConfig", "tool_config"),
    ("safetySettings", "safety_settings"),
    ("cachedContent", "cached_content"),
)
_FOLDER: Final = "models/"
PICTURE_TOKENS_MAX: Final = 16_384
"""The most that Gemini makes of one picture, with room."""
_CLIENT_TOOLS: Final = ("functionDeclarations", "function_declarations")
_KEPT: Final = ("cachedContent", "cached_content")
_CONFIG_RELIED: Final = frozenset(("maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count"))


class _Result(Struct, gc=False):
    """A function's result: parts are what is not text."""

    parts: Json = None


class _Part(Struct, gc=False):
    """The little of a part that tells whether it is text, in either spelling."""

    inlineData: Json = None  # noqa: N815  # the wire's names
    inline_data: Json = None
    fileData: Json = None  # noqa: N815
    file_data: Json = None
    functionResponse: _Result | None = None  # noqa: N815
    function_response: _Result | None = None


class _Content(Struct, gc=False):
    parts: list[_Part] = []


_CONTENTS: Final = msgspec.json.Decoder(list[_Content])
_COUNT: Final = msgspec.json.Decoder(int | float | None)
_STRING: Final = msgspec.json.Decoder(str)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of a request, with what its path said.

    Raises:
        RefusedError: 400 `invalid_json` when it is no unambiguous JSON object, `invalid_request` naming the field.
    """
    if not said.model or len(said.model) > MODEL_CHARS_MAX:
        _refuse("model", f"the path must name one of 1 to {MODEL_CHARS_MAX} characters")
    members = walked(body, _RELIED)
    values = members.values
    for right, other in _SPELLINGS:
        if right in values and other in values:
            _refuse(right, "it must be said in one spelling only")
    if "model" in values and _repeated(members).rpartition("/")[2] != said.model.rpartition("/")[2]:
        _refuse("model", "the body must not name another model than the path")
    limit, choices = None, None
    config = values.get("generationConfig") or values.get("generation_config")
    if config is not None and bytes(config) != b"null":
        inner = walked(bytes(config), _CONFIG_RELIED)
        limit = _count(inner, "maxOutputTokens", "max_output_tokens", OUTPUT_TOKENS_MAX)
        choices = _count(inner, "candidateCount", "candidate_count", CHOICES_MAX)
    tier = values.get("serviceTier") or values.get("service_tier")
    return Peeked(
        said.model,
        said.stream,
        len(body),
        limit,
        choices or 1,
        beyond=_beyond(members),
        tier=AUTO if tier is None else _tier(tier),
        members=members,
    )


def _beyond(members: Members) -> Beyond:
    """What a prompt is beside text: its pictures and files, what is kept, and what Google's own tools may find."""
    values = members.values
    contents = values.get("contents")
    content = TEXT if contents is None or _is_text(contents) else content_extent((contents,), PICTURE_TOKENS_MAX)
    tools = named_tools_extent(values["tools"], _CLIENT_TOOLS) if "tools" in values else TEXT
    if not values.keys().isdisjoint(_KEPT) and holds(values, _KEPT):
        content = joined(content, KEPT)
    return TEXT if content is TEXT and tools is TEXT else joined(content, tools)


def _is_text(contents: msgspec.Raw) -> bool:
    """Whether the contents are known to be nothing but text."""
    try:
        turns = _CONTENTS.decode(contents)
    except _UNREADABLE:
        return False
    for turn in turns:
        for part in turn.parts:
            data = part.inlineData or part.inline_data or part.fileData or part.file_data
            result = part.functionResponse or part.function_response
            if data is not None or (result is not None and result.parts is not None):
                return False
    return True


def _tier(raw: msgspec.Raw) -> str:
    """The service tier that is asked for. What is none, Google refuses."""
    try:
        return asked_tier(WORD.decode(raw))
    except _UNREADABLE:
        return AUTO


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` as it is; where it repeats the model's name, with that exchanged. Another's thoughts are left out.

    Streams always tell usage.
    """
    changes: dict[str, bytes] = {}
    members = members_of(peeked, body, _RELIED)
    if "model" in members.values:
        folder = _FOLDER if _repeated(members).startswith(_FOLDER) else ""
        changes["model"] = msgspec.json.encode(folder + model)
    changes |= without_foreign(members)[0]
    return members.edited(changes) if changes else body


def without_foreign(members: Members) -> tuple[dict[str, bytes], frozenset[str]]:
    """What has to be exchanged, and what to go, so that the API reads no other provider's thoughts."""
    contents = members.values.get("contents")
    if contents is None or MARK not in members.body:
        return {}, NONE_REMOVED
    return {"contents": without_sealed(bytes(contents), "parts", _part)}, NONE_REMOVED


def _part(value: Json) -> Part:
    return part_of(value, "", Calls())


def _repeated(members: Members) -> str:
    """The model that the body names."""
    try:
        return _STRING.decode(members.values["model"])
    except _UNREADABLE:
        _refuse("model", "it must be a string")


def _count(members: Members, right: str, other: str, most: int) -> int | None:
    """The whole number at either spelling of a member."""
    if right in members.values and other in members.values:
        _refuse(f"generationConfig.{right}", "it must be said in one spelling only")
    raw = members.values.get(right) or members.values.get(other)
    if raw is None:
        return None
    try:
        value = _COUNT.decode(raw)
    except _UNREADABLE:
        value = 0
    if value is None:
        return None
    if value != int(value) or not 1 <= value <= most:
        _refuse(f"generationConfig.{right}", f"it must be a whole number from 1 to {most}")
    return int(value)


def _refuse(field: str, why: str) -> NoReturn:
    raise refused("invalid_request", f"{field}: {why}", field)
