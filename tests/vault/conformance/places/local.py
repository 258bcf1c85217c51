"""The stores of this machine."""

import os
import shutil
from pathlib import Path
from typing import Final

import dotenv
import pytest

from keywright.vault.backends.dotenv import DotenvBackend
from keywright.vault.backends.env import EnvBackend
from keywright.vault.backends.file import FileBackend, on_read_only_mount
from keywright.vault.reference import Reference
from tests.vault.conformance.place import Ability, Fault

NOBODY: Final = 65_534


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


class Folder:
    """A folder of files, and what can be wrong with it: its way leads in a circle (`kill`), each file is a pipe that
    nobody writes into (`slow`), or the process may not enter it (`deny`).
    """

    faults: frozenset[Fault] = frozenset({"kill", "slow", "deny"})

    def __init__(self, path: Path) -> None:
        self.path = path
        self._away = path.with_name(path.name + "-away")

    def strike(self, fault: Fault) -> None:
        match fault:
            case "deny" if os.geteuid() == 0:
                os.seteuid(NOBODY)
            case "deny":
                self.path.chmod(0)
            case "kill":
                self.path.rename(self._away)
                self.path.symlink_to(self.path)
            case _:
                self.path.rename(self._away)
                self.path.mkdir()
                for file in self._away.iterdir():
                    os.mkfifo(self.path / file.name, 0o600)

    def heal(self, fault: Fault) -> None:
        match fault:
            case "deny" if os.getuid() == 0:
                os.seteuid(0)
            case "deny":
                self.path.chmod(0o700)
            case "kill":
                self.path.unlink()
                self._away.rename(self.path)
            case _:
                shutil.rmtree(self.path)
                self._away.rename(self.path)


class DotenvPlace:
    """One `.env` file, changed by python-dotenv's own commands."""

    timeout_s = 1.0
    abilities: frozenset[Ability] = frozenset({"writes", "lists"})
    canaries = ()
    version_absent = ""

    def __init__(self, folder: Folder) -> None:
        self._path = folder.path / ".env"
        self._path.touch(0o600)
        self.backend = DotenvBackend(self._path)
        self.faults, self.strike, self.heal = folder.faults, folder.strike, folder.heal

    def reference(self, name: str, _: str = "") -> Reference:
        return Reference("dotenv", name)

    def put(self, name: str, value: str, _: str = "") -> None:
        dotenv.set_key(self._path, name, value)

    def remove(self, name: str) -> None:
        dotenv.unset_key(self._path, name)


class FilePlace:
    """One file for each secret."""

    timeout_s = 1.0
    abilities: frozenset[Ability] = frozenset({"writes"})
    canaries = ()
    version_absent = ""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder.path
        self.backend = FileBackend(on_read_only_mount)
        self.faults, self.strike, self.heal = folder.faults, folder.strike, folder.heal

    def reference(self, name: str, _: str = "") -> Reference:
        return Reference("file", str(self._folder / name))

    def put(self, name: str, value: str, _: str = "") -> None:
        path = self._folder / name
        path.touch(0o600)
        path.write_text(value, encoding="utf-8", newline="")

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()


@pytest.fixture(scope="session")
def env_place() -> EnvPlace:
    return EnvPlace()


@pytest.fixture(scope="session")
def dotenv_place(tmp_path_factory: pytest.TempPathFactory) -> DotenvPlace:
    return DotenvPlace(Folder(tmp_path_factory.mktemp("dotenv")))


@pytest.fixture(scope="session")
def file_place(tmp_path_factory: pytest.TempPathFactory) -> FilePlace:
    return FilePlace(Folder(tmp_path_factory.mktemp("file")))
