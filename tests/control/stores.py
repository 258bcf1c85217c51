"""Stores of secrets for the API's tests: a `.env`, a file, and the database's own sealed store, all of them real."""

import secrets
from pathlib import Path

from keywright.config import Config, ProviderConfig
from keywright.core.clock import Clock
from keywright.house.blueprint import Blueprint
from keywright.house.secrets.reading import Holdings
from keywright.house.secrets.remote import RemoteSecrets
from keywright.house.stores.keeping import vault_of
from keywright.house.stores.sealing import sealed_opener
from keywright.store.store import Store
from keywright.vault.sealed.keys import new_kek
from keywright.vault.settings import StoreSettings

OPENAI_KEY = "sk-of-openai-in-a-dotenv-0123456789"
ELSEWHERE = "sk-of-somebody-else-on-that-machine"


def opened_stores(store: Store, folder: Path, clock: Clock) -> RemoteSecrets:
    """The secrets of a gateway that has `dotenv:OPENAI_KEY` for openai, a file for groq, and a sealed store."""
    for name, text in (
        (".env", f"OPENAI_KEY={OPENAI_KEY}\nELSEWHERE={ELSEWHERE}\n"),
        ("other.env", f"ELSEWHERE={ELSEWHERE}\n"),
        ("elsewhere", ELSEWHERE),
        ("kek", new_kek(secrets.token_bytes)),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    config = Config(
        providers={
            "openai": ProviderConfig(api_key=("dotenv:OPENAI_KEY",)),
            "groq": ProviderConfig(api_key=(f"file:{folder}/groq",)),
        },
        secrets={
            "sealed": StoreSettings(kek=(f"file:{folder}/kek",)),
            "other": StoreSettings(kind="dotenv", path="other.env"),
        },
    )
    environment = {"ELSEWHERE": ELSEWHERE}
    blueprint = Blueprint(config, None, folder, environment, clock)
    vault = vault_of(config, environment, folder, sealed_opener(store.database, config.secrets, environment, clock))
    places = {name: given.api_key for name, given in config.providers.items()}
    return RemoteSecrets(lambda: Holdings(config, vault, places), blueprint, store.database)
