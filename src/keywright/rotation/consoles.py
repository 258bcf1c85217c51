"""Where a person makes and ends a provider's keys, and how: data, for reminders and refusals.

Every provider that takes a key has a row, those with an API as well: without an admin key for it, a person does it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Console(Struct, frozen=True):
    """`title`: the provider's name for people. `url`: the page, "" where only the operator knows its address. `make`
    and `end`: what to do there for a new key, and for the end of an old one.
    """

    title: str
    url: str
    make: str
    end: str = "delete the old key in the same list"


OWN_KEY: Final = "start the server with another key (its setting for API keys), beside the old one if it takes several"
OWN_END: Final = "start the server without the old key"

CONSOLES: Final[Mapping[str, Console]] = MappingProxyType(
    {
        "openai": Console(
            "OpenAI",
            "https://platform.openai.com/api-keys",
            "choose the project, Create new secret key, owned by a service account; with rotation.project and an "
            "admin_key (sk-admin-…) this is done by itself",
        ),
        "anthropic": Console(
            "Anthropic",
            "https://platform.claude.com/settings/keys",
            "Create Key in the old key's workspace",
            "Disable, and later delete, the old key in the same list; with an admin_key (sk-ant-admin…) this is done "
            "by itself",
        ),
        "gemini": Console(
            "Google Gemini",
            "https://aistudio.google.com/api-keys",
            "Create API key in the old key's project",
        ),
        "bedrock": Console(
            "Amazon Bedrock",
            "https://console.aws.amazon.com/bedrock/home#/api-keys",
            "Long-term API keys, Generate; or let short-term keys be minted (mint_short_term_keys = true)",
        ),
        "mistral": Console(
            "Mistral", "https://console.mistral.ai/api-keys", "Create new key in the old key's workspace"
        ),
        "cohere": Console(
            "Cohere",
            "https://dashboard.cohere.com/api-keys",
            "New Production key (trial keys may make 1,000 calls a month)",
        ),
        "huggingface": Console(
            "Hugging Face",
            "https://huggingface.co/settings/tokens",
            "Create new token, fine-grained, with the permission to call Inference Providers",
            "Invalidate and delete the old token in the same list",
        ),
        "azure": Console(
            "Azure OpenAI",
            "https://portal.azure.com",
            "the resource, Keys and Endpoint, Regenerate the key that is NOT in use",
            "Regenerate the old key as well",
        ),
        "vertex": Console(
            "Google Vertex AI",
            "https://console.cloud.google.com/apis/credentials",
            "Create credentials, API key, restricted to the Vertex AI API",
        ),
        "openrouter": Console(
            "OpenRouter", "https://openrouter.ai/settings/keys", "Create API Key, with the old limit"
        ),
        "portkey": Console("Portkey", "https://app.portkey.ai/api-keys", "Create, with the old key's configuration"),
        "helicone": Console("Helicone", "https://us.helicone.ai/settings/api-keys", "Generate New Key"),
        "truefoundry": Console(
            "TrueFoundry", "", "Access, Virtual Accounts, a new token", "revoke the old token there"
        ),
        "litellm": Console(
            "LiteLLM",
            "",
            "Virtual Keys, Create New Key, on the proxy's /ui (or POST /key/generate)",
            "delete the old key there (or POST /key/delete)",
        ),
        "kong": Console(
            "Kong AI Gateway",
            "",
            "add a key-auth credential to the consumer (POST /consumers/NAME/key-auth of the Admin API)",
            "delete the consumer's old key-auth credential",
        ),
        "apisix": Console(
            "Apache APISIX",
            "",
            "add a key-auth credential to the consumer (PUT /apisix/admin/consumers/NAME/credentials/ID)",
            "delete the consumer's old credential",
        ),
        "groq": Console("Groq", "https://console.groq.com/keys", "Create API Key in the old key's project"),
        "deepseek": Console("DeepSeek", "https://platform.deepseek.com/api_keys", "Create new API key"),
        "xai": Console("xAI", "https://console.x.ai", "API Keys, Create API key, with the old key's ACLs"),
        "together": Console(
            "Together AI",
            "https://api.together.ai/settings/api-keys",
            "create a key of the project",
            "delete the old key; an account's first key can only be regenerated",
        ),
        "fireworks": Console(
            "Fireworks AI",
            "https://app.fireworks.ai/settings/users/api-keys",
            "Create API Key (it lives for a year at most)",
        ),
        "perplexity": Console("Perplexity", "https://www.perplexity.ai/account/api/keys", "create a key"),
        "cerebras": Console("Cerebras", "https://cloud.cerebras.ai", "API Keys, Generate API Key"),
        "nvidia": Console("NVIDIA NIM", "https://build.nvidia.com/settings/api-keys", "Generate API Key"),
        "sambanova": Console("SambaNova", "https://cloud.sambanova.ai/apis", "Create API Key (25 a user at most)"),
        "deepinfra": Console("DeepInfra", "https://deepinfra.com/dash/api_keys", "New API key"),
        "moonshot": Console(
            "Moonshot AI",
            "https://platform.moonshot.ai/console/api-keys",
            "Create API Key (on platform.moonshot.cn for an account in China)",
        ),
        "zai": Console("Z.ai", "https://z.ai/manage-apikey/apikey-list", "Create a new API key"),
        "dashscope": Console(
            "Alibaba Model Studio",
            "https://modelstudio.console.alibabacloud.com/?tab=playground#/api-key",
            "create a key in the old key's workspace and region",
        ),
        "ollama": Console("Ollama", "https://ollama.com/settings/keys", "create a key (a local server needs none)"),
        "lmstudio": Console("LM Studio", "", "Developer, Server Settings, Manage Tokens", "delete the old token there"),
        "vllm": Console("vLLM", "", OWN_KEY, OWN_END),
        "llama-cpp": Console("llama.cpp", "", OWN_KEY, OWN_END),
        "sglang": Console("SGLang", "", OWN_KEY, OWN_END),
        "tgi": Console("Text Generation Inference", "", OWN_KEY, OWN_END),
        "tgi-generate": Console("Text Generation Inference", "", OWN_KEY, OWN_END),
        "local": Console("the local server", "", OWN_KEY, OWN_END),
        "openai-compatible": Console("the server", "", OWN_KEY, OWN_END),
    }
)
"""Kind of provider → its console."""


def by_hand(kind_of_provider: str) -> str:
    """What a person has to do for a new key. Raises KeyError for a kind that is not in `CONSOLES`."""
    console = CONSOLES[kind_of_provider]
    steps = _at(console, console.make)
    return f"a person makes {console.title}'s keys, and gives the new one to Keywright. To make one: {steps}"


def ended_by_hand(kind_of_provider: str) -> str:
    """What a person has to do to end an old key. Raises KeyError for a kind that is not in `CONSOLES`."""
    console = CONSOLES[kind_of_provider]
    return f"a person ends {console.title}'s keys. To end the old one: {_at(console, console.end)}"


def _at(console: Console, steps: str) -> str:
    return f"at {console.url}, {steps}" if console.url else steps
