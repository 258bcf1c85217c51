"""Every way to sign in, at a real server."""

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keywright.core.errors import SecretDeniedError, SecretError
from keywright.vault.backends.vault import VaultBackend
from keywright.vault.settings import StoreSettings
from tests.vault.bao.clients import VALUE, Ticks, backend, by_token, mounted, read, ref
from tests.vault.bao.server import OpenBao, resolver
from tests.vault.cloud.server import Standing
from tests.vault.rsa_key import rsa_key
from tests.vault.standin import Received, Say

REFERENCE = "doors/llm#key"


@pytest.fixture(scope="module")
def bao(openbao: OpenBao) -> OpenBao:
    """The server, with one secret and a policy to read it."""
    mounted(openbao, "doors")
    openbao.request("POST", "doors/data/llm", {"data": {"key": VALUE}})
    openbao.policy("reader", "doors/data/*: read")
    return openbao


def jwt(**claims: object) -> str:
    """Signed by the key of these tests."""

    def part(value: bytes) -> str:
        return urlsafe_b64encode(value).rstrip(b"=").decode()

    now_s = int(time.time())
    body = {"iss": "https://issuer.test", "iat": now_s, "nbf": now_s - 5, "exp": now_s + 300, **claims}
    signed = f"{part(json.dumps({'alg': 'RS256', 'typ': 'JWT'}).encode())}.{part(json.dumps(body).encode())}"
    return f"{signed}.{part(rsa_key().sign(signed.encode(), PKCS1v15(), SHA256()))}"


def public_pem() -> str:
    return rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def approle(bao: OpenBao, name: str, **properties: object) -> tuple[str, str]:
    """A role's id, and its path."""
    path = f"auth/approle/role/{name}"
    bao.request("POST", path, {"token_policies": ["reader"], **properties})
    return bao.request("GET", f"{path}/role-id")["data"]["role_id"], path


def test_a_token_is_taken_from_the_settings_the_environment_or_the_tools_file(bao: OpenBao, tmp_path: Path) -> None:
    token = bao.token("reader")
    (tmp_path / ".vault-token").write_text(token)
    assert read(by_token(bao, token), REFERENCE) == VALUE
    for environment in ({"VAULT_TOKEN": token}, {"BAO_TOKEN": token, "VAULT_TOKEN": "no"}, {"HOME": str(tmp_path)}):
        told = {"VAULT_ADDR": bao.address, **environment}
        place = VaultBackend(StoreSettings(), told, resolver(**environment))
        assert read(place, REFERENCE) == VALUE


def test_where_no_token_is_it_is_said_what_to_set(bao: OpenBao, tmp_path: Path) -> None:
    told = {"VAULT_ADDR": bao.address, "HOME": str(tmp_path)}
    with pytest.raises(SecretError, match="is not there; set VAULT_TOKEN, or say `token`"):
        read(VaultBackend(StoreSettings(), told, resolver()), REFERENCE)


def test_a_token_that_is_none_is_denied_and_not_shown(bao: OpenBao) -> None:
    with pytest.raises(SecretDeniedError, match="denies permission") as caught:
        read(by_token(bao, "s.canarytoken"), REFERENCE)
    assert "canarytoken" not in str(caught.value)


def test_approle_signs_in_with_a_secret_id_from_the_settings_or_the_environment(bao: OpenBao) -> None:
    role_id, path = approle(bao, "plain")
    secret_id = bao.request("POST", f"{path}/secret-id")["data"]["secret_id"]
    place = backend(bao, secrets={"ID": secret_id}, login="approle", role_id=role_id, secret_id="env:ID")
    assert read(place, REFERENCE) == VALUE
    told = {"VAULT_ADDR": bao.address, "VAULT_ROLE_ID": role_id, "VAULT_SECRET_ID": secret_id}
    assert read(VaultBackend(StoreSettings(), told, resolver(**told)), REFERENCE) == VALUE


def test_approle_of_a_wrong_secret_id_is_denied_in_the_servers_words(bao: OpenBao) -> None:
    role_id, _ = approle(bao, "wrong")
    place = backend(bao, secrets={"ID": "canary-id"}, role_id=role_id, secret_id="env:ID")
    with pytest.raises(SecretDeniedError, match="invalid role or secret ID") as caught:
        read(place, REFERENCE)
    assert str(ref(REFERENCE)) in str(caught.value)
    assert "canary-id" not in str(caught.value)


def test_a_wrapped_secret_id_is_unwrapped_once_and_used_again(bao: OpenBao) -> None:
    role_id, path = approle(bao, "wrapped", token_num_uses=3)
    answer = bao.request("POST", f"{path}/secret-id", headers={"X-Vault-Wrap-TTL": "60s"})
    wrapped = answer["wrap_info"]["token"]
    place = backend(bao, secrets={"ID": wrapped}, role_id=role_id, secret_id="env:ID")
    for _ in range(4):  # more reads than a token of this role is good for
        assert read(place, REFERENCE) == VALUE
    with pytest.raises(SecretDeniedError, match="used up"):
        read(backend(bao, secrets={"ID": wrapped}, role_id=role_id, secret_id="env:ID"), REFERENCE)


def test_what_was_wrapped_elsewhere_is_no_secret_id(bao: OpenBao) -> None:
    role_id, _ = approle(bao, "foisted")
    answer = bao.request("POST", "sys/wrapping/wrap", {"secret_id": "x"}, {"X-Vault-Wrap-TTL": "60s"})
    wrapped = answer["wrap_info"]["token"]
    with pytest.raises(SecretDeniedError, match="made elsewhere"):
        read(backend(bao, secrets={"ID": wrapped}, role_id=role_id, secret_id="env:ID"), REFERENCE)


def test_a_jwt_is_read_from_its_file_at_every_login(bao: OpenBao, tmp_path: Path) -> None:
    bao.request("POST", "sys/auth/workload", {"type": "jwt"})
    bao.request("POST", "auth/workload/config", {"jwt_validation_pubkeys": [public_pem()]})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["bao"], "token_policies": ["reader"]}
    bao.request("POST", "auth/workload/role/gateway", {**role, "token_ttl": "1h"})
    file = tmp_path / "jwt"
    file.write_text(jwt(sub="gateway", aud="bao"))
    ticks = Ticks()
    place = backend(bao, ticks, login="jwt", login_mount="workload", role="gateway", jwt_file=str(file))
    assert read(place, REFERENCE) == VALUE
    file.write_text(jwt(sub="gateway", aud="somebody else"))
    assert read(place, REFERENCE) == VALUE
    ticks.passed_s += 4000
    with pytest.raises(SecretDeniedError, match="audience"):
        read(place, REFERENCE)
    file.write_text(jwt(sub="gateway", aud="bao"))
    assert read(place, REFERENCE) == VALUE
    file.unlink()
    ticks.passed_s += 4000
    with pytest.raises(SecretError, match="cannot sign in"):
        read(place, REFERENCE)


@pytest.fixture
def kubernetes() -> Iterator[Standing]:
    """The reviewer of tokens: it knows one, of the account `llm/gateway`."""

    def review(request: Received) -> Say:
        assert request.method == "POST"
        assert request.target == "/apis/authentication.k8s.io/v1/tokenreviews"
        known = jwt_subject(json.loads(request.body)["spec"]["token"]) == "system:serviceaccount:llm:gateway"
        user = {"username": "system:serviceaccount:llm:gateway", "uid": "u1", "groups": ["system:serviceaccounts"]}
        status = {"authenticated": True, "user": user} if known else {"authenticated": False}
        answer = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status}
        return Say(json.dumps(answer), 201, (("content-type", "application/json"),))

    standing = Standing(review, {})
    yield standing
    standing.close()


def jwt_subject(text: str) -> object:
    body = text.split(".")[1]
    return json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))["sub"]


def test_a_pod_signs_in_by_its_service_accounts_token(bao: OpenBao, kubernetes: Standing, tmp_path: Path) -> None:
    authority = trustme.CA().cert_pem.bytes().decode()
    bao.request("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
    bao.request(
        "POST",
        "auth/kubernetes/config",
        {"kubernetes_host": kubernetes.url, "token_reviewer_jwt": jwt(sub="reviewer"), "kubernetes_ca_cert": authority}
        | {"disable_local_ca_jwt": True},
    )
    bound = {"bound_service_account_names": ["gateway"], "bound_service_account_namespaces": ["llm"]}
    bao.request("POST", "auth/kubernetes/role/gateway", {**bound, "token_policies": ["reader"]})
    file = tmp_path / "token"
    account = {"namespace": "llm", "serviceaccount": {"name": "gateway", "uid": "u1"}}
    file.write_text(jwt(sub="system:serviceaccount:llm:gateway", **{"kubernetes.io": account}))
    place = backend(bao, login="kubernetes", role="gateway", jwt_file=str(file))
    assert read(place, REFERENCE) == VALUE
    assert kubernetes.received
    file.write_text(jwt(sub="system:serviceaccount:llm:other", **{"kubernetes.io": account}))
    with pytest.raises(SecretDeniedError):
        read(backend(bao, login="kubernetes", role="gateway", jwt_file=str(file)), REFERENCE)


def test_a_namespace_is_a_server_of_its_own(bao: OpenBao) -> None:
    bao.request("POST", "sys/namespaces/tenant", {})
    inside = {"X-Vault-Namespace": "tenant"}
    bao.mount_kv("doors", 2, inside)
    bao.request("POST", "doors/data/llm", {"data": {"key": f"{VALUE}-tenant"}}, inside)
    assert read(by_token(bao, bao.root, namespace="tenant"), REFERENCE) == f"{VALUE}-tenant"
    assert read(by_token(bao, bao.root), REFERENCE) == VALUE


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "VAULT_ADDR"),
        ({"VAULT_ADDR": "vault.internal:8200"}, "not an http"),
        ({"VAULT_ADDR": "https://vault.internal"}, "VAULT_TOKEN"),
    ],
)
def test_what_is_not_told_is_said(told: dict[str, str], why: str) -> None:
    with pytest.raises(SecretError, match=why):
        VaultBackend(StoreSettings(), told, resolver())
