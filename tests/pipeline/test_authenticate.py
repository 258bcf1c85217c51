"""Who calls: where a key may stand, which keys are refused, and how the refusal reads."""

import time

import pytest

from keywright.identity.keystring import read_id
from tests.gateway import ADMIN_KEY, CHAT, MESSAGES, Gateway, chat_body, counted, message_body
from tests.standin.cloud import StandIn

NOW_S = int(time.time())


def unknown(gateway: Gateway) -> str:
    """A well-formed key that this gateway never issued."""
    key = gateway.issue()
    gateway.house._snapshot = type(gateway.house.snapshot)(  # forgets the key again
        keys={id_: k for id_, k in gateway.house.snapshot.keys.items() if id_ != read_id(key)},
        foreign=gateway.house.snapshot.foreign,
        routes=gateway.house.snapshot.routes,
    )
    return key


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key", "x-goog-api-key"])
def test_a_key_may_come_in_each_of_four_headers(gateway: Gateway, header: str) -> None:
    value = f"Bearer {ADMIN_KEY}" if header == "authorization" else ADMIN_KEY
    assert gateway.post(MESSAGES, message_body(), "", **{header: value}).status == 200


def test_a_key_may_come_in_the_query(gateway: Gateway) -> None:
    assert gateway.post(f"{MESSAGES}?beta=true&key={ADMIN_KEY}", message_body(), "").status == 200


def test_the_scheme_is_read_in_any_case(gateway: Gateway) -> None:
    assert gateway.post(CHAT, chat_body(), "", authorization=f"bEARER  {ADMIN_KEY} ").status == 200


def test_the_first_place_that_holds_a_key_counts(gateway: Gateway) -> None:
    wrong = "sk-wrong"
    assert gateway.post(CHAT, chat_body(), "", authorization=f"Bearer {ADMIN_KEY}", x_api_key=wrong).status == 200
    assert gateway.post(CHAT, chat_body(), "", authorization=f"Bearer {wrong}", x_api_key=ADMIN_KEY).status == 401
    assert gateway.post(CHAT, chat_body(), "", x_api_key=ADMIN_KEY, api_key=wrong).status == 200
    assert gateway.post(CHAT, chat_body(), "", api_key=wrong, x_goog_api_key=ADMIN_KEY).status == 401
    assert gateway.post(f"{CHAT}?key={ADMIN_KEY}", chat_body(), "", x_goog_api_key=wrong).status == 401


def test_a_place_that_holds_no_key_is_passed_over(gateway: Gateway) -> None:
    assert gateway.post(CHAT, chat_body(), "", authorization="Bearer ", x_api_key=ADMIN_KEY).status == 200
    assert gateway.post(CHAT, chat_body(), "", authorization="Basic dTpw", x_api_key=ADMIN_KEY).status == 200


def spoiled(key: str) -> str:
    """`key` with one character of its secret changed."""
    return key[:30] + ("A" if key[30] != "A" else "B") + key[31:]


def test_keys_that_prove_nothing_are_all_the_same_401(gateway: Gateway, openai_cloud: StandIn) -> None:
    key = gateway.issue()
    presented = [
        "",
        "sk-",
        "x" * 5000,
        spoiled(key),
        key[:-1],
        key + "0",
        key.upper(),
        unknown(gateway),
        ADMIN_KEY[:-1],
    ]
    for text in presented:
        answer = gateway.post(CHAT, chat_body(), text)
        assert (answer.status, answer.code) == (401, "invalid_api_key"), text
        assert text == "" or text not in answer.body.decode()
    assert openai_cloud.exchanges == []


def test_a_key_with_a_known_id_and_another_secret_is_refused(gateway: Gateway) -> None:
    mine, other = gateway.issue(), gateway.issue()
    from keywright.identity.keystring import _check

    forged = f"{mine[:24]}{other[24:67]}"
    forged += _check(forged.encode()).decode()
    assert read_id(forged) == read_id(mine), "the forgery is well-formed"
    assert gateway.chat(key=forged).code == "invalid_api_key"
    assert gateway.chat(key=mine).status == 200


def test_expired_and_revoked_keys_say_so(gateway: Gateway) -> None:
    expired = gateway.chat(key=gateway.issue(expires_s=NOW_S - 1))
    assert (expired.status, expired.code) == (401, "key_expired")
    revoked = gateway.chat(key=gateway.issue(revoked_s=NOW_S - 1))
    assert (revoked.status, revoked.code) == (401, "key_revoked")
    both = gateway.chat(key=gateway.issue(revoked_s=NOW_S - 1, expires_s=NOW_S - 1))
    assert both.code == "key_revoked"
    assert gateway.chat(key=gateway.issue(expires_s=NOW_S + 3600)).status == 200


def test_the_error_is_in_the_client_s_own_dialect(gateway: Gateway) -> None:
    chat = gateway.post(CHAT, chat_body(), "sk-x")
    assert chat.json["error"]["type"] == "authentication_error"
    assert chat.json["error"]["code"] == "invalid_api_key"
    assert set(chat.json["error"]) >= {"message", "type", "param", "code"}
    message = gateway.post(MESSAGES, message_body(), "sk-x")
    assert message.json["type"] == "error"
    assert message.json["error"]["type"] == "authentication_error"
    assert message.json["request_id"] == message.request_id
    for answer in (chat, message):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-keywright-attempts"] == "0"
        assert "x-keywright-cost-usd" not in answer.headers


def test_a_caller_who_proves_nothing_leaves_no_entry_but_is_counted(gateway: Gateway) -> None:
    before = counted(gateway, "invalid_api_key")
    refused = gateway.chat(key="sk-nobody")
    known = gateway.chat()
    assert gateway.entry(known.request_id).outcome == "ok"
    assert gateway.run(gateway.house.store.entry(refused.request_id)) is None
    assert counted(gateway, "invalid_api_key") == before + 1
