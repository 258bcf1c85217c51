"""Reasoning on this wire: three vendors' fields, one canonical form.

OpenAI itself shows no reasoning in chat completions. Its compatibles do, beside `content`:
- `reasoning_content`, a string;
- `reasoning`, a string;
- `reasoning_details`, a list of items with text, summary, or encrypted data, and signatures; the strings are then
  only a copy of the items' texts.

One unsigned thought is a `Thinking` part whose `extras["openai_chat"]["field"]` names the string's field, unless it is
`reasoning_content`. Items become `Thinking` and `RedactedThinking` parts; what an item says beside its text, data and
signature is kept in `extras["openai_chat"]["detail"]`, so that it is replayed as it came.

Mistral's models, and servers of them, put a thought among the content instead, as a `thinking` chunk. Such a part has
`extras["openai_chat"]["chunk"]`: what the chunk says beside its text and signature.

Towards clients the same fields carry any provider's thinking: what another dialect's provider made is sealed (see
`dialects.seal`). SDKs keep fields that they do not know, so a client that sends its messages back whole can continue a
conversation with that provider. An item that Keywright wrote has an `origin`: the dialect of whoever can read it.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from keywright.core.json import Extras, Json, JsonObject
from keywright.core.message import Opaque, Part, RedactedThinking, Thinking
from keywright.dialects.fields import Fields
from keywright.dialects.openai_chat.fields import NAME, own

PLAIN: Final = "reasoning_content"
PLAIN_FIELDS: Final = (PLAIN, "reasoning")
DETAILS: Final = "reasoning_details"
CHUNK: Final = "chunk"
_TEXT: Final = "reasoning.text"
_SUMMARY: Final = "reasoning.summary"
_ENCRYPTED: Final = "reasoning.encrypted"


def decode_thinking(message: Fields) -> list[Part]:
    """The thoughts of a message, taken from its fields."""
    field, plain = take_plain(message.left)
    path = message.at(DETAILS)
    parts = [decode_detail(item, f"{path}[{index}]") for index, item in enumerate(message.array(DETAILS))]
    thoughts = [index for index, part in enumerate(parts) if isinstance(part, Thinking)]
    worded = any(part.text for part in parts if isinstance(part, Thinking))
    if not plain:
        return _named(parts, thoughts[0], "") if worded else parts
    if worded:
        return _named(parts, thoughts[0], field)
    if len(thoughts) == 1:
        only = parts[thoughts[0]]
        assert isinstance(only, Thinking)
        parts[thoughts[0]] = msgspec.structs.replace(only, text=plain)
        return _named(parts, thoughts[0], field)
    return [Thinking(plain, origin=NAME, extras=field_extras(field)), *parts]


def take_plain(message: JsonObject) -> tuple[str, str]:
    """The name and text of the string field, taken out of `message`; empty ones and copies are taken out too."""
    found, text = PLAIN, ""
    for field in PLAIN_FIELDS:
        value = message.get(field)
        if value is None or value in ("", text):
            message.pop(field, None)
        elif isinstance(value, str) and not text:
            found, text = field, value
            del message[field]
    return found, text


def decode_detail(value: Json, path: str) -> Part:
    """One item of `reasoning_details`."""
    item = Fields(value, path)
    kind = item.text("type")
    ours = item.text("origin")
    if ours is not None:
        item.json("index")
    origin = ours or NAME
    match kind:
        case "reasoning.text":
            text, signature = item.text("text") or "", item.text("signature")
            return Thinking(text, signature, origin, _detail_extras(item.left))
        case "reasoning.summary":
            text, signature = item.text("summary") or "", item.text("signature")
            return Thinking(text, signature, origin, _detail_extras({"type": kind, **item.left}))
        case "reasoning.encrypted":
            return RedactedThinking(item.text("data") or "", origin, _detail_extras(item.left))
        case _:
            return Opaque(NAME, DETAILS, value)


def decode_chunk(chunk: Fields) -> Thinking:
    """A `thinking` chunk, whose type is taken already. Pieces of it that are no text are kept, all of them whole."""
    said = chunk.json("thinking")
    pieces: list[Json] = said if isinstance(said, list) else [{"type": "text", "text": said}]
    texts = [text for piece in pieces if isinstance(text := _plain_text(piece), str)]
    signature = chunk.text("signature")
    if chunk.left.get("closed") is True:  # as it is when nothing is said
        chunk.json("closed")
    if len(texts) < len(pieces):
        chunk.keep("thinking", said)
    return Thinking("".join(texts), signature or None, NAME, {NAME: {CHUNK: chunk.left}})


def encode_chunk(part: Thinking, rest: Json) -> JsonObject:
    """The `thinking` chunk that says `part`, with the `rest` that `decode_chunk` kept."""
    said: JsonObject = {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}
    if part.signature is not None:
        said["signature"] = part.signature
    return said | rest if isinstance(rest, dict) else said


def is_chunk(part: Part) -> bool:
    """Whether it is a thought that came as a chunk among the content."""
    return isinstance(part, Thinking) and CHUNK in own(part.extras)


def _plain_text(piece: Json) -> Json:
    return piece.get("text") if isinstance(piece, dict) and piece.get("type") == "text" else None


def encode_thinking(parts: Iterable[Part]) -> JsonObject:
    """The fields of a message that say the thoughts among `parts`."""
    thoughts = [part for part in parts if is_thought(part)]
    if not thoughts:
        return {}
    texts = [part for part in thoughts if isinstance(part, Thinking)]
    field = next((name for part in texts if (name := own(part.extras).get("field")) is not None), PLAIN)
    said: JsonObject = {}
    if isinstance(field, str) and field in PLAIN_FIELDS and (text := "".join(part.text for part in texts)):
        said[field] = text
    if said and len(texts) == 1 and texts[0] is thoughts[0] and not needs_detail(texts[0]):
        thoughts = thoughts[1:]
    if thoughts:
        said[DETAILS] = [encode_detail(part) for part in thoughts]
    return said


def is_thought(part: Part) -> bool:
    """Whether `part` belongs into these fields."""
    return isinstance(part, Thinking | RedactedThinking) or (
        isinstance(part, Opaque) and part.origin == NAME and part.kind == DETAILS
    )


def needs_detail(part: Part) -> bool:
    """Whether the string field alone would not say it."""
    return not (isinstance(part, Thinking) and part.signature is None and "detail" not in own(part.extras))


def encode_detail(part: Part) -> Json:
    """The item of `reasoning_details` for a thought."""
    match part:
        case Thinking():
            rest = _rest(part.extras, part.origin)
            worded = "summary" if rest.get("type") == _SUMMARY else "text"
            said: JsonObject = {worded: part.text} if part.text else {}
            if part.signature is not None:
                said["signature"] = part.signature
            return {"type": _TEXT, **said, **rest}
        case RedactedThinking():
            return {"type": _ENCRYPTED, "data": part.data, **_rest(part.extras, part.origin)}
        case Opaque():
            return part.body
        case _:
            raise TypeError(f"{type(part).__name__} is no thought")


def field_extras(field: str, detail: JsonObject | None = None) -> Extras:
    """The extras of a thought that came in the string field `field` and in an item with `detail`."""
    extras: JsonObject = {} if detail is None else {"detail": detail}
    if field != PLAIN:
        extras["field"] = field
    return {NAME: extras} if extras else {}


def _detail_extras(detail: JsonObject) -> Extras:
    return {NAME: {"detail": detail}} if detail else {}


def _rest(extras: Extras, origin: str | None) -> JsonObject:
    detail = own(extras).get("detail")
    return detail if isinstance(detail, dict) else {"origin": origin or NAME}


def _named(parts: list[Part], at: int, field: str) -> list[Part]:
    """`parts`, where the thought `at` remembers in which string field its text was repeated."""
    thought = parts[at]
    if field == PLAIN or not isinstance(thought, Thinking):
        return parts
    extras: Extras = {**thought.extras, NAME: {**own(thought.extras), "field": field}}
    return [*parts[:at], msgspec.structs.replace(thought, extras=extras), *parts[at + 1 :]]
