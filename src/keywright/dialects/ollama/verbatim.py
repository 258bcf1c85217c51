"""The verbatim lane: what policy must know of a body, and the one value that is exchanged.

Streams always tell usage, so nothing is added to ask for it.
"""

from typing import Annotated, Final

import msgspec

from keywright.core.dialect import TEXT, Peek
from keywright.dialects.extent import KEPT
from keywright.dialects.members import FLAG, MODEL, Peeked, walked
from keywright.dialects.whole import patch_whole

_SHARED: Final = frozenset(("format", "images", "model", "options", "stream", "think", "tools"))
CHAT_RELIED: Final = _SHARED | {"messages"}
"""The members of a chat request that policy acts on, here or after decoding."""

GENERATE_RELIED: Final = _SHARED | {"prompt", "raw", "suffix", "system", "template"}
"""The same of a request to generate."""

_OPTIONS_RELIED: Final = frozenset(("num_predict",))
_IMAGES: Final = b'"images"'
"""Without it there is nothing but text."""
_TOKENS: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(lt=2**31)] | None)


def peek(body: bytes, relied: frozenset[str]) -> Peek:
    """What policy and routing need to know of `body`. A stream is what is wanted when nothing is said.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = walked(body, relied)
    stream = members.value("stream", FLAG)
    raw = members.values.get("options")
    limit = None
    if raw is not None and bytes(raw) != b"null":
        limit = walked(bytes(raw), _OPTIONS_RELIED).value("num_predict", _TOKENS)
    return Peeked(
        model=members.needed("model", MODEL),
        stream=stream is None or stream,
        input_bytes=len(body),
        output_tokens_max=limit if limit is not None and limit > 0 else None,  # else: without a limit
        beyond=KEPT if _IMAGES in body else TEXT,
        members=members,
    )


def patch(body: bytes, peeked: Peek, model: str, relied: frozenset[str]) -> bytes:
    """`body` with the model's name replaced; all else byte for byte."""
    return patch_whole(body, peeked, model, relied)
