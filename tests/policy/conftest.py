"""A gateway and the providers' stand-ins for these tests."""

from tests.gateway import gateway, shared_gateway, start
from tests.standin.fixtures import anthropic_cloud, anthropic_server, openai_cloud, openai_server

__all__ = [
    "anthropic_cloud",
    "anthropic_server",
    "gateway",
    "openai_cloud",
    "openai_server",
    "shared_gateway",
    "start",
]
