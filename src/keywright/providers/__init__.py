"""Who answers: providers as data. `PROVIDERS` is the whole inventory, in the order in which it is shown."""

from types import MappingProxyType
from typing import Final

from keywright.providers.anthropic import ANTHROPIC
from keywright.providers.deepseek import DEEPSEEK
from keywright.providers.fireworks import FIREWORKS
from keywright.providers.groq import GROQ
from keywright.providers.lmstudio import LMSTUDIO
from keywright.providers.local import LOCAL
from keywright.providers.ollama import OLLAMA
from keywright.providers.openai import OPENAI
from keywright.providers.openai_compatible import OPENAI_COMPATIBLE
from keywright.providers.openrouter import OPENROUTER
from keywright.providers.provider import Provider
from keywright.providers.together import TOGETHER
from keywright.providers.xai import XAI

PROVIDERS: Final[tuple[Provider, ...]] = (
    OPENAI,
    ANTHROPIC,
    OPENROUTER,
    GROQ,
    DEEPSEEK,
    XAI,
    TOGETHER,
    FIREWORKS,
    OLLAMA,
    LMSTUDIO,
    LOCAL,
    OPENAI_COMPATIBLE,
)

_BY_NAME: Final = MappingProxyType({provider.name: provider for provider in PROVIDERS})


def find(name: str) -> Provider | None:
    """The built-in provider (or generic kind) of that name, or None."""
    return _BY_NAME.get(name)
