"""The verbatim lane: what must be known of a request that passes through. The model is in the path, so no byte is
exchanged, unless the body repeats it. Another provider's thoughts are taken out (see `dialects.seal`).
"""

from typing import Final, NoReturn

import msgspec

from keywright.core.dialect import BODY_SAYS, PathSaid, Peek
from keywright.core.json import Json
from keywright.core.message import Part
from keywright.dialects.gemini.ids import Calls
from keywright.dialects.gemini.parts_in import part_of
from keywright.dialects.gemini.request_in import CHOICES_MAX
from keywright.dialects.members import NONE_REMOVED, Members, Peeked, members_of, walked
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
_CONFIG_RELIED: Final = frozenset(("maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count"))


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
    return Peeked(said.model, said.stream, len(body), limit, choices or 1, members=members)


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
