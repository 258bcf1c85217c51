"""What a scenario may ask of any SDK, and what it hears, in one form."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

Finish: TypeAlias = Literal["stop", "length", "tools", "other"]

WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where"}},
    "required": ["city"],
}
CLOCK: dict[str, Any] = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
TOOLS: dict[str, dict[str, Any]] = {"weather": WEATHER, "clock": CLOCK}
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Said:
    """One answer. `calls` are names with their arguments; `turn` is what this SDK puts into the history for it.

    `usage` is (input, output) as the SDK tells it; None where this SDK tells none.
    """

    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    finish: Finish = "stop"
    usage: tuple[int, int] | None = None
    turn: Any = field(default=None, compare=False)


class FailedError(Exception):
    """The SDK raised an error of its own. `status` is HTTP's, 0 within a stream that had begun."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Sdk(Protocol):
    """One SDK. Every method raises FailedError in the place of the SDK's own errors."""

    name: str
    dialect: str

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        """A question, answered whole."""
        ...

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        """The same as a stream, put together."""
        ...

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        """The next turn: `text` was asked, `said` called tools, and these are the results."""
        ...

    def close(self) -> None:
        """Give its connections back."""
        ...
