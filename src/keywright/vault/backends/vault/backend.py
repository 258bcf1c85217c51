"""The backend of `vault://`: which engine has the path, and then what that engine does.

Which one it is, is remembered. An engine that was replaced by another kind is noticed when nothing is found where the
old one would have had it.
"""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final, Protocol, TypeVar

from msgspec.structs import replace

from keywright.core.errors import SecretAbsentError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Value
from keywright.vault.backends.vault.exchange import Asked
from keywright.vault.backends.vault.kv1 import Kv1
from keywright.vault.backends.vault.kv2 import Kv2
from keywright.vault.backends.vault.leases import Leases, keeps_none
from keywright.vault.backends.vault.mounts import EngineKind, Mounts, Spot, spot
from keywright.vault.backends.vault.names import names
from keywright.vault.backends.vault.session import Session
from keywright.vault.reference import Reference
from keywright.vault.settings import StoreSettings

T = TypeVar("T")


class Engine(Protocol):
    """A kind of engine: what a `Backend` does, at a spot."""

    def read(self, asked: Asked, spot: Spot, reference: Reference, /) -> Value: ...
    def write(self, asked: Asked, spot: Spot, reference: Reference, secret: Secret, /) -> str: ...
    def previous(self, asked: Asked, spot: Spot, reference: Reference, /) -> Value: ...
    def forget(self, asked: Asked, spot: Spot, reference: Reference, /) -> None: ...


class VaultBackend:
    """One server of HashiCorp Vault or OpenBao, as one client of it. Threads may ask at once."""

    def __init__(
        self,
        settings: StoreSettings,
        environment: Mapping[str, str],
        resolve: Callable[[str], Secret],
        ticks_s: Callable[[], float] = monotonic,
    ) -> None:
        """Raises SecretError: the settings lack something, or hvac is not installed. Nothing is asked yet."""
        self._session: Final = Session(settings, environment, resolve, ticks_s)
        self._mounts: Final = Mounts(self._session)
        self._engines: Final[Mapping[EngineKind, Engine]] = {
            "kv1": Kv1(self._session),
            "kv2": Kv2(self._session),
            "other": Leases(self._session, ticks_s),
        }

    def read(self, reference: Reference) -> Value:
        """The field, with its entry's version where the engine keeps any, and its lease where it lends."""
        value = self._found(reference, lambda engine, asked, spot: engine.read(asked, spot, reference))
        return replace(value, again_s=self._session.again_s)

    def write(self, reference: Reference, secret: Secret) -> str:
        """Write the field; the others of its entry stay."""
        if why := self.read_only(reference):
            raise SecretReadOnlyError(why)
        return self._session.put(str(reference), lambda asked: self._written(asked, reference, secret))

    def previous(self, reference: Reference) -> Value:
        """The field before its last change."""
        return self._found(reference, lambda engine, asked, spot: engine.previous(asked, spot, reference))

    def forget(self, reference: Reference) -> None:
        """Destroy the field's value before its last change, and nothing older."""
        self._found(reference, lambda engine, asked, spot: engine.forget(asked, spot, reference))

    def read_only(self, reference: Reference) -> str:
        """One version is named, or its engine is known to keep nothing."""
        if reference.version:
            return f"{reference} names one version, which cannot become another: leave it out"
        mount = self._mounts.known(reference.name)
        return keeps_none(reference) if mount is not None and mount.engine == "other" else ""

    def names(self) -> tuple[Reference, ...]:
        """The entries of all key-value engines, without their fields."""
        return self._session.put("vault:// cannot be listed", lambda asked: names(self._session, self._mounts, asked))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _found(self, reference: Reference, act: Callable[[Engine, Asked, Spot], T]) -> T:
        return self._session.put(str(reference), lambda asked: self._acted(asked, reference, act))

    def _written(self, asked: Asked, reference: Reference, secret: Secret) -> str:
        # Asked anew: what is written as another kind of engine has it would be found by nobody.
        mount = self._mounts.ask(asked, reference.name)
        return self._engines[mount.engine].write(asked, spot(asked, mount, reference.name), reference, secret)

    def _acted(self, asked: Asked, reference: Reference, act: Callable[[Engine, Asked, Spot], T]) -> T:
        known = self._mounts.known(reference.name)
        mount = known or self._mounts.ask(asked, reference.name)
        try:
            return act(self._engines[mount.engine], asked, spot(asked, mount, reference.name))
        except SecretAbsentError:
            if known is None or (mount := self._mounts.ask(asked, reference.name)) == known:
                raise
        return act(self._engines[mount.engine], asked, spot(asked, mount, reference.name))
