"""The providers' stand-ins, for the real program."""

from tests.postgres import database_url, postgres, postgres_url
from tests.standin.fixtures import anthropic_cloud, anthropic_server, openai_cloud, openai_server
from tests.vault.conftest import moto, openbao

__all__ = [
    "anthropic_cloud",
    "anthropic_server",
    "database_url",
    "moto",
    "openai_cloud",
    "openai_server",
    "openbao",
    "postgres",
    "postgres_url",
]
