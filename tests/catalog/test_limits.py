"""What a model may write is never put below what LiteLLM's table says: a worst case relies on it."""

from typing import Final

from keywright.catalog.catalogue import Catalogue
from tests.conformance.cost import litellm

SOLD_BY: Final = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "vertex_ai-language-models": "google",
    "xai": "x-ai",
}
"""Our catalogue by LiteLLM's name of the provider."""

MISTAKEN: Final = {"gemini-4-argon": "LiteLLM states the size of the prompt twice"}


def test_no_model_may_write_more_than_we_reserve_for_it(catalogue: Catalogue) -> None:
    below, compared = [], 0
    for name, row in litellm.table().items():
        vendor = SOLD_BY.get(row.get("litellm_provider", ""))
        limit = row.get("max_output_tokens")
        if vendor is None or row.get("mode") not in ("chat", "responses") or not isinstance(limit, int):
            continue
        model = catalogue.find(vendor, name.partition("/")[2] or name)
        ours = None if model is None else model.abilities.output_tokens_max
        if model is not None and ours is not None:
            compared += 1
            below += [f"{vendor}/{model.id}: {ours}, not {limit}"] if ours < limit and model.id not in MISTAKEN else []
    assert not below, "\n".join(below)
    assert compared > 300
