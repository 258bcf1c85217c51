"""Reasoning items, and how a thought finds its way back to whoever made it.

An item of reasoning has an id, texts (a `summary` from OpenAI, the thoughts themselves as `content` from open models)
and, where asked for, `encrypted_content`. Each text is a `Thinking` part; an item without texts is a
`RedactedThinking`. A client of another dialect brings back a signature and nothing else, so the signature of an
item's last part (or the data of the redacted one) is a seal that says both, `item:ID/ENCRYPTED`: what a provider of
this wire needs to go on. Ids that were made up here are left out. All parts up to one with a seal are one item.

The other way, a thought that another dialect's provider signed must come back through a client of this one, which
keeps `encrypted_content` and nothing else. There the signature is wrapped with its origin: `keywright:ORIGIN:t:…`
for a thought, `:r:` for a redacted one. OpenAI could not read that: the verbatim lane takes such items out
(see verbatim.py). The alternative, to show such thoughts without a signature, would end a conversation with Claude
at the first call of a tool.
"""

from typing import Final

from keywright.core.json import Json, JsonObject
from keywright.core.message import Part, RedactedThinking, Thinking
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.openai_responses.fields import ITEM, NAME, is_made, item_of, noted, own

WRAPPED: Final = "keywright:"
"""How `encrypted_content` begins that holds another provider's signature."""

RAW: Final = "raw"
"""The extra of a text that stood in `content`, not in `summary`."""

_SEAL: Final = "item:"
_THOUGHT: Final = "t"
_REDACTED: Final = "r"


def decode_reasoning(item: Fields) -> list[Part]:
    """The parts of a reasoning item, whose `type` is taken already.

    Raises:
        WrongFieldError: it is malformed.
    """
    item_id, encrypted = item.text("id"), item.text("encrypted_content")
    texts = [(text, False) for text in _texts(item, "summary")] + [(text, True) for text in _texts(item, "content")]
    extras = thought_extras(item_id, item.left)
    seal = sealed(item_id, encrypted)
    if not texts:
        return [RedactedThinking(seal or "", NAME, noted(extras))]
    parts: list[Part] = []
    for index, (text, raw) in enumerate(texts):
        said = {**(extras if index == 0 else {}), **({RAW: True} if raw else {})}
        parts.append(Thinking(text, seal if index == len(texts) - 1 else None, NAME, noted(said)))
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


def sealed(item_id: str | None, encrypted: str | None) -> str | None:
    """The seal of an item; None when it has neither an id of its provider's nor encrypted content."""
    if not item_id or "/" in item_id or is_made(item_id):
        return encrypted
    return f"{_SEAL}{item_id}/{encrypted or ''}"


def unsealed(seal: str) -> tuple[str | None, str | None]:
    """The id and the encrypted content that a seal holds."""
    item_id, slash, encrypted = seal.removeprefix(_SEAL).partition("/")
    if slash and seal.startswith(_SEAL):
        return item_id, encrypted or None
    return None, seal or None


def reasoning_item(parts: list[Thinking | RedactedThinking]) -> JsonObject:
    """The item for parts that this dialect's provider made."""
    last = parts[-1]
    seal = last.data if isinstance(last, RedactedThinking) else last.signature
    item_id, encrypted = unsealed(seal or "")
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


def wrapped(origin: str | None, signature: str | None, *, redacted: bool) -> str:
    """Another provider's signature, or redacted thought, as `encrypted_content`."""
    return f"{WRAPPED}{origin or ''}:{_REDACTED if redacted else _THOUGHT}:{signature or ''}"


def unwrapped(encrypted: str, parts: list[Part]) -> Part:
    """The thought of another dialect's provider in an item that a client sends back; `parts` are what was read of it.

    Raises:
        WrongFieldError: it was changed.
    """
    pieces = encrypted.removeprefix(WRAPPED).split(":", 2)
    if len(pieces) != 3:
        raise WrongFieldError("encrypted_content", "as it was received")
    origin, kind, signature = pieces
    if kind == _REDACTED:
        return RedactedThinking(signature, origin)
    text = "".join(part.text for part in parts if isinstance(part, Thinking))
    return Thinking(text, signature or None, origin or None)
