"""What each kind of engine does beyond what every store does: versions, races, mounts, leases, transit."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from secrets import token_bytes

import pytest

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backends.vault import VaultBackend
from keywright.vault.keeper import Keeper
from keywright.vault.keks.vault_transit import TransitKek
from keywright.vault.reference import Reference
from keywright.vault.settings import StoreSettings
from keywright.vault.vault import Vault
from tests.vault.bao.clients import VALUE, Ticks, by_token, mounted, read, ref
from tests.vault.bao.server import OpenBao, resolver
from tests.vault.cloud.server import Standing
from tests.vault.hands import Hands
from tests.vault.standin import Received, Say


@pytest.fixture(scope="module")
def bao(openbao: OpenBao) -> OpenBao:
    mounted(openbao, "two")
    mounted(openbao, "one/of/many", 1)
    return openbao


@pytest.fixture(scope="module")
def place(bao: OpenBao) -> Iterator[VaultBackend]:
    opened = by_token(bao, bao.root)
    yield opened
    opened.close()


def test_a_version_that_is_deleted_or_destroyed_is_absent_and_says_so(bao: OpenBao, place: VaultBackend) -> None:
    for number in (1, 2, 3):
        bao.request("POST", "two/data/gone", {"data": {"key": f"{VALUE}-{number}"}})
    bao.request("POST", "two/destroy/gone", {"versions": [1]})
    bao.request("POST", "two/delete/gone", {"versions": [2]})
    with pytest.raises(SecretAbsentError, match="version 1 is destroyed"):
        read(place, "two/gone?version=1#key")
    with pytest.raises(SecretAbsentError, match="version 2 is deleted"):
        read(place, "two/gone?version=2#key")
    bao.request("DELETE", "two/data/gone")
    with pytest.raises(SecretAbsentError, match="version 3 is deleted"):
        read(place, "two/gone#key")
    with pytest.raises(SecretAbsentError, match="number"):
        read(place, "two/gone?version=newest#key")


def test_threads_that_write_fields_of_one_entry_at_once_lose_none(bao: OpenBao, place: VaultBackend) -> None:
    fields = [f"f{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(lambda field: place.write(ref(f"two/race#{field}"), Secret(VALUE + field)), fields))
    assert sorted(versions) == ["1", "2", "3", "4"]
    assert bao.request("GET", "two/data/race")["data"]["data"] == {field: VALUE + field for field in fields}


def test_what_was_before_is_found_past_writes_of_other_fields_and_nothing_older_is_forgotten(
    bao: OpenBao, place: VaultBackend
) -> None:
    key = ref("two/both#key")
    for value in ("oldest", "old"):
        place.write(key, Secret(value))
    place.write(ref("two/both#org"), Secret("org-1"))
    place.write(key, Secret("new"))
    place.write(ref("two/both#org"), Secret("org-2"))
    assert place.previous(key).secret == Secret("old")
    place.forget(key)
    with pytest.raises(SecretAbsentError):
        place.previous(key)
    versions = bao.request("GET", "two/metadata/both")["data"]["versions"]
    assert [number for number, told in versions.items() if told["destroyed"]] == ["2", "3"]
    assert read(place, "two/both?version=1#key") == "oldest"


def test_the_same_value_is_not_written_twice(place: VaultBackend) -> None:
    key = ref("two/same#key")
    place.write(key, Secret("old"))
    assert place.write(key, Secret("new")) == place.write(key, Secret("new")) == "2"
    assert place.previous(key).secret == Secret("old")


def test_the_first_version_keeps_what_was_before_in_a_second_field(bao: OpenBao, place: VaultBackend) -> None:
    key = ref("one/of/many/llm#key")
    place.write(key, Secret("old"))
    place.write(key, Secret("new"))
    place.write(key, Secret("new"))
    assert bao.request("GET", "one/of/many/llm")["data"] == {"key": "new", "key.previous": "old"}
    place.forget(key)
    assert bao.request("GET", "one/of/many/llm")["data"] == {"key": "new"}
    with pytest.raises(SecretAbsentError, match="no versions"):
        read(place, "one/of/many/llm?version=1#key")


def test_an_engine_that_becomes_another_kind_is_noticed(bao: OpenBao, place: VaultBackend) -> None:
    mounted(bao, "turned", 1)
    bao.request("POST", "turned/llm", {"key": VALUE})
    assert read(place, "turned/llm#key") == VALUE
    bao.request("DELETE", "sys/mounts/turned")
    mounted(bao, "turned", 2)
    with pytest.raises(SecretAbsentError):
        read(place, "turned/llm#key")
    place.write(ref("turned/llm#key"), Secret(f"{VALUE}-2"))
    assert read(place, "turned/llm#key") == f"{VALUE}-2"


def test_a_field_that_is_no_text_and_a_path_that_leaves_its_folder_are_refused(
    bao: OpenBao, place: VaultBackend
) -> None:
    bao.request("POST", "two/data/odd", {"data": {"number": 7, "empty": "", "text": VALUE}})
    with pytest.raises(SecretError, match="not text"):
        read(place, "two/odd#number")
    with pytest.raises(SecretError, match="empty"):
        read(place, "two/odd#empty")
    for name in ("two/../sys/seal", "two/./odd", "two/odd/"):
        with pytest.raises(SecretError):
            place.read(Reference("vault", name, field="text"))
    with pytest.raises(SecretDeniedError):
        read(place, "nowhere/odd#text")
    with pytest.raises(SecretReadOnlyError):
        place.write(ref("two/odd?version=1#text"), Secret(VALUE))


def test_names_are_of_all_folders_that_may_be_listed(bao: OpenBao) -> None:
    for path in ("a", "b/c/d", "closed/e"):
        bao.request("POST", f"two/data/tree/{path}", {"data": {"key": VALUE}})
    bao.policy("lister", "two/metadata/: list\ntwo/metadata/tree/: list\ntwo/metadata/tree/b/*: list")
    names = [found.name for found in by_token(bao, bao.token("lister")).names()]
    assert [name for name in names if name.startswith("two/tree/")] == ["two/tree/a", "two/tree/b/c/d"]
    bao.policy("blind", "two/data/tree/a: read")
    blind = by_token(bao, bao.token("blind"))
    with pytest.raises(SecretDeniedError):
        blind.names()


@pytest.fixture(scope="module")
def rabbit(bao: OpenBao) -> Iterator[Standing]:
    """The management of a broker, where the engine makes its users."""
    standing = Standing(lambda request: Say("", 201 if request.method == "PUT" else 204), {})
    bao.request("POST", "sys/mounts/broker", {"type": "rabbitmq"})
    told = {"connection_uri": standing.url, "username": "a", "password": "b", "verify_connection": False}
    bao.request("POST", "broker/config/connection", told)
    bao.request("POST", "broker/config/lease", {"ttl": 3600, "max_ttl": 86_400})
    bao.request("POST", "broker/roles/llm", {"vhosts": json.dumps({"/": {"read": ".*"}})})
    yield standing
    standing.close()


def made(rabbit: Standing) -> list[Received]:
    return [request for request in rabbit.received if request.method == "PUT" and "/api/users/" in request.target]


def test_the_fields_of_one_lease_belong_together_and_it_is_renewed_when_it_is_read_again(
    bao: OpenBao, rabbit: Standing
) -> None:
    ticks = Ticks()
    place = by_token(bao, bao.root, ticks)
    user, password = place.read(ref("broker/creds/llm#username")), place.read(ref("broker/creds/llm#password"))
    (request,) = made(rabbit)
    assert user.secret.reveal() in request.target
    assert json.loads(request.body)["password"] == password.secret.reveal()
    assert 3590 < (user.lease_s or 0) <= 3600
    ticks.passed_s = 3000
    again = place.read(ref("broker/creds/llm#username"))
    assert again.secret == user.secret
    assert 3590 < (again.lease_s or 0) <= 3600
    for lease in bao.request("LIST", "sys/leases/lookup/broker/creds/llm")["data"]["keys"]:
        bao.request("PUT", "sys/leases/revoke", {"lease_id": f"broker/creds/llm/{lease}", "sync": True})
    ticks.passed_s += 10
    assert place.read(ref("broker/creds/llm#username")).secret != user.secret
    ticks.passed_s += 10_000
    assert place.read(ref("broker/creds/llm#username")).secret != again.secret
    with pytest.raises(SecretReadOnlyError):
        place.write(ref("broker/creds/llm#username"), Secret("x"))


async def test_a_lease_that_ends_sooner_than_secrets_are_read_again_is_renewed_in_time(
    bao: OpenBao, rabbit: Standing
) -> None:
    ticks, hands, before = Ticks(), Hands(), len(made(rabbit))
    place, text = by_token(bao, bao.root, ticks), "vault://broker/creds/llm#username"
    keeper = Keeper(Vault({"vault": lambda: place}), {"vault": StoreSettings(ttl_s=86_400)}, hands.clock)
    await keeper.learn([text])
    first = keeper.secret(text)
    for passed_s in (2_000, 1_000, 3_000):
        ticks.passed_s += passed_s
        hands.pass_by(passed_s)
        await keeper.refresh()
    assert keeper.reads == {("vault", "ok"): 3}  # not after 2,000 s of 3,600
    assert keeper.secret(text) == first
    assert len(made(rabbit)) == before + 1
    with pytest.raises(SecretReadOnlyError) as caught:
        place.write(ref("broker/creds/llm#username"), Secret("x"))
    assert str(caught.value) == place.read_only(ref("broker/creds/llm#username"))
    await keeper.close()


def test_a_lease_that_may_not_be_renewed_is_taken_anew(bao: OpenBao, rabbit: Standing) -> None:
    bao.policy("borrower", "broker/creds/llm: read")
    ticks = Ticks()
    place = by_token(bao, bao.token("borrower", no_default_policy=True), ticks)
    first = place.read(ref("broker/creds/llm#username"))
    ticks.passed_s = 100
    assert place.read(ref("broker/creds/llm#username")).secret != first.secret


def kek(bao: OpenBao, name: str) -> TransitKek:
    settings = StoreSettings(address=bao.address, timeout_s=5.0, token="env:TOKEN")
    return TransitKek(f"crypt/{name}", settings, {}, resolver(TOKEN=bao.token("wrapper")))


@pytest.fixture(scope="module")
def transit(bao: OpenBao) -> OpenBao:
    bao.request("POST", "sys/mounts/crypt", {"type": "transit"})
    bao.request("POST", "crypt/keys/plain", {})
    bao.request("POST", "crypt/keys/derived", {"derived": True})
    bao.request("POST", "crypt/keys/other", {})
    bao.request("POST", "crypt/keys/rsa", {"type": "rsa-2048"})
    bao.policy("wrapper", "crypt/encrypt/*: update\ncrypt/decrypt/*: update")
    return bao


@pytest.mark.parametrize("name", ["plain", "derived"])
def test_transit_unwraps_what_it_wrapped_with_the_same_context_only_also_after_its_key_is_rotated(
    transit: OpenBao, name: str
) -> None:
    key, data_key, context = kek(transit, name), token_bytes(32), token_bytes(32)
    assert key.id == f"vault-transit://crypt/{name}"
    wrapped = key.wrap(data_key, context)
    transit.request("POST", f"crypt/keys/{name}/rotate")
    assert key.unwrap(wrapped, context) == data_key
    assert data_key not in wrapped
    for damaged, bound in ((wrapped, token_bytes(32)), (wrapped[:-6] + b"AAAAAA", context), (b"\xff", context)):
        with pytest.raises(SecretError):
            key.unwrap(damaged, bound)
    with pytest.raises(SecretError, match="another key"):
        kek(transit, "other").unwrap(wrapped, context)


def test_a_key_that_is_not_there_or_cannot_wrap_says_so(transit: OpenBao) -> None:
    with pytest.raises(SecretError, match="aes256-gcm96"):
        kek(transit, "rsa").wrap(token_bytes(32), token_bytes(32))
    with pytest.raises(SecretAbsentError):
        kek(transit, "lacking").unwrap(b"vault:v1:AAAA", token_bytes(32))
    with pytest.raises(SecretError):
        kek(transit, "lacking").wrap(token_bytes(32), token_bytes(32))
