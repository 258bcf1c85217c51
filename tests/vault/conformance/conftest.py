"""The inventory: every kind of store that the suite is run over. A store is started when the first test asks for it."""

from typing import Final

import pytest

from tests.vault.conformance.place import Place
from tests.vault.conformance.places.aws import aws_sm_place
from tests.vault.conformance.places.azure import azure_kv_place
from tests.vault.conformance.places.bao import vault_place, vault_v1_place
from tests.vault.conformance.places.desktop import keyring_place
from tests.vault.conformance.places.gcp import gcp_sm_place
from tests.vault.conformance.places.local import dotenv_place, env_place, file_place
from tests.vault.conformance.places.sealed import sealed_place

INVENTORY: Final = {
    "env": env_place,
    "dotenv": dotenv_place,
    "file": file_place,
    "keyring": keyring_place,
    "aws_sm": aws_sm_place,
    "gcp_sm": gcp_sm_place,
    "azure_kv": azure_kv_place,
    "vault": vault_place,
    "vault_v1": vault_v1_place,
    "sealed": sealed_place,
}
"""The session fixtures `KIND_place` by KIND. They are imported for pytest to find them, and asked for by name."""


@pytest.fixture(params=INVENTORY)
def place(request: pytest.FixtureRequest) -> Place:
    """Each store in turn."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found
