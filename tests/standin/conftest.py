"""The stand-ins test themselves with the providers' own SDKs."""

from tests.standin.fixtures import (
    anthropic_cloud,
    anthropic_server,
    bedrock_server,
    cohere_server,
    gemini_server,
    mistral_server,
    ollama_server,
    openai_cloud,
    openai_server,
)

__all__ = [
    "anthropic_cloud",
    "anthropic_server",
    "bedrock_server",
    "cohere_server",
    "gemini_server",
    "mistral_server",
    "ollama_server",
    "openai_cloud",
    "openai_server",
]
