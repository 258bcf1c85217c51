"""The stores of secrets of a gateway, for whoever administers them: what is there, what cannot be had, a new value.

Each question is asked of the store itself, now: what the gateway keeps of it in memory is not looked at.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from keywright.control.resources import SecretMarkRow, SecretRow, SecretStoreRow
from keywright.core.errors import SecretAbsentError, SecretError, SecretReadOnlyError, StoreError
from keywright.core.rotation import CredentialFacts
from keywright.core.secret import Secret
from keywright.house.blueprint import Blueprint
from keywright.house.secrets.named import NamedSecret, named_secrets
from keywright.house.secrets.questions import Questions
from keywright.house.secrets.reading import UNUSED, Holdings, SecretReading, any_of, fitting, store_row, unanswered
from keywright.house.stores.shelf import LoopShelf
from keywright.store.credentials import CredentialStates
from keywright.store.database import Database
from keywright.store.sealed import SealedSecrets
from keywright.vault.reference import Reference, is_reference, parse

SHELF_S: Final = 10.0

UNWRITABLE: Final[Mapping[str, str]] = {
    "kek": "encrypts the keys of sealed secrets, which nothing opens without it: make another with create-kek",
    "handed": "is kept fresh by whoever runs this machine",
}
"""Why those are not written, whoever asks."""


class Secrets:
    """The secrets of one gateway. `database`: which belongs to the running event loop; None where there is none.
    `named`: what the configuration names.

    Every method raises SecretError, which names references and causes, never values.
    """

    def __init__(
        self, holdings: Holdings, blueprint: Blueprint, database: Database | None, questions: Questions
    ) -> None:
        self._holdings = holdings
        self._stores = holdings.vault.stores
        self._blueprint = blueprint
        self._states = None if database is None else CredentialStates(database)
        self._ask = questions.ask
        self.named = named_secrets(holdings.config, holdings.places, blueprint.environment)
        loop = asyncio.get_running_loop()
        shelf = None if database is None else LoopShelf(SealedSecrets(database), loop, blueprint.clock, SHELF_S)
        self._reading = SecretReading(holdings, blueprint, shelf)

    async def check(self, references: Sequence[str] = ()) -> list[SecretRow]:
        """Those secrets, else all that the configuration names, each read now: which can be had, and why not."""
        named = self.named
        if references:
            named = tuple(one for text in references for one in self._uses(text))
        facts = await self._facts()

        async def row(one: NamedSecret) -> SecretRow:
            try:
                return await self._ask(_at(one.reference), partial(self._reading.row, one, facts))
            except SecretError as error:
                return unanswered(one, str(error))

        return list(await asyncio.gather(*map(row, named)))

    async def stores(self) -> list[SecretStoreRow]:
        """The stores that the configuration has a table for, or names a secret in; whether each can be reached."""
        named: dict[str, list[Reference]] = {name: [] for name in self._holdings.config.secrets}
        for one in self.named:
            if one.form in ("key", "document") and is_reference(one.reference, self._stores):
                place = parse(one.reference, self._stores)
                named.setdefault(place.at, []).append(place)

        async def row(name: str, places: Sequence[Reference]) -> SecretStoreRow:
            try:
                return await self._ask(name, partial(self._reading.store, name, places))
            except SecretError as error:
                return store_row(self._holdings, name, len(places), reachable=False, why=str(error))

        return list(await asyncio.gather(*(row(name, places) for name, places in sorted(named.items()))))

    async def names(self, store: str) -> tuple[str, ...]:
        """The references of what is in the store, as far as it can be listed, without reading any."""
        kind = self._stores.get(store)
        if kind is None:
            raise SecretAbsentError(f"there is no store {store!r}; there are {', '.join(sorted(self._stores))}")
        place = any_of(store, kind)
        found = await self._ask(store, lambda: self._holdings.vault.backend(place).names())
        return tuple(str(replace(each, store=place.store)) for each in found)

    async def mark(self, reference: str) -> SecretMarkRow:
        """Which secret is there."""
        question = partial(self._reading.mark, self._use(reference))
        fingerprint, version = await self._ask(_at(reference), question)
        return SecretMarkRow(reference=reference, fingerprint=fingerprint, version=version)

    async def put(self, reference: str, secret: Secret) -> SecretMarkRow:
        """Let `secret` be there. Fields beside it stay; every process reads it anew at once if it calls with it."""
        place = self.fitting(reference, secret)
        self._blueprint.redactor.know(secret)
        version = await self._ask(place.at, lambda: self._holdings.vault.backend(place).write(place, secret))
        await self._tell(reference)
        return SecretMarkRow(reference=reference, fingerprint=secret.fingerprint, version=version)

    def fitting(self, reference: str, secret: Secret) -> Reference:
        """The place `reference`, if `secret` may be put there."""
        place = parse(reference, self._stores)
        for one in self.named:
            if one.form in UNWRITABLE and is_reference(one.reference, self._stores):
                kept = parse(one.reference, self._stores)
                if (kept.kind, kept.name) == (place.kind, place.name):
                    raise SecretReadOnlyError(f"{reference} is not written: it {UNWRITABLE[one.form]}")
        fitting(self._use(reference), place, secret)
        return place

    def _uses(self, reference: str) -> tuple[NamedSecret, ...]:
        """What `reference` is used for. Raises SecretError, which does not repeat what is none."""
        found = tuple(one for one in self.named if one.reference == reference)
        if not found:
            parse(reference, self._stores)
        return found or (NamedSecret(reference, UNUSED),)

    def _use(self, reference: str) -> NamedSecret:
        return self._uses(reference)[0]

    async def _tell(self, reference: str) -> None:
        """Have every process read it anew."""
        if self._states is None:
            return
        with contextlib.suppress(StoreError):  # it is written all the same, and is noticed at the next look
            for name, references in self._holdings.places.items():
                if reference in references:
                    await self._states.ask_all(name)

    async def _facts(self) -> Mapping[str, CredentialFacts]:
        if self._states is None:
            return {}
        try:
            return {known.name: known for known in await self._states.all()}
        except StoreError:
            return {}


def _at(reference: str) -> str:
    """The name of the store, or of the key management service, that `reference` leads to."""
    return reference.partition(":")[0]
