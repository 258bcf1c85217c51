"""The stores of this machine."""

import pytest

from keywright.vault.backends.env import EnvBackend
from keywright.vault.reference import Reference
from tests.vault.conformance.place import Ability, Fault


class EnvPlace:
    """A process's environment, which nothing can break."""

    timeout_s = 1.0
    abilities: frozenset[Ability] = frozenset()
    faults: frozenset[Fault] = frozenset()
    canaries = ()
    version_absent = ""

    def __init__(self) -> None:
        self._environment: dict[str, str] = {}
        self.backend = EnvBackend(self._environment)

    def reference(self, name: str, _: str = "") -> Reference:
        return Reference("env", name)

    def put(self, name: str, value: str, _: str = "") -> None:
        self._environment[name] = value

    def remove(self, name: str) -> None:
        del self._environment[name]

    def strike(self, fault: Fault) -> None:
        raise NotImplementedError(fault)

    def heal(self, fault: Fault) -> None:
        raise NotImplementedError(fault)


@pytest.fixture(scope="session")
def env_place() -> EnvPlace:
    return EnvPlace()
