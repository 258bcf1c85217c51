"""What is told of secrets and their stores. No row has a value in it."""

from typing import Literal, TypeAlias

from msgspec import Struct

SecretState: TypeAlias = Literal["ok", "absent", "denied", "unreachable", "unusable"]


class SecretRow(Struct, frozen=True, kw_only=True):
    """A secret that the configuration names, read now. `used_for`: what; `credential`: the one whose key it is, "" for
    none. `fingerprint`: of a key that encrypts keys its id. `version`: its store's own name of it. `age_days`: since
    when the credential has this key, as far as is known.
    """

    reference: str
    used_for: str
    credential: str
    state: SecretState
    why: str
    fingerprint: str
    version: str
    age_days: int | None


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


class SecretMarkRow(Struct, frozen=True, kw_only=True):
    """Which secret there is, without showing it."""

    reference: str
    fingerprint: str
    version: str
