"""Where the SDKs are pointed at: one running gateway, and what an upstream behind it saw and what the ledger kept.

A scenario asks through an SDK and then looks at all three: the SDK's object, the upstream's request, the entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import httpx2

from keywright.core.entry import Entry
from tests.gateway import Gateway
from tests.standin.cloud import StandIn

WireName: TypeAlias = Literal["openai", "anthropic"]
WIRES: tuple[WireName, ...] = ("openai", "anthropic")
DIALECTS: Mapping[WireName, str] = {"openai": "openai_chat", "anthropic": "anthropic"}
TIMEOUT_S = 10.0
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
CITY_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
    "additionalProperties": False,
}


@dataclass
class Heard:
    """The heads of the answers that the SDKs' HTTP clients received, in order."""

    heads: list[httpx2.Headers] = field(default_factory=list)

    def note(self, response: httpx2.Response) -> None:
        """A synchronous client's hook."""
        self.heads.append(response.headers)

    @property
    def request_id(self) -> str:
        """The gateway's name for the last call."""
        return str(self.heads[-1]["x-keywright-request-id"])

    async def anote(self, response: httpx2.Response) -> None:
        """An asynchronous client's hook."""
        self.note(response)


@dataclass(frozen=True)
class Site:
    """One upstream behind the gateway. `model`: as clients ask for it; `thinker`: one that reasons."""

    wire: WireName
    model: str
    thinker: str
    cloud: StandIn
    gateway: Gateway
    heard: Heard

    @property
    def body(self) -> dict[str, Any]:
        """What the upstream was asked last."""
        return self.cloud.last.body

    @property
    def losses(self) -> str:
        """What the gateway said it dropped, in its last answer."""
        return str(self.heard.heads[-1].get("x-keywright-loss", ""))

    def entry(self) -> Entry:
        """The ledger's entry of the last call."""
        return self.gateway.entry(self.heard.request_id)

    def settled(self) -> Entry:
        """The entry of the last call, which went well: it holds the upstream's own figures, and a cost."""
        entry, used = self.entry(), self.cloud.last.used
        assert used is not None
        assert {unit: getattr(entry.usage, unit) for unit in vars(used)} == vars(used)
        assert (entry.outcome, entry.status, entry.usage_source, entry.code) == ("ok", 200, "provider", "")
        assert entry.provider == self.wire
        assert entry.verbatim == (entry.dialect == DIALECTS[self.wire])
        assert entry.stream == bool(self.body.get("stream"))
        assert entry.cost_picodollars > 0
        return entry
