"""A stream that is one JSON array, sans-IO: bytes cut anywhere in, the bytes of whole elements out.

Elements must be objects or arrays. Where one ends is found by counting brackets; texts, which are most of it, are
passed over by looking for the quotation mark that ends them, in C. To decode what has come and see whether it is whole
would read a large element as often as it was cut; that is tried once, when bytes begin with an element, for nearly
always they end with one. What an element says is not looked into here.
"""

import re
from typing import Final

import msgspec
from msgspec import Raw

from keywright.core.errors import UpstreamMalformedError

ELEMENT_BYTES_MAX: Final = 16 * 1024 * 1024
"""An element may hold a picture in base64; anything larger is not an answer."""

WHOLE_BYTES_MAX: Final = 256 * 1024
"""How large a chunk may be of which it is tried whether it holds whole elements."""

_ELEMENTS: Final = msgspec.json.Decoder(list[Raw])
_STRUCTURE: Final = re.compile(rb'["{}\[\]]')
_SPACE: Final = b" \t\r\n"
_BETWEEN: Final = b" \t\r\n,"
_ARRAY: Final = ord("[")
_END: Final = ord("]")
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_OPENING: Final = b"{["
_BEFORE: Final = {b"": b"[", b"[": b"", b",": b""}
"""What goes before an element, by what was before that, if that was none."""


class JsonArrayDecoder:
    """Bytes to elements. `ended`: whether the array has been closed."""

    __slots__ = ("_at", "_depth", "_element_bytes_max", "_held", "_tail", "_text", "ended")

    def __init__(self, element_bytes_max: int = ELEMENT_BYTES_MAX) -> None:
        self._element_bytes_max = element_bytes_max
        self._held = bytearray()  # from the beginning of the element that is not whole
        self._at = 0  # how far that has been looked through
        self._depth = -1  # of brackets within it: 0 between elements, -1 before the array
        self._text = -1  # where the text begins that `_at` is in, -1 when it is in none
        self._tail = b""  # the last byte that was no space
        self.ended = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The elements that `chunk` completes. What follows the array is dropped.

        Raises:
            UpstreamMalformedError: it is no array of objects, or an element is larger than `element_bytes_max`.
        """
        held = self._held
        self._tail = chunk.rstrip(_SPACE)[-1:] or self._tail
        if self._depth == 0 and not held and not self.ended:
            found = _whole(chunk)
            if found:
                return found
        elements: list[bytes] = []
        if not self.ended:
            held += chunk
        while not self.ended and self._at < len(held):
            if self._depth <= 0:
                self._begin()
            elif self._text >= 0:
                self._pass_text()
            elif self._step():
                elements.append(bytes(held[: self._at]))
                del held[: self._at]
                self._at = 0
        if len(held) > self._element_bytes_max:
            raise UpstreamMalformedError(f"an element of the stream is larger than {self._element_bytes_max} bytes")
        return elements

    @property
    def rest_bytes(self) -> int:
        """The size of the element that is not whole yet."""
        return len(self._held)

    @property
    def before(self) -> bytes:
        """What goes before one more element, where none has begun."""
        return _BEFORE.get(self._tail, b",\r\n")

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data`, were they fed next, it takes to the end of an element, or of the array; 0 when it
        holds no end.
        """
        probe = JsonArrayDecoder(self._element_bytes_max)
        probe._held = self._held + data
        probe._at, probe._depth, probe._text = self._at, self._depth, self._text
        whole = len(data)
        try:
            while not probe.ended and probe._at < len(probe._held):
                if probe._depth <= 0:
                    probe._begin()
                elif probe._text >= 0:
                    probe._pass_text()
                elif probe._step():
                    return whole - len(probe._held) + probe._at
        except UpstreamMalformedError:
            return whole
        return whole if probe.ended else 0

    def _begin(self) -> None:
        """Go into the next element, into the array, or behind it; or wait for more."""
        held = self._held
        del held[: len(held) - len(held.lstrip(_BETWEEN if self._depth == 0 else _SPACE))]
        if not held:
            return
        first = held[0]
        if self._depth < 0:
            if first != _ARRAY:
                raise UpstreamMalformedError("the stream is no JSON array")
            del held[:1]
            self._depth = 0
        elif first == _END:
            self.ended = True
            held.clear()
        elif first in _OPENING:
            self._depth = self._at = 1
        else:
            raise UpstreamMalformedError("an element of the stream is no object")

    def _step(self) -> bool:
        """Go behind the next bracket or quotation mark; whether it ends the element."""
        found = _STRUCTURE.search(self._held, self._at)
        if found is None:
            self._at = len(self._held)
            return False
        self._at = found.end()
        sign = self._held[self._at - 1]
        if sign == _QUOTE:
            self._text = self._at
        else:
            self._depth += 1 if sign in _OPENING else -1
        return self._depth == 0

    def _pass_text(self) -> None:
        """Go behind the quotation mark that may end a text, or to the end of what has come."""
        held = self._held
        mark = held.find(b'"', self._at)
        if mark < 0:
            self._at = len(held)
            return
        self._at = mark + 1
        before = mark
        while before > self._text and held[before - 1] == _BACKSLASH:
            before -= 1
        if (mark - before) % 2 == 0:  # else it is one within the text
            self._text = -1


def _whole(chunk: bytes) -> list[bytes]:
    """The elements of a chunk that holds nothing else; none when it does not, or may not."""
    said = chunk.strip(_BETWEEN)
    if not said.endswith(b"}") or len(said) > WHOLE_BYTES_MAX:
        return []
    try:
        elements = [bytes(element) for element in _ELEMENTS.decode(b"[%b]" % said)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return elements if all(element[0] in _OPENING for element in elements) else []
