"""What the edge works with."""

import asyncio
from typing import Final

from msgspec import Struct, field

from keywright.pipeline.serve import Desk
from keywright.server.reading import Ids

UNPROVEN_BYTES_MAX: Final = 256 * 1024
"""How much of a body is taken before its key is looked at."""
PASSED_BYTES_MAX: Final = 1 << 30
"""How long a body may be that passes through without being kept: twice the largest file that providers take."""
READ_S: Final = 60.0
"""How long a client may take to send a request, from its first byte to its last."""
BODY_BYTES_PER_S_MIN: Final = 1024
"""How fast a body that passes through must come at least, once its client has been waited for `read_s` in all."""


class Edge(Struct, frozen=True, eq=False):
    """`body_bytes_max` bounds a request, `unproven_bytes_max` what is taken of it before its key is looked at,
    `calls_max` how many calls run at once, `read_s` how long a request may take to come, or a piece of one that passes
    through, of which there may be `passed_bytes_max`. `running`: the calls that are served over plain ASGI just now.
    """

    desk: Desk
    ids: Ids
    body_bytes_max: int
    calls_max: int
    unproven_bytes_max: int = UNPROVEN_BYTES_MAX
    passed_bytes_max: int = PASSED_BYTES_MAX
    read_s: float = READ_S
    running: set[asyncio.Future[None]] = field(default_factory=set)

    def new_id(self) -> str:
        """A name for what comes now."""
        return self.ids.next(self.desk.clock.unix_us())
