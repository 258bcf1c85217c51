"""The stores of secrets that a command asks: those of the gateway that this shell names, else those at hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from keywright.cli.api import Api, opened
from keywright.cli.place import remote_url
from keywright.cli.secret_stores import opened_secrets
from keywright.control.resources import (
    SecretMarkRow,
    SecretQuestion,
    SecretRow,
    SecretStoreRow,
    SecretStoreTable,
    SecretTable,
)

if TYPE_CHECKING:
    from keywright.control.secret_stores import SecretStores
    from keywright.core.secret import Secret


class ApiSecrets:
    """The secrets of a gateway, over its API. Every method raises CommandError when it refuses, in its words."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def check(self, references: Sequence[str]) -> Sequence[SecretRow]:
        """As of `SecretStores`."""
        return (await self._api.post("/secrets/check", SecretQuestion(references=tuple(references)), SecretTable)).rows

    async def stores(self) -> Sequence[SecretStoreRow]:
        """As of `SecretStores`."""
        return (await self._api.get("/secrets/stores", SecretStoreTable)).rows

    async def names(self, store: str) -> Sequence[str]:
        """As of `SecretStores`."""
        return await self._api.rows("/secrets/names", str, {"store": store})

    async def mark(self, reference: str) -> SecretMarkRow:
        """As of `SecretStores`."""
        return await self._api.get("/secrets/fingerprint", SecretMarkRow, {"reference": reference})

    async def put(self, reference: str, secret: "Secret") -> SecretMarkRow:
        """As of `SecretStores`."""
        return await self._api.put("/secrets", {"reference": reference, "value": secret.reveal()}, SecretMarkRow)


@asynccontextmanager
async def stores_at(config: Path | None, writes: str = "") -> "AsyncIterator[SecretStores]":
    """The stores. `config` and `writes` are of those at hand, as of `opened_secrets`.

    Raises:
        ConfigError: no key is given for the gateway, or the configuration is wrong.
        SecretError, StoreError: a database that is to be written cannot be opened.
    """
    if remote_url():
        async with opened(config, create=False) as api:
            yield ApiSecrets(api)
        return
    async with opened_secrets(config, writes) as (secrets, _):
        yield secrets
