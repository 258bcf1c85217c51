"""The providers' stand-ins for these tests."""

from tests.standin.fixtures import anthropic_cloud, anthropic_server, openai_cloud, openai_server

__all__ = ["anthropic_cloud", "anthropic_server", "openai_cloud", "openai_server"]
