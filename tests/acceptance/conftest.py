"""The providers' stand-ins, for the real program."""

from tests.postgres import database_url, postgres, postgres_url
from tests.standin.fixtures import anthropic_cloud, anthropic_server, openai_cloud, openai_server

__all__ = [
    "anthropic_cloud",
    "anthropic_server",
    "database_url",
    "openai_cloud",
    "openai_server",
    "postgres",
    "postgres_url",
]
