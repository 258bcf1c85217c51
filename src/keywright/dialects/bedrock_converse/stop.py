"""How does a stream end that the gateway ends? As one that has reached its `maxTokens`."""

from typing import Final

from keywright.core.usage import Usage
from keywright.dialects.aws_eventstream import event_block, framed
from keywright.dialects.bedrock_converse.response import NO_METRICS
from keywright.dialects.bedrock_converse.usage import usage_node
from keywright.dialects.bedrock_converse.wire import Node, rendered

REASON: Final = "max_tokens"


def stopped(block: int | None, usage: Usage, *, has_begun: bool) -> bytes:
    """The messages that end the `block` that is open, None for none, and the answer that has begun or has yet to."""
    said: list[tuple[str, Node]] = []
    if not has_begun:
        said.append(("messageStart", {"role": "assistant"}))
    if block is not None:
        said.append(("contentBlockStop", {"contentBlockIndex": block}))
    said.append(("messageStop", {"stopReason": REASON}))
    said.append(("metadata", {"usage": usage_node(usage), "metrics": NO_METRICS}))
    return b"".join([framed(event_block(kind), rendered(node)) for kind, node in said])
