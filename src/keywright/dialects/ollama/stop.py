"""How does a stream end that the gateway ends? With a line that says that its length was the reason."""

from typing import Final

import msgspec

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.ollama.moment import moment_of
from keywright.dialects.ollama.shape import Piece, Shape
from keywright.dialects.ollama.usage import counts_of

REASON: Final = "length"
_SAID_BY_ALL: Final = ("model", "created_at")
_LINE: Final = msgspec.json.Decoder(JsonObject)


def stopped(last: bytes, usage: Usage, shape: Shape) -> bytes:
    """The line that ends the answer. `last`: the last line that came, b"" for none."""
    try:
        said = _LINE.decode(last)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = {}
    head = {"model": "", "created_at": moment_of(None)}
    line: JsonObject = {
        **head,
        **{field: said[field] for field in _SAID_BY_ALL if field in said},
        **shape.write(Piece()),
        "done": True,
        "done_reason": REASON,
        **counts_of(usage),
    }
    return msgspec.json.encode(line) + b"\n"
