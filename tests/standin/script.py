"""What a stand-in shall answer to one request, or how it shall fail. An empty script is the answer by the rules."""

from dataclasses import dataclass
from typing import Literal

from keywright.core.json import JsonObject

Fault = Literal["", "hang", "stall", "cut", "reset", "error_event", "malformed", "not_http"]
"""`hang`: no head ever. The others come after `after` pieces of a stream, or within the body of a whole answer:
`stall`: silence with the connection open. `cut`: orderly close before the end. `reset`: TCP reset. `error_event`: the
provider's own error within the stream. `malformed`: JSON that does not parse. `not_http`: no HTTP at all."""

Finish = Literal["auto", "stop", "length", "refusal", "content_filter", "pause"]


@dataclass(frozen=True)
class Call:
    """A tool call that the stand-in shall make."""

    name: str
    arguments: JsonObject


@dataclass(frozen=True)
class Script:
    """One answer. `words`: instead of `text`, so many words. `pace_s`: seconds between pieces of a stream. `deaf`: the
    limit that the request sets is not kept.

    `status` other than 200 answers the provider's own error with `message`, and `retry_after` as header.
    """

    text: str = ""
    words: int = 0
    thinking: str = ""
    redacted: bool = False
    calls: tuple[Call, ...] = ()
    finish: Finish = "auto"
    pace_s: float = 0.0
    head_delay_s: float = 0.0
    status: int = 200
    message: str = ""
    retry_after: str = ""
    deaf: bool = False
    fault: Fault = ""
    after: int = 0


PLAIN = Script()


def failing(status: int, times: int = 1, *, retry_after: str = "") -> tuple[Script, ...]:
    """So many failures with `status`; after them the request is answered."""
    return (Script(status=status, retry_after=retry_after),) * times
