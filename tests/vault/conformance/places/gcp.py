"""Google Secret Manager, as a stand-in plays it."""

from collections.abc import Iterator

import pytest

from keywright.core.secret import Secret
from keywright.vault.backends.gcp_sm import GcpSecretsBackend
from keywright.vault.reference import Reference
from keywright.vault.settings import StoreSettings
from tests.vault.cloud.google import REFUSALS, TOKEN, Google, Version
from tests.vault.cloud.server import Standing
from tests.vault.conformance.place import Ability, Fault
from tests.vault.google.files import service_account

PROJECT = "project-7"


class GcpPlace:
    """`google`: what it holds; `standing`: where it stands."""

    timeout_s = 1.6
    abilities: frozenset[Ability] = frozenset({"writes", "versions", "lists"})
    faults: frozenset[Fault] = frozenset({"kill", "slow", "throttle", "deny"})
    version_absent = "999999"

    def __init__(self, google: Google, standing: Standing) -> None:
        self.google = google
        self.standing = standing
        self.file = service_account(standing.url)
        self.canaries = (TOKEN, self.file.partition("PRIVATE KEY-----")[2][10:60])
        self.settings = StoreSettings(credentials="env:SA", endpoint=standing.url, timeout_s=self.timeout_s)
        self.environment = {"HOME": "/nonexistent"}
        self.backend = GcpSecretsBackend(self.settings, self.environment, self.resolve)

    def resolve(self, text: str) -> Secret:
        assert text == "env:SA"
        return Secret(self.file)

    def reference(self, name: str, _: str = "") -> Reference:
        return Reference("gcp-sm", f"{PROJECT}/{name}")

    def put(self, name: str, value: str, _: str = "") -> None:
        self.google.secrets.setdefault(f"{PROJECT}/{name}", []).append(Version(value.encode()))

    def remove(self, name: str) -> None:
        del self.google.secrets[f"{PROJECT}/{name}"]

    def strike(self, fault: Fault) -> None:
        self.standing.strike(fault)

    def heal(self, fault: Fault) -> None:
        self.standing.heal(fault)


@pytest.fixture(scope="session")
def gcp_sm_place() -> Iterator[GcpPlace]:
    google = Google()
    standing = Standing(google, REFUSALS)
    place = GcpPlace(google, standing)
    yield place
    place.backend.close()
    standing.close()
