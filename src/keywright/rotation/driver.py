"""What the machine asks of a provider."""

from typing import Protocol

from msgspec import Struct

from keywright.core.rotation import DriverKind, KeyMark
from keywright.core.secret import Secret

NAME_PREFIX = "keywright-"
"""How the names of keys begin that a rotation makes: `keywright-` and the rotation's id."""


class Created(Struct, frozen=True):
    """A key that a provider has just made. Its secret is told this once. `expires_s`: Unix seconds, None if it does not
    run out.
    """

    mark: KeyMark
    secret: Secret
    expires_s: int | None = None


class Driver(Protocol):
    """A provider's ways with the keys of one credential. Every method asks the provider anew and keeps nothing; each is
    bounded in time, and safe to be called again after a crash.

    Raises:
        RotationError: the provider refused, or did not answer (`passing`); says what was asked and what was said, never
            a secret.
    """

    kind: DriverKind
    creates: bool
    """Whether it can make a key. If not, a person does, and pastes it."""
    disables: bool
    """Whether a key can be turned off and on again. If not, `disable` and `enable` do nothing."""
    deletes: bool
    """Whether the old key can be ended by us. If not, `delete` does nothing, and a person is reminded."""

    async def find(self, secret: Secret) -> KeyMark:
        """The mark of the key with that secret, with as much as the provider tells."""
        ...

    async def obstacle(self, old: KeyMark) -> str:
        """What stands against `create`: one sentence for people, "" when nothing is known to. Both slots are taken, the
        key is a person's, the administration's key is refused. Changes nothing; also what a dry run tells.
        """
        ...

    async def create(self, name: str, old: KeyMark) -> Created:
        """Make a key with the rights of `old`, called `name` where the provider has names for keys. Of two slots, the
        one that is not `old`'s. Where it cannot make one, the RotationError says where a person does.
        """
        ...

    async def made(self, name: str, old: KeyMark) -> tuple[KeyMark, ...]:
        """The keys that `create` with that name has made and that still exist: after a crash, orphans without a
        secret. It is only asked once a rotation has found no `obstacle`, and has written down that it creates: where
        keys have no names and slots are few, what is in a slot beside `old` since then is that key. Else, without
        names, none.
        """
        ...

    async def disable(self, mark: KeyMark) -> None:
        """Turn it off. Nothing happens when it is off or gone."""
        ...

    async def enable(self, mark: KeyMark) -> None:
        """Turn it on again."""
        ...

    async def delete(self, mark: KeyMark) -> None:
        """End it for good. Nothing happens when it is gone."""
        ...

    async def last_used_s(self, mark: KeyMark) -> int | None:
        """When it was last used, in Unix seconds, by the provider's word; None where it does not say."""
        ...
