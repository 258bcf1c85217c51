"""A token is renewed before it ends, replaced when it cannot be, and told apart from a policy that forbids."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from keywright.core.errors import SecretDeniedError
from keywright.vault.keeper import Keeper
from keywright.vault.settings import StoreSettings
from keywright.vault.vault import Vault
from tests.vault.bao.clients import VALUE, Ticks, backend, by_token, mounted, read, ref
from tests.vault.bao.server import OpenBao, Refused
from tests.vault.hands import Hands

REFERENCE = "kept/llm#key"


@pytest.fixture(scope="module")
def bao(openbao: OpenBao) -> OpenBao:
    mounted(openbao, "kept")
    openbao.request("POST", "kept/data/llm", {"data": {"key": VALUE}})
    openbao.policy("keeper", "kept/data/llm: read")
    return openbao


def role(bao: OpenBao, name: str, **properties: object) -> dict[str, Any]:
    """What a backend is told to sign in with a new role."""
    path = f"auth/approle/role/{name}"
    wanted = {"token_policies": ["keeper"], "bind_secret_id": False, "token_bound_cidrs": ["127.0.0.1/32"]}
    bao.request("POST", path, {**wanted, **properties})
    return {"role_id": bao.request("GET", f"{path}/role-id")["data"]["role_id"]}


def accessors(bao: OpenBao, name: str) -> list[dict[str, Any]]:
    """The tokens that live and were given to the role `name`."""
    found = []
    for accessor in bao.request("LIST", "auth/token/accessors")["data"]["keys"]:
        try:
            data = bao.request("POST", "auth/token/lookup-accessor", {"accessor": accessor})["data"]
        except Refused:
            continue  # it has ended since
        if (data.get("meta") or {}).get("role_name") == name:
            found.append(data)
    return found


def test_a_token_is_renewed_in_the_last_third_of_its_life(bao: OpenBao) -> None:
    ticks = Ticks()
    place = backend(bao, ticks, **role(bao, "renewed", token_ttl="1h", token_max_ttl="24h"))
    assert read(place, REFERENCE) == VALUE
    ticks.passed_s = 1800
    assert read(place, REFERENCE) == VALUE
    (token,) = accessors(bao, "renewed")
    assert "last_renewal_time" not in token
    ticks.passed_s = 2500
    assert read(place, REFERENCE) == VALUE
    (token,) = accessors(bao, "renewed")
    assert token["last_renewal_time"]


def test_a_token_that_cannot_live_longer_is_replaced_before_it_ends(bao: OpenBao) -> None:
    ticks = Ticks()
    place = backend(bao, ticks, **role(bao, "batch", token_ttl="1h", token_type="batch"))
    assert read(place, REFERENCE) == VALUE
    ticks.passed_s = 2500
    assert read(place, REFERENCE) == VALUE
    worn = backend(bao, ticks, **role(bao, "worn", token_ttl="1h", token_max_ttl="1h"))
    assert read(worn, REFERENCE) == VALUE
    bao.request("POST", "auth/approle/role/worn", {"token_ttl": "10m", "token_max_ttl": "10m"})
    ticks.passed_s += 2500
    assert read(worn, REFERENCE) == VALUE
    assert len(accessors(bao, "worn")) == 2


def test_a_token_that_has_ended_is_replaced(bao: OpenBao) -> None:
    place = backend(bao, **role(bao, "short", token_ttl="1s", token_max_ttl="1s"))
    assert read(place, REFERENCE) == VALUE
    time.sleep(1.5)
    assert read(place, REFERENCE) == VALUE


def test_a_token_that_is_revoked_is_replaced_at_the_next_question(bao: OpenBao) -> None:
    place = backend(bao, **role(bao, "revoked"))
    assert read(place, REFERENCE) == VALUE
    (token,) = accessors(bao, "revoked")
    bao.request("POST", "auth/token/revoke-accessor", {"accessor": token["accessor"]})
    assert read(place, REFERENCE) == VALUE


def test_a_policy_that_forbids_makes_no_new_token(bao: OpenBao) -> None:
    place = backend(bao, **role(bao, "forbidden"))
    assert read(place, REFERENCE) == VALUE
    for _ in range(3):
        with pytest.raises(SecretDeniedError):
            read(place, "kept/other#key")
    assert len(accessors(bao, "forbidden")) == 1


def test_a_token_that_was_given_is_renewed_too(bao: OpenBao) -> None:
    ticks = Ticks()
    token = bao.token("keeper", ttl="1h")
    place = by_token(bao, token, ticks)
    assert read(place, REFERENCE) == VALUE
    ticks.passed_s = 2500
    assert read(place, REFERENCE) == VALUE
    assert bao.request("POST", "auth/token/lookup", {"token": token})["data"]["last_renewal_time"]


async def test_a_token_that_ends_sooner_than_secrets_are_read_again_is_renewed_in_time(bao: OpenBao) -> None:
    ticks, hands = Ticks(), Hands()
    token = bao.token("keeper", ttl="1h")
    place = by_token(bao, token, ticks)
    keeper = Keeper(Vault({"vault": lambda: place}), {"vault": StoreSettings(ttl_s=86_400)}, hands.clock)
    await keeper.learn([f"vault://{REFERENCE}"])
    for passed_s in (1_000, 1_500, 2_500):
        ticks.passed_s += passed_s
        hands.pass_by(passed_s)
        await keeper.refresh()
    assert keeper.troubles() == ()
    assert keeper.reads == {("vault", "ok"): 3}
    assert bao.request("POST", "auth/token/lookup", {"token": token})["data"]["last_renewal_time"]
    await keeper.close()


def test_a_token_that_does_not_end_asks_for_nothing(bao: OpenBao) -> None:
    assert by_token(bao, bao.root).read(ref(REFERENCE)).again_s is None


def test_threads_that_begin_at_once_sign_in_once(bao: OpenBao) -> None:
    place = backend(bao, **role(bao, "crowd"))
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: read(place, REFERENCE), range(16))) == {VALUE}
    assert len(accessors(bao, "crowd")) == 1
