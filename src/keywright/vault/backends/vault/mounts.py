"""Where a path's engine is mounted, and of what kind it is: asked once for each mount, as the vendor's tools ask."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.vault.backends.vault.exchange import Asked
from keywright.vault.backends.vault.session import Session

EngineKind: TypeAlias = Literal["kv1", "kv2", "other"]

_MOUNTS: Final = "sys/internal/ui/mounts"
"""The one list of mounts that needs no policy beyond that of what is mounted."""


class Mount(Struct, frozen=True):
    """`path`: with its final slash; it may have others."""

    path: str
    engine: EngineKind


class Mounts:
    """Remembers the mounts that were asked for. No mount's path begins with another's."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, Mount] = {}

    def known(self, name: str) -> Mount | None:
        """The mount of `name`, if it was asked for before."""
        parts = name.split("/")
        paths = ("/".join(parts[:end]) + "/" for end in range(1, len(parts)))
        return next((mount for path in paths if (mount := self._known.get(path)) is not None), None)

    def ask(self, asked: Asked, name: str) -> Mount:
        """The mount of `name`, as it is now.

        Raises:
            SecretDeniedError: there is none, or none that we may use.
            SecretError: it is not told.
        """
        reply = self._session.ask(asked, "GET", f"{_MOUNTS}/{name}")
        path = (reply.data or {}).get("path")
        if reply.status != 200 or not isinstance(path, str) or not name.startswith(path):
            raise self._session.refused(asked, reply)
        mount = self._known[path] = Mount(path, _engine(reply.data or {}))
        return mount

    def visible(self, asked: Asked) -> tuple[Mount, ...]:
        """Every mount of secrets in which we may do anything, by path.

        Raises:
            SecretError: they are not told.
        """
        reply = self._session.ask(asked, "GET", _MOUNTS)
        found = (reply.data or {}).get("secret")
        if reply.status != 200 or not isinstance(found, dict):
            raise self._session.refused(asked, reply)
        return tuple(Mount(path, _engine(told)) for path, told in sorted(found.items()) if isinstance(told, dict))


class Spot(Struct, frozen=True):
    """Where an entry is: `path` within `mount`, whose own path ends with a slash."""

    mount: str
    path: str

    @property
    def whole(self) -> str:
        """The path that engines without a grammar of their own are asked for."""
        return self.mount + self.path


def spot(asked: Asked, mount: Mount, name: str) -> Spot:
    """Where `name`, which begins with its mount's path, is.

    Raises:
        SecretError: it names no secret, or steps out of its folder.
    """
    path = name.removeprefix(mount.path)
    if not path or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise SecretError(f"{asked.about}: what follows the mount {mount.path} is not a secret's path")
    return Spot(mount.path, path)


def _engine(told: dict[str, object]) -> EngineKind:
    if told.get("type") not in ("kv", "generic"):
        return "other"
    options = told.get("options")
    return "kv2" if isinstance(options, dict) and options.get("version") == "2" else "kv1"
