"""How does a stream end that the gateway ends? As one that has reached its `max_tokens`."""

from typing import Final

from keywright.core.usage import NO_USAGE, Usage
from keywright.dialects.anthropic.response import message_node
from keywright.dialects.anthropic.usage import usage_node
from keywright.dialects.anthropic.wire import Node, rendered
from keywright.dialects.sse import event_frame

REASON: Final = "max_tokens"


def stopped(block: int | None, usage: Usage, *, has_begun: bool) -> bytes:
    """The events that end the `block` that is open, None for none, and the message that has begun or has yet to."""
    nodes: list[Node] = []
    if not has_begun:
        nodes.append({"type": "message_start", "message": {**message_node("", "", []), "usage": usage_node(NO_USAGE)}})
    if block is not None:
        nodes.append({"type": "content_block_stop", "index": block})
    used = usage_node(usage)
    if not usage.cache_write_1h:
        del used["cache_creation"]  # the start says it, and the end only what differs
    nodes.append({"type": "message_delta", "delta": {"stop_reason": REASON, "stop_sequence": None}, "usage": used})
    nodes.append({"type": "message_stop"})
    return b"".join([event_frame(str(node["type"]).encode(), rendered(node)) for node in nodes])
