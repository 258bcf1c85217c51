"""What the steps of a rotation work with, and the new keys' secrets, which this process alone knows until they are
stored.
"""

from collections.abc import Callable

from msgspec import Struct

from keywright.core.rotation import Rotation
from keywright.core.secret import Secret
from keywright.rotation.steps import Pace, Proofs
from keywright.rotation.surroundings import CredentialRecords, Keys, Prove


class Held:
    """The secret of a new key, from when it is made until it is stored, and what was proven of it."""

    __slots__ = ("proofs", "secret")

    def __init__(self, secret: Secret) -> None:
        self.secret = secret
        self.proofs = Proofs()

    def __repr__(self) -> str:
        return f"<held {self.secret.fingerprint}>"


class Means(Struct, frozen=True, eq=False):
    """The surroundings as far as the steps need them, the time now in Unix seconds, and how long things are waited for.
    `held`: new keys' secrets by rotation; they are nowhere else until they are stored.
    """

    keys: Keys
    prove: Prove
    credentials: CredentialRecords
    now_s: Callable[[], int]
    pace: Pace
    held: dict[str, Held]

    def held_of(self, rotation: Rotation) -> Held | None:
        """The new key's secret, if it is the one that is written down."""
        held = self.held.get(rotation.id)
        return held if held is not None and held.secret.fingerprint == rotation.new.fingerprint else None
