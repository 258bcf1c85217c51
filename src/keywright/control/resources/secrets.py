"""Secrets and their stores. A value goes in, and no answer has one in it."""

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from keywright.core.secret import Secret

REFERENCE_CHARACTERS_MAX: Final = 1024

SecretState: TypeAlias = Literal["ok", "absent", "denied", "unreachable", "unusable"]
SecretRole: TypeAlias = Literal["credential", "admin", "service-account", "proof", "database", "store", "kek", "none"]
"""For calls of a provider; for the administration of its keys; who this workload is; what opens our own stores; what
encrypts keys; nothing that the configuration names.
"""

ReferenceText: TypeAlias = Annotated[str, Meta(max_length=REFERENCE_CHARACTERS_MAX)]


class SecretQuestion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which secrets to read, at most 100. None: all that the configuration names."""

    references: tuple[str, ...] = ()


class SecretBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new value of a secret. It is text; of a key one word of visible ASCII."""

    reference: ReferenceText
    value: Secret


class SecretRow(Struct, frozen=True, kw_only=True):
    """A secret that the configuration names, read now. `used_for`: what; `role`: the same in one word; `credential`:
    the one whose key it is, "" for none. `fingerprint`: of a key that encrypts keys its id. `version`: its store's own
    name of it. `age_days`: since when the credential has this key, as far as is known.
    """

    reference: str
    used_for: str
    role: SecretRole
    credential: str
    state: SecretState
    why: str
    fingerprint: str
    version: str
    age_days: int | None


class SecretTable(Struct, frozen=True):
    """Secrets that were read."""

    rows: tuple[SecretRow, ...]


class SecretStoreRow(Struct, frozen=True, kw_only=True):
    """A store of secrets. `configured`: it has a table `[secrets.NAME]`. `secrets`: how many that the configuration
    names are in it. `reachable` is null where nothing could be asked without a secret to ask for; `why` says more.
    """

    name: str
    kind: str
    configured: bool
    secrets: int
    reachable: bool | None
    why: str


class SecretStoreTable(Struct, frozen=True):
    """The stores."""

    rows: tuple[SecretStoreRow, ...]


class SecretNames(Struct, frozen=True):
    """References of what is in a store, by name. `next` as of `Page`."""

    rows: tuple[str, ...]
    next: str | None = None


class SecretMarkRow(Struct, frozen=True, kw_only=True):
    """Which secret there is, without showing it."""

    reference: str
    fingerprint: str
    version: str
