"""AWS Secrets Manager, as moto plays it, behind a door that can be in trouble."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import pytest

from keywright.vault.backends.aws_sm import AwsSecretsBackend
from keywright.vault.reference import Reference
from keywright.vault.settings import StoreSettings
from tests.vault.cloud.server import Standing
from tests.vault.conformance.place import Ability, Fault
from tests.vault.standin import Received, Say

REGION: Final = "eu-west-1"
FIELD: Final = "key"
PASSED_ON: Final[tuple[str, ...]] = (
    "authorization",
    "content-type",
    "x-amz-target",
    "x-amz-date",
    "x-amz-security-token",
)
REFUSALS: Final[dict[Fault, Say]] = {
    "throttle": Say(json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}), 400),
    "deny": Say(json.dumps({"__type": "AccessDeniedException", "Message": "no: sk-canary-8c41e7d2f09b66a0"}), 400),
}
KEYS: Final = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-signing-key-41f0"}


class Door:
    """Passes what it is asked on to `url`."""

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url).netloc

    def __call__(self, request: Received) -> Say:
        assert "Credential=AKIA" in request.headers["authorization"]
        connection = HTTPConnection(self._netloc, timeout=10)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        try:
            connection.request(request.method, request.target, request.body, headers)
            answer = connection.getresponse()
            kind = (("content-type", answer.getheader("content-type", "")),)
            return Say(answer.read(), answer.status, kind)
        finally:
            connection.close()


def client(moto: str, service: str) -> Any:
    """The vendor's own tool, past the door."""
    keys = {"aws_access_key_id": "other", "aws_secret_access_key": "other"}
    return boto3.client(service, region_name=REGION, endpoint_url=moto, **keys)


class AwsPlace:
    """`standing`: the door."""

    timeout_s = 1.6
    abilities: frozenset[Ability] = frozenset({"writes", "fields", "versions", "lists"})
    faults: frozenset[Fault] = frozenset({"kill", "slow", "throttle", "deny"})
    canaries = (KEYS["AWS_SECRET_ACCESS_KEY"],)
    version_absent = "00000000-0000-0000-0000-000000000000"

    def __init__(self, moto: str, standing: Standing) -> None:
        self.standing = standing
        self.tool = client(moto, "secretsmanager")
        self.settings = StoreSettings(region=REGION, timeout_s=self.timeout_s)
        self.environment = {**KEYS, "AWS_ENDPOINT_URL": standing.url, "HOME": "/nonexistent"}
        self.backend = AwsSecretsBackend(self.settings, self.environment)

    def reference(self, name: str, field: str = "") -> Reference:
        return Reference("aws-sm", name, field=field or FIELD)

    def put(self, name: str, value: str, field: str = "") -> None:
        try:
            before = json.loads(self.tool.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"])
        except self.tool.exceptions.ResourceNotFoundException:
            self.tool.create_secret(Name=name, SecretString=json.dumps({field or FIELD: value}))
        else:
            self._replace(name, json.dumps({**before, field or FIELD: value}))

    def _replace(self, name: str, text: str) -> None:
        """moto loses count of AWSCURRENT when a version is put under it after the label was moved; moving is well."""
        basis = self.tool.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["VersionId"]
        put = self.tool.put_secret_value(SecretId=name, SecretString=text, VersionStages=["PUT"])["VersionId"]
        self.tool.update_secret_version_stage(
            SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=put, RemoveFromVersionId=basis
        )

    def remove(self, name: str) -> None:
        self.tool.delete_secret(SecretId=name, RecoveryWindowInDays=7)

    def strike(self, fault: Fault) -> None:
        self.standing.strike(fault)

    def heal(self, fault: Fault) -> None:
        self.standing.heal(fault)


@pytest.fixture(scope="session")
def aws_sm_place(moto: str) -> Iterator[AwsPlace]:
    standing = Standing(Door(moto), REFUSALS)
    place = AwsPlace(moto, standing)
    yield place
    place.backend.close()
    standing.close()
