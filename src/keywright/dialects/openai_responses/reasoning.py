"""Reasoning items, and how a thought finds its way back to whoever made it.

An item of reasoning has an id, texts (a `summary` from OpenAI, the thoughts themselves as `content` from open models)
and, where asked for, `encrypted_content`. Each text is a `Thinking` part; an item without texts is a
`RedactedThinking`. A client of another dialect brings back a signature and nothing else, so the signature of an
item's last part (or the data of the redacted one) says both, `item:ID/ENCRYPTED`: what a provider of this wire needs
to go on. Ids that were made up here are left out. All parts up to one with a signature are one item.

The other way, a thought that another dialect's provider made comes back through a client of this one as a seal in
`encrypted_content` (see `dialects.seal`), each in an item of its own.
"""

from typing import Final

from msgspec.structs import replace

from keywright.core.json import Json, JsonObject
from keywright.core.message import Part, RedactedThinking, Thinking
from keywright.dialects.fields import Fields
from keywright.dialects.openai_responses.fields import ITEM, NAME, is_made, item_of, noted, own
from keywright.dialects.seal import is_sealed, unsealed

RAW: Final = "raw"
"""The extra of a text that stood in `content`, not in `summary`."""

_BEGINNING: Final = "item:"


def decode_reasoning(item: Fields) -> list[Part]:
    """The parts of a reasoning item, whose `type` is taken already.

    Raises:
        WrongFieldError: it is malformed.
    """
    item_id, encrypted = item.text("id"), item.text("encrypted_content")
    texts = [(text, False) for text in _texts(item, "summary")] + [(text, True) for text in _texts(item, "content")]
    extras = thought_extras(item_id, item.left)
    signature = signature_of(item_id, encrypted)
    if not texts:
        return [RedactedThinking(signature or "", NAME, noted(extras))]
    parts: list[Part] = []
    for index, (text, raw) in enumerate(texts):
        said = {**(extras if index == 0 else {}), **({RAW: True} if raw else {})}
        parts.append(Thinking(text, signature if index == len(texts) - 1 else None, NAME, noted(said)))
    return parts


def thought_extras(item_id: str | None, rest: JsonObject) -> JsonObject:
    """What the first part of an item keeps of it: its id, and `rest`, what it says beside its texts."""
    said: JsonObject = {field: value for field, value in rest.items() if value is not None}
    if item_id is not None and not is_made(item_id):
        said = {"id": item_id, **said}
    return {ITEM: said} if said else {}


def _texts(item: Fields, name: str) -> list[str]:
    texts = []
    for index, value in enumerate(item.array(name)):
        texts.append(Fields(value, f"{item.at(name)}[{index}]").needed_text("text"))
    return texts


def signature_of(item_id: str | None, encrypted: str | None) -> str | None:
    """The signature of an item's last part; None when it has neither an id of its provider's nor encrypted content."""
    if not item_id or "/" in item_id or is_made(item_id):
        return encrypted
    return f"{_BEGINNING}{item_id}/{encrypted or ''}"


def read_signature(signature: str) -> tuple[str | None, str | None]:
    """The id and the encrypted content that a signature holds."""
    item_id, slash, encrypted = signature.removeprefix(_BEGINNING).partition("/")
    if slash and signature.startswith(_BEGINNING):
        return item_id, encrypted or None
    return None, signature or None


def reasoning_item(parts: list[Thinking | RedactedThinking]) -> JsonObject:
    """The item for parts that this dialect's provider made."""
    last = parts[-1]
    signature = last.data if isinstance(last, RedactedThinking) else last.signature
    item_id, encrypted = read_signature(signature or "")
    item: JsonObject = {"type": "reasoning"}
    if item_id is not None:
        item["id"] = item_id
    summary: list[Json] = []
    content: list[Json] = []
    for part in parts:
        item.update(item_of(part.extras) or {})
        if isinstance(part, Thinking):
            if own(part.extras).get(RAW):
                content.append({"type": "reasoning_text", "text": part.text})
            else:
                summary.append({"type": "summary_text", "text": part.text})
    item["summary"] = summary
    if content:
        item["content"] = content
    if encrypted is not None:
        item["encrypted_content"] = encrypted
    return item


def kept(item: Json) -> Thinking:
    """The thought of an item, without its texts, signed with all that a client of another dialect's provider keeps."""
    encrypted = item.get("encrypted_content") if isinstance(item, dict) and item.get("type") == "reasoning" else None
    return Thinking("", encrypted if isinstance(encrypted, str) else None, NAME)


def opened(item: JsonObject, parts: list[Part]) -> list[Part]:
    """The `parts` of an item that a client sends back; the thought of another dialect's provider, where it is one."""
    thought = kept(item)
    if not is_sealed(thought):
        return parts
    text = "".join(part.text for part in parts if isinstance(part, Thinking))
    return list(unsealed((replace(thought, text=text),)))
