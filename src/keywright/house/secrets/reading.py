"""Secrets and stores as they are read now, for whoever administers them. Everything here may block."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_bytes
from typing import Final

from msgspec import Struct

from keywright.config import Config
from keywright.control.resources import SecretRow, SecretState, SecretStoreRow
from keywright.core.clock import SECOND_US
from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError, SecretReadOnlyError
from keywright.core.rotation import CredentialFacts
from keywright.core.secret import Secret
from keywright.house.blueprint import DOTENV, Blueprint
from keywright.house.secrets.named import NamedSecret
from keywright.house.stores.sealing import tenant_of
from keywright.vault.backend import Backend, Value, accept, accept_document
from keywright.vault.federation.proof import handed_proof
from keywright.vault.keks.inventory import open_kek
from keywright.vault.reference import Reference, ReferenceKind, is_reference, parse
from keywright.vault.sealed.shelf import Shelf
from keywright.vault.sealed.trial import try_kek
from keywright.vault.vault import Vault, local_vault

DAY_S: Final = 86_400
UNUSED: Final = "nothing that the configuration names"

HERE: Final[frozenset[ReferenceKind]] = frozenset({"env", "dotenv", "file"})
"""Kinds that are always reachable."""


class Holdings(Struct, frozen=True, eq=False):
    """What a gateway has at one moment. `places`: the references of its credentials, by their names."""

    config: Config
    vault: Vault
    places: Mapping[str, tuple[str, ...]]


class SecretReading:
    """Reads the secrets of `holdings`. `shelf`: of the sealed ones, None where there is no database.

    Every method but `row` and `store` raises SecretError, which names references and causes, never values.
    """

    def __init__(self, holdings: Holdings, blueprint: Blueprint, shelf: Shelf | None) -> None:
        self._holdings = holdings
        self._blueprint = blueprint
        self._shelf = shelf

    def row(self, one: NamedSecret, facts: Mapping[str, CredentialFacts]) -> SecretRow:
        """What is to be told of the secret. `facts`: of credentials, by their names."""
        try:
            fingerprint, version = self.mark(one)
        except SecretError as error:
            return _row(one, _state(error, one, self._holdings), why=str(error))
        known = facts.get(one.credential)
        since_s = known.since_s if known is not None and known.fingerprint == fingerprint else 0
        now_s = self._blueprint.clock.unix_us() // SECOND_US
        return _row(one, "ok", fingerprint=fingerprint, version=version, age_s=now_s - since_s if since_s else None)

    def mark(self, one: NamedSecret) -> tuple[str, str]:
        """Which secret is there: its fingerprint, and its version."""
        if one.form == "kek":
            return self._kek(one), ""
        value = self._value(one)
        return value.secret.fingerprint, value.version

    def store(self, name: str, places: Sequence[Reference]) -> SecretStoreRow:
        """The store by that name, in which `places` are."""
        kind = self._holdings.vault.stores[name]
        reachable: bool | None = True
        why = ""
        try:
            _ask(self._holdings.vault.backend(any_of(name, kind)), places)
        except SecretReadOnlyError as error:  # nothing was asked, and there is no secret to ask for
            reachable, why = (True if kind in HERE else None), ("" if kind in HERE else str(error))
        except (SecretDeniedError, SecretAbsentError) as error:
            why = str(error)
        except SecretError as error:
            reachable, why = False, str(error)
        return store_row(self._holdings, name, len(places), reachable=reachable, why=why)

    def _kek(self, one: NamedSecret) -> str:
        blueprint = self._blueprint
        resolve = local_vault(blueprint.environment, blueprint.base / DOTENV).resolve
        kek = open_kek(one.reference, self._holdings.config.secrets, blueprint.environment, resolve)
        return try_kek(kek, self._shelf, tenant_of(str(one.setting[1])), token_bytes)

    def _value(self, one: NamedSecret) -> Value:
        place = parse(one.reference, self._holdings.vault.stores)
        if one.form == "handed":
            return Value(handed_proof(Path(place.name)))
        value = self._holdings.vault.backend(place).read(place)
        fitting(one, place, value.secret)
        return value


def fitting(one: NamedSecret, place: Reference, secret: Secret) -> Secret:
    """`secret`, if it can be what `one` is: a word, or a document of many lines. Where the configuration does not say
    which, the secret says so itself.

    Raises:
        SecretError: it cannot.
    """
    is_document = one.form == "document" or (one.used_for == UNUSED and secret.reveal().lstrip()[:1] in ("{", "-"))
    return (accept_document if is_document else accept)(place, secret)


def unanswered(one: NamedSecret, why: str) -> SecretRow:
    """What is to be told of a secret that was asked for in vain."""
    return _row(one, "unreachable", why=why)


def any_of(store: str, kind: ReferenceKind) -> Reference:
    """A reference by which the store itself is found."""
    return Reference(kind, "any", "" if store == kind else store)


def store_row(holdings: Holdings, name: str, secrets: int, *, reachable: bool | None, why: str) -> SecretStoreRow:
    """The row of a store. `secrets`: how many that the configuration names are in it."""
    return SecretStoreRow(
        name=name,
        kind=holdings.vault.stores[name],
        configured=name in holdings.config.secrets,
        secrets=secrets,
        reachable=reachable,
        why=why,
    )


def _row(
    one: NamedSecret,
    state: SecretState,
    *,
    why: str = "",
    fingerprint: str = "",
    version: str = "",
    age_s: int | None = None,
) -> SecretRow:
    return SecretRow(
        reference=one.reference,
        used_for=one.used_for,
        role=one.role,
        credential=one.credential,
        state=state,
        why=why,
        fingerprint=fingerprint,
        version=version,
        age_days=None if age_s is None else age_s // DAY_S,
    )


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


def _ask(backend: Backend, places: Sequence[Reference]) -> None:
    """Ask for the names that are there, else for a secret."""
    try:
        backend.names()
    except (SecretReadOnlyError, SecretDeniedError):
        if not places:
            raise
        backend.read(places[0])
