"""`keyring:service/name`: a key encryption key that the system's keyring keeps, as `new_kek` writes it."""

from collections.abc import Callable

from keywright.core.secret import Secret
from keywright.vault.keks.local import LocalKek
from keywright.vault.sealed.envelope import Random


def keyring_kek(place: str, resolve: Callable[[str], Secret], random: Random) -> LocalKek:
    """The key at `place` (`service/name`), which `resolve` reads from the keyring when it is first needed."""
    reference = f"keyring:{place}"
    return LocalKek(reference, lambda: resolve(reference).reveal().encode(), random)
