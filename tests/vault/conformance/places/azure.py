"""Azure Key Vault, as a stand-in plays it, over TLS: its SDK sends no token without."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from keywright.core.secret import Secret
from keywright.vault.backends.azure_kv import AzureSecretsBackend
from keywright.vault.reference import Reference
from keywright.vault.settings import StoreSettings
from tests.vault.cloud.azure import CLIENT, REFUSALS, SECRET, TENANT, TOKEN, Azure
from tests.vault.cloud.server import Standing
from tests.vault.conformance.place import Ability, Fault

VAULT = "127"
"""As a listing calls it: the first part of the host's name."""


class AzurePlace:
    """`azure`: what it holds; `standing`: where it stands."""

    timeout_s = 1.6
    abilities: frozenset[Ability] = frozenset({"writes", "versions", "lists"})
    faults: frozenset[Fault] = frozenset({"kill", "slow", "throttle", "deny"})
    canaries = (TOKEN, SECRET)
    version_absent = "0" * 32

    def __init__(self, azure: Azure, standing: Standing, ca_file: Path) -> None:
        self.azure = azure
        self.standing = standing
        azure.url = standing.url
        self.settings = StoreSettings(
            client_secret="env:SECRET", endpoint=standing.url, ca_file=str(ca_file), timeout_s=self.timeout_s
        )
        self.environment = {
            "AZURE_AUTHORITY_HOST": standing.url,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
        }
        self.backend = AzureSecretsBackend(self.settings, self.environment, self.resolve)

    def resolve(self, text: str) -> Secret:
        assert text == "env:SECRET"
        return Secret(SECRET)

    def reference(self, name: str, _: str = "") -> Reference:
        return Reference("azure-kv", f"{VAULT}/{name}")

    def put(self, name: str, value: str, _: str = "") -> None:
        self.azure.add(name, value)

    def remove(self, name: str) -> None:
        del self.azure.secrets[name]

    def strike(self, fault: Fault) -> None:
        self.standing.strike(fault)

    def heal(self, fault: Fault) -> None:
        self.standing.heal(fault)


@pytest.fixture(scope="session")
def azure_kv_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzurePlace]:
    ca_file = tmp_path_factory.mktemp("azure") / "ca.pem"
    ca = trustme.CA()
    ca.cert_pem.write_to_path(ca_file)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    azure = Azure()
    standing = Standing(azure, REFUSALS, tls)
    place = AzurePlace(azure, standing, ca_file)
    yield place
    place.backend.close()
    standing.close()
