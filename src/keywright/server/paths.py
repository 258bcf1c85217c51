"""Which paths there are: the exact list, and nothing that is not on it is answered but with 404."""

from typing import Final

from msgspec import Struct


class DataPath(Struct, frozen=True):
    """A path of the data plane: the dialect that it speaks and the endpoint that it is."""

    dialect: str
    endpoint: str


_CHAT: Final = DataPath("openai_chat", "chat")
_MESSAGES: Final = DataPath("anthropic", "chat")

DATA_PATHS: Final[dict[bytes, DataPath]] = {
    b"/v1/chat/completions": _CHAT,
    b"/openai/v1/chat/completions": _CHAT,
    b"/v1/messages": _MESSAGES,
    b"/anthropic/v1/messages": _MESSAGES,
}
"""POST only. Looked up by the raw path, so that nothing that decodes to one of them is one of them."""

MODELS_PATHS: Final = frozenset({b"/v1/models", b"/openai/v1/models", b"/anthropic/v1/models"})
"""GET, also with `/{id}` behind."""

DIALECT_PREFIXES: Final[dict[bytes, str]] = {b"/openai/": "openai_chat", b"/anthropic/": "anthropic"}
"""Below them everything is answered in that dialect, also that it is not served."""

OPEN_PATHS: Final = frozenset({b"/health/live", b"/health/ready", b"/metrics"})
"""What may be read without a key."""
