"""How large can a prompt be of which not all is text? What a body says of it, for the worst case of a call.

A byte of text is one token at most. That does not hold of pictures (a few bytes may be thousands of tokens, a million
bytes no more than that), and nothing in a body bounds what it only refers to. Most bodies hold neither, so each dialect
glances at the types of its messages' parts (half a microsecond, as the decoder skips all else), and only a body in
which one is not known for text is walked.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

from keywright.core.dialect import TEXT, Beyond
from keywright.core.json import Json, JsonObject

PICTURE_TOKENS_MAX: Final = 40_000
"""The most that any provider makes of one picture: 37 thousand, of the largest in OpenAI's small models."""

RUNS_ASSUMED: Final = 10
"""How often a provider runs its own tools in one call, where the request does not say: Anthropic's own limit."""

TOOL_TOKENS_MAX: Final = 2048
"""The most that a provider puts into a prompt to explain one of the tools that only it knows."""

_PICTURE_TYPES: Final = frozenset(
    {"image", "image_url", "input_image", "image_generation_call", "computer_screenshot", "computer_call_output"}
)
_ENDLESS_TYPES: Final = frozenset(
    {
        "audio_url",
        "container_upload",
        "document_url",
        "file",
        "input_audio",
        "input_file",
        "input_video",
        "item_reference",
        "video",
        "video_url",
    }
)
_RESULT: Final = "_tool_result"
"""The end of the type of what a provider's own tool gave: it may be sealed, and refer to more."""
_ENDLESS_KEYS: Final = frozenset({"fileData", "file_data", "video", "audio"})
_INLINE_KEYS: Final = ("inlineData", "inline_data")
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
KEPT: Final = Beyond(boundless=True)
"""Of a request that refers to what the provider keeps, or holds what may be as large."""
SEARCHING: Final = Beyond(runs_max=RUNS_ASSUMED, searches_max=RUNS_ASSUMED)
"""Of a request that asks for searches without saying how many."""
UNKNOWN: Final = Beyond(boundless=True, runs_max=RUNS_ASSUMED, searches_max=RUNS_ASSUMED)
"""Of what cannot be read here: the provider may."""


class Typed(Struct):
    """The little of a tool that tells whose it is."""

    type: str | None = None
    max_uses: int | None = None


_TOOLS: Final = msgspec.json.Decoder(list[Typed])
_NAMED_TOOLS: Final = msgspec.json.Decoder(list[dict[str, Raw]])


class Part(Struct, gc=False):
    """The little of a part that tells whether it is text."""

    type: str | None = None


class Message(Struct, gc=False):
    """The little of a message that tells whether all of it is text."""

    content: str | list[Part] | None = None
    audio: Json = None


_MESSAGES: Final = msgspec.json.Decoder(list[Message])
_TEXTS: Final = frozenset({"text", "refusal", "thinking"})


def messages_extent(raw: Raw | None) -> Beyond:
    """What stands in messages as OpenAI's chats have them, beside text."""
    if raw is None:
        return TEXT
    try:
        for message in _MESSAGES.decode(raw):
            content = message.content
            if message.audio is not None:
                return content_extent((raw,))
            if content.__class__ is list:
                for part in content:
                    if part.type not in _TEXTS:
                        return content_extent((raw,))
    except _UNREADABLE:
        return content_extent((raw,))
    return TEXT


def content_extent(values: Iterable[Raw | None], picture_tokens: int = PICTURE_TOKENS_MAX) -> Beyond:
    """What stands in these members beside text, whichever dialect's words it is said in."""
    scales = _Scales(picture_tokens)
    for raw in values:
        if raw is not None:
            try:
                scales.add(msgspec.json.decode(raw))
            except _UNREADABLE:
                return UNKNOWN
    return Beyond(scales.added_tokens, scales.data_bytes, scales.boundless)


def tools_extent(
    raw: Raw | None, clients: Collection[str], explained: tuple[str, ...] = (), runs_max: int = RUNS_ASSUMED
) -> Beyond:
    """What the tools that have a type add: those of a type among `clients` the client runs itself; so it does those
    whose type begins with one of `explained`, which the provider explains to the model; the provider runs all others,
    `runs_max` times together if none says how often.
    """
    if raw is None:
        return TEXT
    try:
        tools = _TOOLS.decode(raw)
    except _UNREADABLE:
        return UNKNOWN if bytes(raw) != b"null" else TEXT
    strange = [tool for tool in tools if tool.type is not None and tool.type not in clients]
    if not strange:
        return TEXT
    own = [tool for tool in strange if not str(tool.type).startswith(explained)] if explained else strange
    limits = [tool.max_uses for tool in own]
    runs = runs_max
    if limits and None not in limits:
        runs = min(runs_max, sum(limit for limit in limits if limit is not None and limit > 0))
    runs = runs if own else 0
    return Beyond(len(strange) * TOOL_TOKENS_MAX, runs_max=runs, searches_max=runs)


def named_tools_extent(raw: Raw | None, clients: Collection[str]) -> Beyond:
    """What tools add that are told by the name of their only member: those not of `clients` the provider runs."""
    if raw is None:
        return TEXT
    try:
        tools = _NAMED_TOOLS.decode(raw)
    except _UNREADABLE:
        return UNKNOWN if bytes(raw) != b"null" else TEXT
    strange = sum(not set(clients) >= tool.keys() for tool in tools)
    if not strange:
        return TEXT
    return Beyond(strange * TOOL_TOKENS_MAX, runs_max=RUNS_ASSUMED, searches_max=RUNS_ASSUMED)


def holds(values: Mapping[str, Raw], names: Iterable[str]) -> bool:
    """Whether one of the members `names` is there, and says something."""
    for name in names:
        raw = values.get(name)
        if raw is not None and bytes(raw) not in (b"null", b"[]", b'""', b"false"):
            return True
    return False


def joined(*extents: Beyond) -> Beyond:
    """All of `extents` together."""
    beyond = [extent for extent in extents if extent is not TEXT]
    if len(beyond) < 2:
        return beyond[0] if beyond else TEXT
    return Beyond(
        added_tokens=sum(extent.added_tokens for extent in beyond),
        data_bytes=sum(extent.data_bytes for extent in beyond),
        boundless=any(extent.boundless for extent in beyond),
        runs_max=max(extent.runs_max for extent in beyond),
        searches_max=max(extent.searches_max for extent in beyond),
    )


class _Scales:
    """Weighs values one after another."""

    def __init__(self, picture_tokens: int) -> None:
        self._picture_tokens = picture_tokens
        self.added_tokens = 0
        self.data_bytes = 0
        self.boundless = False

    def add(self, value: Json) -> None:
        """Weigh `value` and all within it."""
        if isinstance(value, list):
            for item in value:
                self.add(item)
        elif isinstance(value, dict):
            if _is_picture(value):
                self.added_tokens += self._picture_tokens
                self.data_bytes += _text_bytes(value)
                return
            self.boundless = self.boundless or _is_endless(value)
            for item in value.values():
                self.add(item)


def _is_picture(node: JsonObject) -> bool:
    word = node.get("type")
    if (isinstance(word, str) and word in _PICTURE_TYPES) or "image_url" in node:
        return True
    inline = next((node[key] for key in _INLINE_KEYS if key in node), None)
    if isinstance(inline, dict):
        kind = inline.get("mimeType") or inline.get("mime_type")
        return isinstance(kind, str) and kind.startswith("image/")
    image = node.get("image")
    return len(node) == 1 and isinstance(image, dict) and "source" in image


def _is_endless(node: JsonObject) -> bool:
    kind = node.get("type")
    if isinstance(kind, str) and (kind in _ENDLESS_TYPES or (kind.endswith(_RESULT) and kind != "mcp_tool_result")):
        return True
    if not _ENDLESS_KEYS.isdisjoint(node) or any(key in node for key in _INLINE_KEYS):
        return True
    if kind == "document" or (isinstance(node.get("document"), dict) and len(node) == 1):
        held = node if kind == "document" else node["document"]
        source = held.get("source") if isinstance(held, dict) else None
        return isinstance(source, dict) and source.get("type") not in ("text", "content")
    return False


def _text_bytes(value: Json) -> int:
    """How many characters the texts within `value` have: no more than bytes."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_text_bytes, value))
    return sum(map(_text_bytes, value.values())) if isinstance(value, dict) else 0
