"""A store of secrets as the conformance suite meets it: our backend in front, its administrator behind its back.

One file in `places/` for each kind. It defines a session fixture `KIND_place` that starts what the store needs (or asks
another session fixture for it), yields a `Place`, and stops it; the fixture is entered in the inventory in
`conftest.py`, which asks for it only when a test runs over it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, TypeAlias
from uuid import uuid4

from keywright.vault.backend import Backend
from keywright.vault.reference import Reference

Fault: TypeAlias = Literal["kill", "slow", "seal", "throttle", "deny"]
"""`kill`: it is gone; connections are refused. `slow`: it takes more time than it has. `seal`: it is there and locked.
`throttle`: it says that we ask too often, for as long as the fault lasts. `deny`: it knows us and says no.
"""

Ability: TypeAlias = Literal["writes", "fields", "versions", "lists"]
"""What not every kind can do. `writes`: `write`, `previous`, `forget`. `fields`: a secret has several, which are read
and written one by one. `versions`: `Value.version` is not empty and may be asked for. `lists`: `names`.
"""

FAULTS: tuple[Fault, ...] = ("kill", "slow", "seal", "throttle", "deny")


class Place(Protocol):
    """One store, shared by all tests of a session: each takes names of its own, by `fresh_name`.

    A name is a lower-case letter, then lower-case letters and digits: every kind can carry it.
    """

    @property
    def backend(self) -> Backend:
        """What is under test, the same object always: it has to live through every fault."""
        ...

    @property
    def timeout_s(self) -> float:
        """How long one question may take. Keep it small (0.5 s to 1 s): the tests of `slow` wait for it."""
        ...

    @property
    def abilities(self) -> frozenset[Ability]: ...

    @property
    def faults(self) -> frozenset[Fault]:
        """Those that this kind can have and that can be brought about here."""
        ...

    @property
    def canaries(self) -> tuple[str, ...]:
        """Secrets that the backend signs in with: no error may hold one. Values of secrets are looked for anyway."""
        ...

    @property
    def version_absent(self) -> str:
        """A version that no secret has, well-formed for this store; "" where there are none."""
        ...

    def reference(self, name: str, field: str = "") -> Reference:
        """Where `name` is. `field` "" is the one that `put` writes when told none; kinds without fields ignore it."""
        ...

    def put(self, name: str, value: str, field: str = "") -> None:
        """Behind the backend's back, as an administrator with the vendor's own tool would: from now on `value` is at
        `reference(name, field)`, as a new version where there are versions; other fields stay.
        """
        ...

    def remove(self, name: str) -> None:
        """Behind the backend's back: nothing is at `reference(name)` any more."""
        ...

    def strike(self, fault: Fault) -> None:
        """Begin one of `faults`; it lasts until `heal`. It concerns everything that the place holds."""
        ...

    def heal(self, fault: Fault) -> None:
        """End it. The place answers again when this returns."""
        ...


@contextmanager
def struck(place: Place, fault: Fault) -> Iterator[None]:
    """Within it, `place` has `fault`."""
    place.strike(fault)
    try:
        yield
    finally:
        place.heal(fault)


def fresh_name() -> str:
    """A name that nothing is stored under yet."""
    return f"k{uuid4().hex[:12]}"
