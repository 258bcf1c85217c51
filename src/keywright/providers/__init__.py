"""Who answers: providers as data. `PROVIDERS` is the whole inventory, in the order in which it is shown."""

from types import MappingProxyType
from typing import Final

from keywright.providers.anthropic import ANTHROPIC
from keywright.providers.apisix import APISIX
from keywright.providers.azure import AZURE
from keywright.providers.bedrock import BEDROCK
from keywright.providers.cerebras import CEREBRAS
from keywright.providers.cohere import COHERE
from keywright.providers.dashscope import DASHSCOPE
from keywright.providers.deepinfra import DEEPINFRA
from keywright.providers.deepseek import DEEPSEEK
from keywright.providers.fireworks import FIREWORKS
from keywright.providers.gemini import GEMINI
from keywright.providers.groq import GROQ
from keywright.providers.helicone import HELICONE
from keywright.providers.huggingface import HUGGINGFACE
from keywright.providers.kong import KONG
from keywright.providers.litellm import LITELLM
from keywright.providers.llama_cpp import LLAMA_CPP
from keywright.providers.lmstudio import LMSTUDIO
from keywright.providers.local import LOCAL
from keywright.providers.mistral import MISTRAL
from keywright.providers.moonshot import MOONSHOT
from keywright.providers.nvidia import NVIDIA
from keywright.providers.ollama import OLLAMA
from keywright.providers.openai import OPENAI
from keywright.providers.openai_compatible import OPENAI_COMPATIBLE
from keywright.providers.openrouter import OPENROUTER
from keywright.providers.perplexity import PERPLEXITY
from keywright.providers.portkey import PORTKEY
from keywright.providers.provider import Provider
from keywright.providers.sambanova import SAMBANOVA
from keywright.providers.sglang import SGLANG
from keywright.providers.tgi import TGI
from keywright.providers.tgi_generate import TGI_GENERATE
from keywright.providers.together import TOGETHER
from keywright.providers.truefoundry import TRUEFOUNDRY
from keywright.providers.vertex import VERTEX
from keywright.providers.vllm import VLLM
from keywright.providers.xai import XAI
from keywright.providers.zai import ZAI

PROVIDERS: Final[tuple[Provider, ...]] = (
    OPENAI,
    ANTHROPIC,
    GEMINI,
    BEDROCK,
    MISTRAL,
    COHERE,
    HUGGINGFACE,
    AZURE,
    VERTEX,
    OPENROUTER,
    LITELLM,
    PORTKEY,
    HELICONE,
    KONG,
    APISIX,
    TRUEFOUNDRY,
    GROQ,
    DEEPSEEK,
    XAI,
    TOGETHER,
    FIREWORKS,
    PERPLEXITY,
    CEREBRAS,
    NVIDIA,
    SAMBANOVA,
    DEEPINFRA,
    MOONSHOT,
    ZAI,
    DASHSCOPE,
    OLLAMA,
    LMSTUDIO,
    VLLM,
    LLAMA_CPP,
    SGLANG,
    TGI,
    TGI_GENERATE,
    LOCAL,
    OPENAI_COMPATIBLE,
)

_BY_NAME: Final = MappingProxyType({provider.name: provider for provider in PROVIDERS})


def find(name: str) -> Provider | None:
    """The built-in provider (or generic kind) of that name, or None."""
    return _BY_NAME.get(name)
