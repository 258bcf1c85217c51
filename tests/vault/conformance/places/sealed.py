"""Keywright's own store, on SQLite."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Final

import pytest
from sqlalchemy import delete

from keywright.core.secret import Secret
from keywright.store.engine import CONNECTIONS_MAX
from keywright.store.schema import SEALED
from keywright.vault.backends.sealed import SealedBackend
from keywright.vault.reference import Reference
from tests.vault.conformance.place import Ability, Fault
from tests.vault.sealed.samples import local_kek
from tests.vault.sealed.shelves import Desk, opened

TENANT: Final = "acme"
BLOCKED_S: Final = 20.0


class SealedPlace:
    """A database in a file. It is killed by moving the file away, and slow while others have all its threads."""

    timeout_s = 1.5
    abilities: frozenset[Ability] = frozenset({"writes", "versions", "lists"})
    faults: frozenset[Fault] = frozenset({"kill", "slow"})
    canaries = ()
    version_absent = "987654321"

    def __init__(self, desk: Desk, path: Path) -> None:
        self.backend = SealedBackend(desk.shelf, (local_kek("first"),), TENANT)
        self._administrator = SealedBackend(desk.shelf, (local_kek("first"),), TENANT)
        self._desk = desk
        self._path = path
        self._away = path.with_name("away.db")
        self._release = Event()

    def reference(self, name: str, _: str = "") -> Reference:
        return Reference("sealed", name)

    def put(self, name: str, value: str, _: str = "") -> None:
        self._administrator.write(self.reference(name), Secret(value))

    def remove(self, name: str) -> None:
        where = (SEALED.c.tenant == TENANT, SEALED.c.name == name)
        self._desk.run(self._desk.database.write(lambda connection: connection.execute(delete(SEALED).where(*where))))

    def strike(self, fault: Fault) -> None:
        match fault:
            case "kill":
                self._desk.run(self._desk.database.close())
                self._path.rename(self._away)
                self._path.mkdir()
            case "slow":
                self._release.clear()
                for _ in range(CONNECTIONS_MAX):
                    self._desk.begin(self._desk.database.read(lambda _: self._release.wait(BLOCKED_S)))
            case _:
                raise NotImplementedError(fault)

    def heal(self, fault: Fault) -> None:
        if fault == "slow":
            self._release.set()
            return
        self._desk.run(self._desk.database.close())
        self._path.rmdir()
        self._away.rename(self._path)


@pytest.fixture(scope="session")
def sealed_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SealedPlace]:
    path = tmp_path_factory.mktemp("sealed") / "keywright.db"
    with opened(f"sqlite:///{path}", SealedPlace.timeout_s) as desk:
        yield SealedPlace(desk, path)
