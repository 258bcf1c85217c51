"""What families of models can do, as one table: family < vendor < operator, each replacing single fields.

A rule holds for a model when the model's name, in lower case, contains its text, or when the last part of the name,
behind `/`, begins with it. Rules are applied from top to bottom: general before special, families before vendors. What
no rule mentions is assumed to be able (`ABLE`): a wrong "cannot" refuses a good request, a wrong "can" is corrected by
the provider.

Sources: the vendors' model pages; recorded exchanges (which fields were accepted for which model); LiteLLM's table of
August 2026 for output limits and for what Claude 4.6 and later changed. Where they disagree, what was recorded wins.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from keywright.core.ability import ABLE, Abilities

Fields: TypeAlias = Mapping[str, object]
"""Fields of `Abilities` and their new values."""


class Rule(Struct, frozen=True):
    """`fields` hold for models whose name begins with or contains `text`; only in `catalogue`, if that is given."""

    where: Literal["begins", "contains"]
    text: str
    fields: Fields
    catalogue: str = ""


def _family(text: str, **fields: object) -> Rule:
    return Rule("begins", text, fields)


def _made(text: str, **fields: object) -> Rule:
    return Rule("contains", text, fields)


def _sold(catalogue: str, text: str = "", **fields: object) -> Rule:
    return Rule("contains", text, fields, catalogue)


REASONING_OPENAI: Final[Fields] = {
    "output_tokens_field": "max_completion_tokens",
    "system_role": "developer",
    "mid_system": True,
    "sampling": False,
    "stop": False,
    "reasoning": "effort",
    "output_tokens_max": 128_000,
}
"""GPT-5 and later: `max_tokens`, `temperature`, `top_p` and `stop` are refused, `reasoning_effort` is understood."""

TEXT_ONLY: Final[Fields] = {"images": False, "documents": False}

FAMILIES: Final = (
    # OpenAI, https://platform.openai.com/docs/models
    _family("gpt-", mid_system=True),
    _family("chatgpt-", mid_system=True),
    _family("gpt-3.5", **TEXT_ONLY, json_schema=False, output_tokens_max=4096, context_tokens_max=16_385),
    _family("gpt-4", **TEXT_ONLY, json_schema=False, output_tokens_max=4096),
    _family("gpt-4-turbo", images=True),
    _family("gpt-4-vision", images=True),
    *(
        _family(name, images=True, documents=True, json_schema=True, output_tokens_field="max_completion_tokens")
        for name in ("gpt-4o", "gpt-4.1", "gpt-4.5")
    ),
    _family("gpt-4o", output_tokens_max=16_384),
    _family("gpt-4o-2024-05-13", output_tokens_max=4096, json_schema=False),
    _family("gpt-4.1", output_tokens_max=32_768),
    _family("gpt-4.5", output_tokens_max=16_384),
    _family("gpt-4o-audio", images=False, documents=False, audio=True, json_schema=False),
    _family("gpt-4o-mini-audio", images=False, documents=False, audio=True, json_schema=False),
    _family("gpt-audio", **TEXT_ONLY, audio=True, json_schema=False, output_tokens_max=16_384),
    _family("gpt-4o-search", sampling=False, tools=False),
    _family("gpt-4o-mini-search", sampling=False, tools=False),
    _family("gpt-5", **REASONING_OPENAI),
    _family("gpt-6", **REASONING_OPENAI),
    _family("gpt-5-pro", output_tokens_max=272_000),
    _family("gpt-5-chat", system_role="system", sampling=True, stop=True, reasoning="none", output_tokens_max=16_384),
    _family("gpt-5.1-chat", output_tokens_max=16_384),
    _family("gpt-5.2-chat", output_tokens_max=16_384),
    _family("gpt-5.3-chat", output_tokens_max=16_384),
    _family("o1", **{**REASONING_OPENAI, "output_tokens_max": 100_000, "context_tokens_max": 200_000}),
    _family("o3", **{**REASONING_OPENAI, "output_tokens_max": 100_000, "context_tokens_max": 200_000}),
    _family("o4", **{**REASONING_OPENAI, "output_tokens_max": 100_000, "context_tokens_max": 200_000}),
    _family("o3-mini", images=False, stop=True),  # recorded: o3-mini takes `stop`
    _family(
        "o1-mini", **TEXT_ONLY, tools=False, json_schema=False, output_tokens_max=65_536, context_tokens_max=128_000
    ),
    _family("gpt-oss", **TEXT_ONLY, reasoning="effort", output_tokens_max=65_536, context_tokens_max=131_072),
    # Anthropic, https://platform.claude.com/docs/en/about-claude/models (other vendors' names contain these)
    _made("claude", output_tokens_max=4096, context_tokens_max=200_000, json_schema=False),
    _made("claude-2", **TEXT_ONLY, tools=False),
    _made("claude-v2", **TEXT_ONLY, tools=False),
    _made("claude-3-5-", output_tokens_max=8192),
    _made("claude-3.5-", output_tokens_max=8192),
    _made("claude-3-7-", output_tokens_max=64_000, reasoning="budget"),
    _made("claude-3.7-", output_tokens_max=64_000, reasoning="budget"),
    _made("claude-opus-4", output_tokens_max=32_000, reasoning="budget"),
    _made("claude-sonnet-4", output_tokens_max=64_000, reasoning="budget"),
    _made("claude-haiku-4", output_tokens_max=64_000, reasoning="budget"),
    *(
        _made(name, json_schema=True)
        for name in (
            "claude-opus-4-1",
            "claude-opus-4.1",
            "claude-sonnet-4-5",
            "claude-sonnet-4.5",
            "claude-haiku-4-5",
            "claude-haiku-4.5",
        )
    ),
    _made("claude-opus-4-5", output_tokens_max=64_000, json_schema=True),
    _made("claude-opus-4.5", output_tokens_max=64_000, json_schema=True),
    # From 4.6 on Claude decides itself how long it thinks; from Opus 4.7 on it refuses temperature, top_p and top_k.
    *(
        _made(name, output_tokens_max=128_000, context_tokens_max=1_000_000, json_schema=True, reasoning="adaptive")
        for name in ("claude-opus-4-6", "claude-opus-4.6", "claude-sonnet-4-6", "claude-sonnet-4.6")
    ),
    *(
        _made(
            name,
            output_tokens_max=128_000,
            context_tokens_max=1_000_000,
            json_schema=True,
            reasoning="adaptive",
            sampling=False,
        )
        for name in (
            "claude-opus-4-7",
            "claude-opus-4.7",
            "claude-opus-4-8",
            "claude-opus-4.8",
            "claude-haiku-5",
            "claude-sonnet-5",
            "claude-opus-5",
            "claude-fable-5",
            "claude-mythos",
        )
    ),
    # Recorded for Opus 4.8; LiteLLM's table has it for all that came after.
    *(
        _made(name, mid_system=True)
        for name in (
            "claude-opus-4-8",
            "claude-opus-4.8",
            "claude-haiku-5",
            "claude-sonnet-5",
            "claude-opus-5",
            "claude-fable-5",
            "claude-mythos-5",
        )
    ),
    # Gemini, https://ai.google.dev/gemini-api/docs/models: from 3 on they take a level of thinking instead of a budget,
    # want their calls back with signatures, and see what a tool answers
    _family(
        "gemini-",
        audio=True,
        reasoning="effort",
        signed_calls=True,
        tool_files=True,
        output_tokens_max=65_536,
        context_tokens_max=1_048_576,
    ),
    *(_family(name, thinks_always=True) for name in ("gemini-3-pro", "gemini-3.1-pro", "gemini-pro-latest")),
    *(
        _family(name, reasoning="none", signed_calls=False, tool_files=False, output_tokens_max=8192)
        for name in ("gemini-1", "gemini-2", "gemini-exp", "gemini-pro-vision")
    ),
    _family("gemini-2.5", reasoning="budget", thinking_tokens_max=24_576, output_tokens_max=65_536),
    _family("gemini-2.5-pro", thinks_always=True, thinking_tokens_max=32_768),
    _family("gemini-2.5-flash-image", reasoning="none", tools=False, audio=False, output_tokens_max=32_768),
    _family("gemini-2.5-pro-preview-tts", **TEXT_ONLY, audio=False, reasoning="none", tools=False),
    _family("gemini-2.5-flash-preview-tts", **TEXT_ONLY, audio=False, reasoning="none", tools=False),
    _family("gemini-2.5-computer-use", audio=False, output_tokens_max=64_000, context_tokens_max=128_000),
    # Open models, by their model cards
    _family("llama-3.1", **TEXT_ONLY),
    _family("llama-3.3", **TEXT_ONLY),
    _family("llama3", **TEXT_ONLY),
    _family("mixtral", **TEXT_ONLY),
    _family("smollm2", **TEXT_ONLY, tools=False, context_tokens_max=8192),
    # Mistral, https://docs.mistral.ai/getting-started/models; recorded: mistral-small takes `reasoning_effort`
    _family("mistral-small", reasoning="effort"),
    _family("mistral-medium", reasoning="effort"),
    _family("voxtral", audio=True),
    _family("codestral", **TEXT_ONLY),
    _family("devstral", **TEXT_ONLY),
    # xAI, https://docs.x.ai/docs/models
    _family("grok-", documents=False),
    _family("grok-3", images=False),
    _family("grok-code", images=False),
    # DeepSeek, https://api-docs.deepseek.com: `json_object` only
    _family("deepseek-", **TEXT_ONLY, json_schema=False),
    _family("deepseek-chat", output_tokens_max=8192),
    _family("deepseek-reasoner", output_tokens_max=65_536),
    _family("deepseek-v4", output_tokens_max=393_216),
    # Cohere, https://docs.cohere.com/docs/models
    _family("command", **TEXT_ONLY, output_tokens_max=4096, context_tokens_max=128_000),
    _family("command-a", output_tokens_max=8192, context_tokens_max=256_000),
    _family("command-a-vision", images=True, context_tokens_max=128_000),
    _family("command-a-reasoning", reasoning="budget", output_tokens_max=32_768),
    _family("command-a-plus", images=True, reasoning="budget", output_tokens_max=64_000, context_tokens_max=128_000),
    # As Bedrock sells them: https://docs.aws.amazon.com/bedrock/latest/userguide, "Supported models and model features"
    # of Converse, and "Structured outputs"; recorded: Nova 2 takes a level of thinking, Llama 4 reads documents
    _made("amazon.titan-text", **TEXT_ONLY, tools=False, json_schema=False),
    _made("amazon.nova-", json_schema=False, output_tokens_max=10_000, context_tokens_max=300_000),
    _made("amazon.nova-micro", **TEXT_ONLY, context_tokens_max=128_000),
    _made("amazon.nova-premier", output_tokens_max=32_000, context_tokens_max=1_000_000),
    _made("amazon.nova-2-", reasoning="effort", output_tokens_max=65_535, context_tokens_max=1_000_000),
    _made("meta.llama", images=False, json_schema=False),
    _made("meta.llama2", tools=False),
    *(
        _made(name, tools=False)
        for name in ("meta.llama3-8b", "meta.llama3-70b", "meta.llama3-2-1b", "meta.llama3-2-3b")
    ),
    *(_made(name, images=True) for name in ("meta.llama3-2-11b", "meta.llama3-2-90b", "meta.llama4")),
    *(
        _made(name, **TEXT_ONLY, tools=False, json_schema=False)
        for name in ("mistral.mistral-7b", "mistral.mixtral-8x7b", "cohere.command-text", "cohere.command-light")
    ),
    *(_made(name, images=False) for name in ("mistral.mistral-large-24", "mistral.mistral-small-24", "deepseek.")),
    _made("cohere.command-r", images=False, json_schema=False, output_tokens_max=4096, context_tokens_max=128_000),
    _made("openai.gpt-oss", **TEXT_ONLY, reasoning="effort", context_tokens_max=131_072),
    # Embeddings: whose vectors have one length only, and which field chooses it
    *(
        _family(name, dimensions=False)
        for name in ("text-embedding-ada", "embed-english-", "embed-multilingual-", "mistral-embed")
    ),
    *(
        _made(name, dimensions=False)
        for name in ("amazon.titan-embed-text-v1", "cohere.embed-english-", "cohere.embed-multilingual-")
    ),
    _family("mistral-embed", dimensions_field="output_dimension"),
    _family("codestral-embed", dimensions_field="output_dimension"),
    # They search on until they have what they want; no vendor states a limit.
    _made("deep-research", runs_max=30),
)

VENDORS: Final = (
    # https://console.groq.com/docs/structured-outputs lists the models that take a schema
    _sold("groq", documents=False, json_schema=False),
    _sold("groq", "gpt-oss", json_schema=True),
    _sold("groq", "kimi-k2", json_schema=True),
    _sold("groq", "llama-4-", json_schema=True),
    # Grok 4 thinks always and refuses `stop`; the effort can be set for grok-3-mini and from 4.3 on
    _sold("x-ai", "grok-3-mini", stop=False, reasoning="effort"),
    _sold("x-ai", "grok-4", stop=False),
    _sold("x-ai", "non-reasoning", stop=True),
    _sold("x-ai", "grok-4.3", reasoning="effort"),
    _sold("x-ai", "grok-4.5", reasoning="effort"),
    # Recorded: `reasoning_effort` is accepted
    _sold("deepseek", "deepseek-v4", reasoning="effort"),
    _sold("deepseek", "deepseek-reasoner", reasoning="effort"),
    _sold("together", documents=False),
    _sold("fireworks", documents=False),
    # OpenRouter translates one form for all: https://openrouter.ai/docs/use-cases/reasoning-tokens
    _sold("openrouter", system_role="system", output_tokens_field="max_tokens", mid_system=True),
    # https://openrouter.ai/docs/features/prompt-caching: these want marks, the others cache by themselves
    _sold("openrouter", "anthropic/claude", cache_marks=True),
    _sold("openrouter", "google/gemini", cache_marks=True),
    # https://openrouter.ai/docs/features/web-search: one search before the answer
    _sold("openrouter", ":online", runs_max=1),
    _sold("openrouter", "google/gemini-2.5", reasoning="effort"),
    _sold("openrouter", "claude-3.7", reasoning="effort"),
    _sold("openrouter", "claude-sonnet-", reasoning="effort"),
    _sold("openrouter", "claude-opus-", reasoning="effort"),
    _sold("openrouter", "claude-haiku-", reasoning="effort"),
    _sold("openrouter", "claude-fable-", reasoning="effort"),
)


def abilities(name: str, catalogue: str = "", operator: Fields | None = None) -> Abilities:
    """What the model `name` can do when it is served by `catalogue` ("": nobody in particular, a local server).

    Raises:
        TypeError: `operator` names a field that `Abilities` has not.
    """
    whole = name.lower()
    last = whole.rpartition("/")[2]
    fields: dict[str, object] = {}
    for rule in (*FAMILIES, *VENDORS):
        if rule.catalogue in {"", catalogue} and _holds(rule, whole, last):
            fields.update(rule.fields)
    fields.update(operator or {})
    return msgspec.structs.replace(ABLE, **fields) if fields else ABLE


def _holds(rule: Rule, whole: str, last: str) -> bool:
    return last.startswith(rule.text) if rule.where == "begins" else rule.text in whole
