"""What is the same all over this dialect: its name, its share of the extras, and what is its own among what was read.

Bodies are read as OpenAI's chat completions are. What came of it is then renamed: extras, thoughts and parts are this
dialect's, not OpenAI's, and content of kinds that only this wire has becomes the part that it is.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from keywright.core.json import Extras, JsonObject
from keywright.core.message import (
    Audio,
    Base64Source,
    Citation,
    Document,
    FileSource,
    Opaque,
    Part,
    Text,
    UrlSource,
)
from keywright.dialects.openai_chat.fields import NAME as OPENAI
from keywright.dialects.rebuild import Node, rebuilt

NAME: Final = "mistral"
"""The dialect's name in extras, logs and addresses."""

READ_AS: Final = OPENAI
"""The dialect as which bodies are read first."""

_CONTAINERS: Final = (("UklGR", "wav"), ("ZkxhQ", "flac"), ("T2dnU", "ogg"))
"""How sound in base64 begins, and its container; anything else is `mp3`."""


def own(extras: Extras) -> JsonObject:
    """This dialect's share of `extras`; not to be changed."""
    return extras.get(NAME) or {}


def ours(node: Node) -> Node:
    """What was read as OpenAI's, as this dialect's."""
    return rebuilt(node, _renamed)


def _renamed(node: Struct) -> Struct:
    match node:
        case Opaque(origin, _, _) if origin == READ_AS:
            return understood(replace(node, origin=NAME))
        case FileSource(_, dialect) if dialect == READ_AS:
            return replace(node, dialect=NAME)
        case _:
            changes: dict[str, object] = {}
            if getattr(node, "origin", None) == READ_AS:
                changes["origin"] = NAME
            extras: Extras | None = getattr(node, "extras", None)
            if extras and READ_AS in extras:
                changes["extras"] = {NAME if name == READ_AS else name: said for name, said in extras.items()}
            return replace(node, **changes) if changes else node


def understood(part: Opaque) -> Part:
    """The part that a chunk of this wire's own kinds is; itself when it is none that is modelled."""
    match part.body:
        case {"type": "document_url", "document_url": str(url), **rest}:
            name = rest.pop("document_name", None)
            title = name if isinstance(name, str) else None
            return part if rest else Document(located(url), title)
        case {"type": "file", "file_id": str(number), **rest} if not rest:
            return Document(FileSource(number, NAME))
        case {"type": "input_audio", "input_audio": str(sound), **rest} if not rest:
            return _sound(sound)
        case dict(body) if body.get("type") == "reference":
            return Text("", (Citation(NAME, body),))
        case _:
            return part


def located(url: str) -> Base64Source | UrlSource:
    """A `data:` URL's bytes, or the URL."""
    media_type, comma, data = url.removeprefix("data:").partition(";base64,")
    return Base64Source(media_type, data) if comma and url.startswith("data:") else UrlSource(url)


def _sound(said: str) -> Audio:
    source = located(said)
    if isinstance(source, Base64Source) or "://" in said:
        return Audio(source)
    container = next((name for start, name in _CONTAINERS if said.startswith(start)), "mp3")
    return Audio(Base64Source(f"audio/{container}", said), container)
