"""What the answers of OpenAI's endpoints for pictures, sound and the like say was used.

Nothing of these is translated: they pass through, and only their usage is read, from a whole answer, from its end where
it is too large to be kept (pictures come before the usage), or from the events of a stream.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from keywright.core.dialect import Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.json import Json, JsonObject
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.sse import SseDecoder

Medium: TypeAlias = Literal["text", "image", "audio"]
"""What an endpoint gives."""

FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
"""How large an event is still read: one may hold a picture."""
USAGE_BYTES_MAX: Final = 4096

_OBJECT: Final = msgspec.json.Decoder(JsonObject)
_MEMBER: Final = b'"usage"'


def tap_response(body: bytes, medium: Medium) -> Tapped:
    """What a whole answer says of itself; nothing where it is no JSON object with a usage."""
    found = _object(body)
    if found is None:
        return Tapped()
    model = found.get("model")
    return Tapped(usage_of(found.get("usage"), medium), model if isinstance(model, str) else None, complete=False)


def tap_tail(tail: bytes, medium: Medium) -> Tapped:
    """What the end of a whole answer says was used: its last member `usage` that is an object."""
    at = tail.rfind(_MEMBER)
    while at >= 0:
        start = tail.find(b"{", at, at + len(_MEMBER) + 8)
        if start >= 0:
            found = _object_at(tail, start)
            return Tapped(usage_of(found, medium))
        at = tail.rfind(_MEMBER, 0, at)
    return Tapped()


class Tap:
    """Reads the usage in a stream that passes through. An event that is too large is not read."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self._decoder = SseDecoder(FRAME_BYTES_MAX)
        self._usage: Usage | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk`; it passes on as it came."""
        try:
            frames = self._decoder.feed(chunk)
        except UpstreamMalformedError:
            self._decoder = SseDecoder(FRAME_BYTES_MAX)
            return chunk
        for frame in frames:
            if _MEMBER in frame.data:
                self._read(_object(frame.data) or {})
        return chunk

    def result(self) -> Tapped:
        """What has been seen so far."""
        return Tapped(self._usage)

    def _read(self, event: JsonObject) -> None:
        response = event.get("response")
        inner = response.get("usage") if isinstance(response, dict) else None
        self._usage = usage_of(event.get("usage") or inner, self._medium) or self._usage


def usage_of(said: Json, medium: Medium) -> Usage | None:
    """The tokens that a member `usage` tells of; None where it tells of none (of seconds, say), or makes no sense."""
    if not isinstance(said, dict):
        return None
    into = _details(said, "input_tokens_details", "input_token_details", "prompt_tokens_details")
    out = _details(said, "output_tokens_details", "output_token_details", "completion_tokens_details")
    audio, image, cached = (_count(into, f"{kind}_tokens") for kind in ("audio", "image", "cached"))
    reasoning = _count(out, "reasoning_tokens")
    generated = _count(said, "output_tokens") + _count(said, "completion_tokens") - reasoning
    text = generated if medium == "text" else _count(out, "text_tokens")
    usage = Usage(
        input=_count(said, "input_tokens") + _count(said, "prompt_tokens") - audio - image - cached,
        output=text,
        reasoning=reasoning,
        cache_read=cached,
        audio_input=audio,
        image_input=image,
        audio_output=generated - text if medium == "audio" else 0,
        image_output=generated - text if medium == "image" else 0,
    )
    try:
        return checked(usage) if usage != Usage() else None
    except InconsistentUsageError:
        return None


def _details(said: JsonObject, *names: str) -> JsonObject:
    for name in names:
        found = said.get(name)
        if isinstance(found, dict):
            return found
    return {}


def _count(said: JsonObject, name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _object(data: bytes) -> JsonObject | None:
    try:
        return _OBJECT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _object_at(data: bytes, start: int) -> JsonObject | None:
    """The object that begins at `start`: up to the first closing brace with which it is one."""
    end = data.find(b"}", start)
    while 0 <= end < start + USAGE_BYTES_MAX:
        found = _object(data[start : end + 1])
        if found is not None:
            return found
        end = data.find(b"}", end + 1)
    return None
