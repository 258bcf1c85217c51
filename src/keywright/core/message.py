"""What is said: turns made of parts.

A part is one of a closed set of tagged structs; code that handles parts matches over `Part` and ends in
`assert_never`. What one dialect says and no other can is an `Opaque` part or lives in `extras`.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
"""`tool` turns hold tool results only, and no two of them stand next to each other."""


class CacheMark(Struct, frozen=True, omit_defaults=True):
    """A request to cache the prompt up to and including the node that carries it."""

    ttl: Literal["5m", "1h"] | None = None


class Base64Source(Struct, frozen=True, tag="base64"):
    """Bytes inside the message. `media_type` is a MIME type, `data` standard base64."""

    media_type: str
    data: str


class UrlSource(Struct, frozen=True, tag="url"):
    """An address that the provider (never Keywright) fetches."""

    url: str
    media_type: str | None = None


class FileSource(Struct, frozen=True, tag="file"):
    """A file that was uploaded to a provider. Means nothing to another provider."""

    file_id: str
    dialect: str


class PlainSource(Struct, frozen=True, tag="text"):
    """A document given as plain text."""

    text: str


class BlocksSource(Struct, frozen=True, tag="blocks"):
    """A document given as a list of text and image parts."""

    parts: "tuple[Part, ...]"


Source: TypeAlias = Base64Source | UrlSource | FileSource | PlainSource | BlocksSource


class Citation(Struct, frozen=True, omit_defaults=True):
    """Where a text was taken from. `start` and `end` are character offsets in the cited part, if known.

    `origin` is the dialect in whose shape `body` holds the citation whole.
    """

    origin: str
    body: JsonObject
    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None


class Text(Struct, frozen=True, tag="text", omit_defaults=True):
    """Plain text."""

    text: str
    citations: tuple[Citation, ...] = ()
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


class Image(Struct, frozen=True, tag="image", omit_defaults=True):
    """A picture for the model to see. `detail` is OpenAI's `low`, `high`, `auto`."""

    source: Source
    detail: str | None = None
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


class Document(Struct, frozen=True, tag="document", omit_defaults=True):
    """A document (PDF or text) for the model to read. `citations`: whether it should cite from it."""

    source: Source
    title: str | None = None
    context: str | None = None
    citations: bool | None = None
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


class Audio(Struct, frozen=True, tag="audio", omit_defaults=True):
    """Sound. `format` is the container's short name (`wav`, `mp3`)."""

    source: Source
    format: str | None = None
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


class ToolCall(Struct, frozen=True, tag="tool_call", omit_defaults=True):
    """The model asks its client to run a tool. `arguments` is the JSON text, exactly as it was produced
    (it may be empty, and from a weak model it may be no JSON). `custom` marks a free-text tool's call.
    """

    id: str
    name: str
    arguments: str
    custom: bool = False
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


class ToolResult(Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """What the tool answered. `is_error` where the dialect can say so."""

    call_id: str
    parts: "tuple[Part, ...]"
    is_error: bool = False
    name: str | None = None
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


class Thinking(Struct, frozen=True, tag="thinking", omit_defaults=True):
    """The model's reasoning. `signature` proves it to the provider that made it and is replayed as it came.

    `origin` is the dialect whose provider made the signature: to another the signature means nothing.
    """

    text: str
    signature: str | None = None
    origin: str | None = None
    extras: Extras = NO_EXTRAS


class RedactedThinking(Struct, frozen=True, tag="redacted_thinking", omit_defaults=True):
    """Reasoning that only its provider can read; replayed as it came."""

    data: str
    origin: str
    extras: Extras = NO_EXTRAS


class Refusal(Struct, frozen=True, tag="refusal", omit_defaults=True):
    """The model declines, in words."""

    text: str
    extras: Extras = NO_EXTRAS


class ServerToolCall(Struct, frozen=True, tag="server_tool_call", omit_defaults=True):
    """A tool that the provider runs itself was called. `body` is the block in the shape of `origin`."""

    origin: str
    id: str
    name: str
    arguments: str
    body: JsonObject
    cache: CacheMark | None = None


class ServerToolResult(Struct, frozen=True, tag="server_tool_result", omit_defaults=True):
    """What a provider-run tool answered. `body` is the block in the shape of `origin`."""

    origin: str
    call_id: str
    kind: str
    body: JsonObject
    cache: CacheMark | None = None


class Opaque(Struct, frozen=True, tag="opaque", omit_defaults=True):
    """A part that only its own dialect understands, whole. Never dropped: carried or refused."""

    origin: str
    kind: str
    body: Json


Part: TypeAlias = (
    Text
    | Image
    | Document
    | Audio
    | ToolCall
    | ToolResult
    | Thinking
    | RedactedThinking
    | Refusal
    | ServerToolCall
    | ServerToolResult
    | Opaque
)


class Turn(Struct, frozen=True, omit_defaults=True):
    """One speaker's contribution. `name` tells speakers of one role apart (OpenAI)."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extras: Extras = NO_EXTRAS
