"""What the machine needs of the rest of Keywright: keys, proofs, records, and what the configuration says."""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from keywright.core.rotation import CredentialFacts, CredentialUser, DriverKind, Rotation
from keywright.core.secret import Secret
from keywright.rotation.driver import Driver


class Keys(Protocol):
    """Where credentials keep their keys. Each question is asked of the store that owns the key, and bounded in time.

    Raises:
        SecretError: the store cannot do it. `SecretReadOnlyError` and `SecretDeniedError` of `write` and `forget` are
            taken for lasting, `SecretAbsentError` of `previous` for the truth, all else for passing.
    """

    async def current(self, credential: str) -> Secret:
        """Its key, read now and of no cache."""
        ...

    async def write(self, credential: str, secret: Secret) -> str:
        """Let `secret` be its key; the version that it got, "" where there are none."""
        ...

    async def previous(self, credential: str) -> Secret:
        """What was there before the last `write`."""
        ...

    async def forget(self, credential: str) -> None:
        """Let that be readable no longer."""
        ...


class Proof(Protocol):
    """Whether a provider accepts a key, and why that is said."""

    @property
    def life(self) -> Literal["live", "dead", "unknown"]: ...
    @property
    def why(self) -> str: ...


Prove: TypeAlias = Callable[[str, Secret], Awaitable[Proof]]
"""Asks the provider of a credential, by its name, whether it accepts a key. Bounded in time; raises nothing: who gave
no answer is unknown.
"""


class RotationRecords(Protocol):
    """The rotations in the database, as of `store/rotations.py`. Every method raises StoreError when it cannot."""

    async def begin(self, rotation: Rotation, together: tuple[str, ...] = ()) -> None: ...
    async def claim(self, rotation_id: str, holder: str, now_s: int, for_s: int) -> Rotation | None: ...
    async def save(self, rotation: Rotation, holder: str) -> bool: ...
    async def release(self, rotation_id: str, holder: str) -> None: ...
    async def get(self, rotation_id: str) -> Rotation | None: ...
    async def running(self) -> tuple[Rotation, ...]: ...
    async def last(self, credential: str) -> Rotation | None: ...


class CredentialRecords(Protocol):
    """What the database knows of credentials, as of `store/credentials.py`. Raises StoreError when it cannot."""

    async def get(self, name: str) -> CredentialFacts | None: ...
    async def note(self, name: str, change: Callable[[CredentialFacts], CredentialFacts]) -> CredentialFacts: ...
    async def ask_all(self, name: str) -> None: ...
    async def users(self, name: str) -> tuple[CredentialUser, ...]: ...


class Records(Struct, frozen=True):
    """The database."""

    rotations: RotationRecords
    credentials: CredentialRecords


class Target(Struct, frozen=True):
    """A credential, as it is configured now. `driver`: None where the provider has none that is set up, and `lacks`
    says what for. `read_only`: why its key cannot be written to its store, "" when it can. `shared`: who else has the
    same key and would lose it, "" for nobody. `together`: the other credentials whose key is at the same place, and is
    replaced with it. `drain_s`, `hold_s` as in the configuration. `renew`: of a federated one, gets a new token; raises
    SecretError.
    """

    credential: str
    provider: str
    kind: DriverKind
    driver: Driver | None = None
    lacks: str = ""
    read_only: str = ""
    shared: str = ""
    together: tuple[str, ...] = ()
    drain_s: float = 60.0
    hold_s: float = 300.0
    renew: Callable[[], Awaitable[None]] | None = None


Targets: TypeAlias = Callable[[str], Target | None]
"""The credential of that name; None when none is configured."""


class Surroundings(Struct, frozen=True):
    """All of it."""

    records: Records
    keys: Keys
    prove: Prove
    targets: Targets
