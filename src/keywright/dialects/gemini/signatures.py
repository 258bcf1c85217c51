"""Signatures of texts and calls that clients of other dialects keep apart from them (see `dialects.seal`)."""

from collections.abc import Iterator

from msgspec.structs import replace

from keywright.core.message import Part, RedactedThinking, Text, ToolCall
from keywright.dialects.gemini.parts_in import SIGNATURE
from keywright.dialects.gemini.wire import NAME, own
from keywright.dialects.seal import SIGNS


def placed(parts: tuple[Part, ...]) -> Iterator[tuple[int, Part]]:
    """The parts of a turn with their numbers, signatures that stood apart back in the texts and calls behind them.

    One whose part is not there any more is what it is to this API without one: a thought that only it can read.
    """
    apart: dict[str, tuple[int, str]] = {}  # by whose they are
    for index, part in enumerate(parts):
        if isinstance(part, RedactedThinking) and (whose := _whose(part)) is not None:
            apart[whose] = index, part.data
        elif apart and isinstance(part, Text | ToolCall):
            _, signature = apart.pop(part.id if isinstance(part, ToolCall) else "", (index, ""))
            yield index, _signed(part, signature) if signature else part
        else:
            yield index, part
    for index, signature in apart.values():
        yield index, RedactedThinking(signature, NAME)


def _whose(part: RedactedThinking) -> str | None:
    whose = own(part.extras).get(SIGNS) if part.origin == NAME else None
    return whose if isinstance(whose, str) else None


def _signed(part: Text | ToolCall, signature: str) -> Part:
    return replace(part, extras={**part.extras, NAME: {SIGNATURE: signature, **own(part.extras)}})
