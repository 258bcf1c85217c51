"""LiteLLM's price table: what it says a unit of a model costs. Its file is read as data; none of its code runs."""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[3]
NAME: Final = "model_prices_and_context_window_backup.json"
PREFIXES: Final = {
    "anthropic": ("", "anthropic/"),
    "azure": ("azure/", "azure_ai/"),
    "bedrock": ("", "bedrock/", "bedrock_converse/"),
    "cerebras": ("cerebras/",),
    "cohere": ("", "cohere/", "cohere_chat/"),
    "deepseek": ("deepseek/", ""),
    "gemini": ("gemini/", ""),
    "groq": ("groq/",),
    "mistral": ("mistral/",),
    "moonshot": ("moonshot/",),
    "openai": ("", "openai/"),
    "openrouter": ("openrouter/",),
    "perplexity": ("perplexity/",),
    "together": ("together_ai/",),
    "vertex": ("vertex_ai/", "", "gemini/"),
    "xai": ("xai/",),
    "zai": ("zai/",),
}
"""How its names begin, by our provider."""

FIELDS: Final = {
    "input": ("input_cost_per_token",),
    "output": ("output_cost_per_token",),
    "reasoning": ("output_cost_per_reasoning_token", "output_cost_per_token"),
    "cache_read": ("cache_read_input_token_cost", "input_cost_per_token"),
    "cache_write": ("cache_creation_input_token_cost", "input_cost_per_token"),
    "cache_write_1h": ("cache_creation_input_token_cost_above_1hr", "cache_creation_input_token_cost"),
    "audio_input": ("input_cost_per_audio_token", "input_cost_per_token"),
    "audio_output": ("output_cost_per_audio_token", "output_cost_per_token"),
    "image_input": ("input_cost_per_image_token", "input_cost_per_token"),
    "image_output": ("output_cost_per_image_token", "output_cost_per_token"),
}
"""Where it states a unit's price: the first that is there, as its own calculation has it."""


@cache
def table() -> dict[str, dict[str, Any]]:
    """The table of the installed LiteLLM; skips the test where it is not installed."""
    found = sorted((ROOT / ".venv" / "litellm").glob(f"lib/python3*/site-packages/litellm/{NAME}"))
    if not found:
        pytest.skip("LiteLLM is not installed: `make test` does that (requirements/litellm.txt)")
    read: dict[str, dict[str, Any]] = json.loads(found[0].read_text(encoding="utf-8"), parse_float=Decimal)
    return read


def row_of(provider: str, model: str) -> dict[str, Any] | None:
    """Its row for a provider's model; None when it has none."""
    for prefix in PREFIXES.get(provider, ()):
        if (found := table().get(prefix + model)) is not None:
            return found
    return None


def rate(row: dict[str, Any], unit: str) -> Decimal | None:
    """US dollars per million of that unit; None where the row prices no such tokens."""
    stated = next((row[field] for field in FIELDS[unit] if row.get(field) is not None), None)
    return None if stated is None else Decimal(stated) * 1_000_000
