"""The stores of secrets of a gateway, for whoever administers them: what is there, what cannot be had, a new value.

Each question is asked of the store itself, now: what the gateway keeps of it in memory is not looked at.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_bytes
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from keywright.config import Config
from keywright.control.resources import SecretMarkRow, SecretRow, SecretState, SecretStoreRow
from keywright.core.clock import SECOND_US
from keywright.core.errors import (
    SecretAbsentError,
    SecretDeniedError,
    SecretError,
    SecretReadOnlyError,
    StoreError,
)
from keywright.core.rotation import CredentialFacts
from keywright.core.secret import Secret
from keywright.house.blueprint import DOTENV, Blueprint
from keywright.house.named import NamedSecret, named_secrets
from keywright.house.sealing import TENANT
from keywright.house.shelf import LoopShelf
from keywright.store.credentials import CredentialStates
from keywright.store.database import Database
from keywright.store.sealed import SealedSecrets
from keywright.vault.backend import Backend, Value, accept, accept_document
from keywright.vault.federation.proof import handed_proof
from keywright.vault.keks.inventory import open_kek
from keywright.vault.reference import Reference, ReferenceKind, is_reference, parse
from keywright.vault.sealed.trial import try_kek
from keywright.vault.vault import Vault, local_vault

AT_ONCE: Final = 4
"""So many secrets are read at a time."""

UNUSED: Final = "nothing that the configuration names"
DAY_S: Final = 86_400
SHELF_S: Final = 10.0

HERE: Final[frozenset[ReferenceKind]] = frozenset({"env", "dotenv", "file"})
"""Kinds that are always reachable."""


class Holdings(Struct, frozen=True, eq=False):
    """What a gateway has at one moment. `places`: the references of its credentials, by their names."""

    config: Config
    vault: Vault
    places: Mapping[str, tuple[str, ...]]


class Secrets:
    """The secrets of one gateway. `database`: which belongs to the running event loop; None where there is none.

    Every method raises SecretError, which names references and causes, never values.
    """

    def __init__(self, holdings: Holdings, blueprint: Blueprint, database: Database | None) -> None:
        self._holdings = holdings
        self._blueprint = blueprint
        self._database = database
        self._loop = asyncio.get_running_loop()

    async def check(self, references: Sequence[str] = ()) -> list[SecretRow]:
        """Those secrets, else all that the configuration names, each read now: which can be had, and why not."""
        named = self._named()
        if references:
            named = tuple(one for text in references for one in _uses(text, named, self._holdings))
        facts = await self._facts()
        gate = asyncio.Semaphore(AT_ONCE)

        async def row(one: NamedSecret) -> SecretRow:
            async with gate:
                return await asyncio.to_thread(self._row, one, facts)

        return list(await asyncio.gather(*map(row, named)))

    async def stores(self) -> list[SecretStoreRow]:
        """The stores that the configuration has a table for, or names a secret in; whether each can be reached."""
        named: dict[str, list[Reference]] = {name: [] for name in self._holdings.config.secrets}
        for one in self._named():
            if one.form in ("key", "document") and is_reference(one.reference, self._holdings.vault.stores):
                place = parse(one.reference, self._holdings.vault.stores)
                named.setdefault(place.at, []).append(place)
        asked = [asyncio.to_thread(_store, self._holdings, name, places) for name, places in sorted(named.items())]
        return list(await asyncio.gather(*asked))

    async def names(self, store: str) -> tuple[str, ...]:
        """The references of what is in the store, as far as it can be listed, without reading any."""
        kind = self._holdings.vault.stores.get(store)
        if kind is None:
            raise SecretAbsentError(
                f"there is no store {store!r}; there are {', '.join(sorted(self._holdings.vault.stores))}"
            )
        at = "" if store == kind else store

        def ask() -> tuple[str, ...]:
            found = self._holdings.vault.backend(Reference(kind, "any", at)).names()
            return tuple(str(replace(place, store=at)) for place in found)

        return await asyncio.to_thread(ask)

    async def mark(self, reference: str) -> SecretMarkRow:
        """Which secret is there."""
        value = await asyncio.to_thread(self._value, self._use(reference))
        return SecretMarkRow(reference=reference, fingerprint=value.secret.fingerprint, version=value.version)

    async def put(self, reference: str, secret: Secret) -> SecretMarkRow:
        """Let `secret` be there. Fields beside it stay; every process reads it anew at once if it calls with it."""
        place, use = parse(reference, self._holdings.vault.stores), self._use(reference)
        self._blueprint.redactor.know(secret)

        def write() -> str:
            (accept_document if _is_document(use, secret) else accept)(place, secret)
            return self._holdings.vault.backend(place).write(place, secret)

        version = await asyncio.to_thread(write)
        await self._tell(reference)
        return SecretMarkRow(reference=reference, fingerprint=secret.fingerprint, version=version)

    def _named(self) -> tuple[NamedSecret, ...]:
        return named_secrets(self._holdings.config, self._holdings.places, self._blueprint.environment)

    def _use(self, reference: str) -> NamedSecret:
        return _uses(reference, self._named(), self._holdings)[0]

    async def _tell(self, reference: str) -> None:
        if self._database is None:
            return
        with contextlib.suppress(StoreError):  # it is written all the same, and is noticed at the next look
            for name, references in self._holdings.places.items():
                if reference in references:
                    await CredentialStates(self._database).ask_all(name)

    async def _facts(self) -> Mapping[str, CredentialFacts]:
        if self._database is None:
            return {}
        try:
            return {known.name: known for known in await CredentialStates(self._database).all()}
        except StoreError:
            return {}

    def _row(self, one: NamedSecret, facts: Mapping[str, CredentialFacts]) -> SecretRow:
        state: SecretState = "ok"
        why = fingerprint = version = ""
        try:
            if one.form == "kek":
                fingerprint = self._kek(one.reference)
            else:
                value = self._value(one)
                fingerprint, version = value.secret.fingerprint, value.version
        except SecretError as error:
            state, why = _state(error, one, self._holdings), str(error)
        known = facts.get(one.credential)
        since_s = known.since_s if known is not None and known.fingerprint == fingerprint else 0
        now_s = self._blueprint.clock.unix_us() // SECOND_US
        return SecretRow(
            reference=one.reference,
            used_for=one.used_for,
            credential=one.credential,
            state=state,
            why=why,
            fingerprint=fingerprint,
            version=version,
            age_days=(now_s - since_s) // DAY_S if since_s else None,
        )

    def _kek(self, text: str) -> str:
        blueprint, shelf = self._blueprint, None
        if self._database is not None:
            shelf = LoopShelf(SealedSecrets(self._database), self._loop, blueprint.clock, SHELF_S)
        resolve = local_vault(blueprint.environment, blueprint.base / DOTENV).resolve
        return try_kek(
            open_kek(text, self._holdings.config.secrets, blueprint.environment, resolve), shelf, TENANT, token_bytes
        )

    def _value(self, one: NamedSecret) -> Value:
        place = parse(one.reference, self._holdings.vault.stores)
        if one.form == "handed":
            return Value(handed_proof(Path(place.name)))
        value = self._holdings.vault.backend(place).read(place)
        (accept_document if _is_document(one, value.secret) else accept)(place, value.secret)
        return value


def _uses(reference: str, named: Sequence[NamedSecret], holdings: Holdings) -> tuple[NamedSecret, ...]:
    """What the configuration uses `reference` for. Raises SecretError, which does not repeat what is none."""
    found = tuple(one for one in named if one.reference == reference)
    if not found:
        parse(reference, holdings.vault.stores)
    return found or (NamedSecret(reference, UNUSED),)


def _is_document(one: NamedSecret, secret: Secret) -> bool:
    """Whether it may have many lines: where the configuration does not say what it is, it says so itself."""
    return one.form == "document" or (one.used_for == UNUSED and secret.reveal().lstrip()[:1] in ("{", "-"))


def _state(error: SecretError, one: NamedSecret, holdings: Holdings) -> SecretState:
    match error:
        case SecretAbsentError():
            return "absent"
        case SecretDeniedError():
            return "denied"
        case _:
            stores = holdings.vault.stores
            is_here = not is_reference(one.reference, stores) or parse(one.reference, stores).kind in HERE
            return "unusable" if is_here else "unreachable"


def _store(holdings: Holdings, name: str, places: Sequence[Reference]) -> SecretStoreRow:
    """The store by that name, in which `places` are. May block."""
    kind = holdings.vault.stores[name]
    reachable: bool | None = True
    why = ""
    try:
        backend = holdings.vault.backend(Reference(kind, "any", "" if name == kind else name))
        _ask(backend, places)
    except SecretReadOnlyError as error:  # nothing was asked, and there is no secret to ask for
        reachable, why = (True if kind in HERE else None), ("" if kind in HERE else str(error))
    except (SecretDeniedError, SecretAbsentError) as error:
        why = str(error)
    except SecretError as error:
        reachable, why = False, str(error)
    return SecretStoreRow(
        name=name,
        kind=kind,
        configured=name in holdings.config.secrets,
        secrets=len(places),
        reachable=reachable,
        why=why,
    )


def _ask(backend: Backend, places: Sequence[Reference]) -> None:
    """Ask for the names that are there, else for a secret."""
    try:
        backend.names()
    except (SecretReadOnlyError, SecretDeniedError):
        if not places:
            raise
        backend.read(places[0])
