"""Which secrets there are: every folder of every key-value engine, as far as we may list them."""

from collections.abc import Iterator
from typing import Final

from keywright.core.errors import SecretDeniedError, SecretError
from keywright.vault.backends.vault.exchange import Asked
from keywright.vault.backends.vault.mounts import Mount, Mounts
from keywright.vault.backends.vault.session import Session
from keywright.vault.reference import Reference

NAMES_MAX: Final = 20_000
FOLDERS_MAX: Final = 2_000
"""Each is one exchange."""


def names(session: Session, mounts: Mounts, asked: Asked) -> tuple[Reference, ...]:
    """The entries, sorted by name, each without a field: which fields it has only its content tells.

    Raises:
        SecretDeniedError: there is no folder that we may list.
        SecretError: there are more than the bounds, or the server is in trouble.
    """
    found: list[str] = []
    listed, denied = 0, False
    waiting = [(mount, "") for mount in mounts.visible(asked) if mount.engine != "other"]
    while waiting:
        mount, folder = waiting.pop()
        try:
            keys = list(_keys(session, asked, mount, folder))
        except SecretDeniedError:
            denied = True
            continue
        listed += 1
        waiting += [(mount, folder + key) for key in keys if key.endswith("/")]
        found += [f"{mount.path}{folder}{key}" for key in keys if not key.endswith("/")]
        if len(found) > NAMES_MAX or listed + len(waiting) > FOLDERS_MAX:
            raise SecretError(
                f"{asked.about}: there are more than {NAMES_MAX} secrets or {FOLDERS_MAX} folders: let a policy show "
                "us less of them"
            )
    if denied and not listed:
        raise SecretDeniedError(f"{asked.about}: no policy of ours allows to list any folder")
    return tuple(Reference("vault", name) for name in sorted(found))


def _keys(session: Session, asked: Asked, mount: Mount, folder: str) -> Iterator[str]:
    within = "metadata/" if mount.engine == "kv2" else ""
    reply = session.ask(asked, "LIST", f"{mount.path}{within}{folder}")
    if reply.status == 404:
        return
    keys = (reply.data or {}).get("keys")
    if reply.status != 200 or not isinstance(keys, list):
        raise session.refused(asked, reply)
    yield from (key for key in keys if isinstance(key, str))
