"""How a thought that another provider signed finds its way back to it through a client of this API.

Such a client keeps `thoughtSignature` and sends it back on its part. So the signature goes there, wrapped with its
origin: base64, which the field must be, of `keywright:ORIGIN:t:…` for a thought, `:r:` for a redacted one. Gemini could
not read that: the verbatim lane takes such parts out (see `verbatim`). The alternative, to show such thoughts without a
signature, would end a conversation with Claude at the first call of a tool.
"""

from base64 import b64decode, b64encode
from typing import Final

from keywright.core.message import RedactedThinking, Thinking

MARK: Final = "a2V5d3JpZ2h0O"
"""How a wrapped signature begins: base64 of `keywright:`, as far as no other byte has a part in it."""

_PREFIX: Final = "keywright:"
_THOUGHT: Final = "t"
_REDACTED: Final = "r"
_STANDARD: Final = str.maketrans("-_", "+/")


def wrapped(part: Thinking | RedactedThinking) -> str:
    """The signature, or the redacted data, of another provider's thought."""
    kind, said = (_REDACTED, part.data) if isinstance(part, RedactedThinking) else (_THOUGHT, part.signature or "")
    return b64encode(f"{_PREFIX}{part.origin or ''}:{kind}:{said}".encode()).decode()


def unwrapped(text: str, signature: str) -> Thinking | RedactedThinking | None:
    """The thought of another provider that has this `text` and the wrapped `signature`; None when it was changed."""
    standard = signature.translate(_STANDARD)
    try:
        said = b64decode(standard + "=" * (-len(standard) % 4), validate=True).decode()
    except ValueError:
        return None
    pieces = said.removeprefix(_PREFIX).split(":", 2)
    if len(pieces) != 3 or not said.startswith(_PREFIX):
        return None
    origin, kind, content = pieces
    return RedactedThinking(content, origin) if kind == _REDACTED else Thinking(text, content or None, origin or None)
