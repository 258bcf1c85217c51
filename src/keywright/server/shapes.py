"""In whose words are models listed? One shape for each dialect that has a list of them."""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from keywright.core.ability import ABLE, Abilities
from keywright.core.json import JsonObject

EPOCH: Final = "1970-01-01T00:00:00Z"
"""What clients are given that insist on a date, where none is known."""
NO_DIGEST: Final = "0" * 64


class Shape(Struct, frozen=True):
    """How a dialect lists models: one of them by its name and abilities, all of them by their names and rows, and one
    that was asked for by itself, where that looks otherwise.
    """

    one: Callable[[str, Abilities], JsonObject]
    all: Callable[[Sequence[str], list[JsonObject]], JsonObject]
    shown: Callable[[str, Abilities], JsonObject] | None = None


def _openai_one(name: str, _: Abilities) -> JsonObject:
    return {"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]}


def _openai_all(_: Sequence[str], rows: list[JsonObject]) -> JsonObject:
    return {"object": "list", "data": [*rows]}


def _anthropic_one(name: str, _: Abilities) -> JsonObject:
    return {"type": "model", "id": name, "display_name": name, "created_at": EPOCH}


def _anthropic_all(names: Sequence[str], rows: list[JsonObject]) -> JsonObject:
    ends: JsonObject = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return {"data": [*rows], "has_more": False, **ends}


def _gemini_one(name: str, able: Abilities) -> JsonObject:
    methods: JsonObject = {"supportedGenerationMethods": ["generateContent", "countTokens"]}
    limits: JsonObject = {}
    if able.context_tokens_max is not None:
        limits["inputTokenLimit"] = able.context_tokens_max
    if able.output_tokens_max is not None:
        limits["outputTokenLimit"] = able.output_tokens_max
    return {"name": f"models/{name}", "version": "1", "displayName": name, **limits, **methods}


def _gemini_all(_: Sequence[str], rows: list[JsonObject]) -> JsonObject:
    return {"models": [*rows]}


def _mistral_one(name: str, able: Abilities) -> JsonObject:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": name.partition("/")[0],
        "type": "base",
        "capabilities": {"completion_chat": True, "function_calling": able.tools, "vision": able.images},
        "max_context_length": able.context_tokens_max or 0,
    }


def _cohere_one(name: str, able: Abilities) -> JsonObject:
    limits: JsonObject = {"context_length": able.context_tokens_max} if able.context_tokens_max else {}
    return {"name": name, "endpoints": ["chat"], "finetuned": False, **limits}


def _ollama_one(name: str, _: Abilities) -> JsonObject:
    return {
        "name": name,
        "model": name,
        "modified_at": EPOCH,
        "size": 0,
        "digest": NO_DIGEST,
        "details": _ollama_details(name),
    }


def _ollama_shown(name: str, able: Abilities) -> JsonObject:
    abilities = {"completion": True, "tools": able.tools, "vision": able.images, "thinking": able.reasoning != "none"}
    family = name.partition("/")[0]
    limits: JsonObject = {f"{family}.context_length": able.context_tokens_max} if able.context_tokens_max else {}
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "modified_at": EPOCH,
        "details": _ollama_details(name),
        "model_info": {"general.architecture": family, **limits},
        "capabilities": [ability for ability, has in abilities.items() if has],
    }


def _ollama_details(name: str) -> JsonObject:
    family = name.partition("/")[0]
    return {
        "parent_model": "",
        "format": "",
        "family": family,
        "families": [family],
        "parameter_size": "",
        "quantization_level": "",
    }


SHAPES: Final[MappingProxyType[str, Shape]] = MappingProxyType(
    {
        "openai_chat": Shape(_openai_one, _openai_all),
        "anthropic": Shape(_anthropic_one, _anthropic_all),
        "gemini": Shape(_gemini_one, _gemini_all),
        "mistral": Shape(_mistral_one, _openai_all),
        "cohere": Shape(_cohere_one, _gemini_all),
        "ollama_chat": Shape(_ollama_one, _gemini_all, _ollama_shown),
    }
)
"""By the dialect's name."""


def listed(names: Sequence[str], shape: Shape) -> JsonObject:
    """All of `names`. What each can do is not looked up: there may be thousands."""
    return shape.all(names, [shape.one(name, ABLE) for name in names])
