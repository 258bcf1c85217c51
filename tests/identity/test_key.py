"""From a person's words to a key's record."""

import contextlib
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.identity.key import KeyRequest, duration_s, endpoint, label, make_key, model_glob, network
from keywright.identity.keystring import issue

ISSUED = issue("service", bytes)
NOW_S = 1_700_000_000


def test_a_request_becomes_a_record() -> None:
    request = KeyRequest(
        name="ci",
        project="search",
        owner="ada",
        permission="restricted",
        models=("openai/gpt-5*", "fast"),
        endpoints=("chat",),
        cidrs=("10.0.0.0/8", "::1"),
        expires="30d",
    )
    key = make_key(ISSUED, request, NOW_S)
    assert (key.id, key.kind, key.sha256) == (ISSUED.id, "service", ISSUED.sha256)
    assert (key.name, key.project, key.owner) == ("ci", "search", "ada")
    assert (key.models, key.endpoints) == (request.models, ("chat",))
    assert key.cidrs == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert (key.created_s, key.expires_s) == (NOW_S, NOW_S + 30 * 86_400)
    assert key.revoked_s is None
    assert not key.allow_unpriced


def test_a_key_that_asks_for_nothing_may_do_all_and_never_expires() -> None:
    key = make_key(ISSUED, KeyRequest(name="all"), NOW_S)
    assert (key.permission, key.models, key.endpoints, key.cidrs, key.expires_s) == ("all", (), (), (), None)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (KeyRequest(name="x", permission="restricted"), "needs at least one endpoint"),
        (KeyRequest(name="x", endpoints=("chat",)), "only for a key with the permission restricted"),
        (KeyRequest(name="x", models=("m",) * 101), "models: at most 100"),
        (KeyRequest(name=""), "name ''"),
        (KeyRequest(name="a\nb"), "name"),
        (KeyRequest(name="x", project=" "), "project"),
        (KeyRequest(name="x", owner=" ada"), "owner"),
    ],
)
def test_a_contradiction_is_named(request_: KeyRequest, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_key(ISSUED, request_, NOW_S)


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "30", "-1d", "1.5h", "0d", "1y", "30 d", "٣d", "999999d", "1" * 5000 + "d"])
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration_s(text)


@given(st.text())
def test_words_are_accepted_or_refused_with_a_value_error(text: str) -> None:
    for reader in (duration_s, network, model_glob, endpoint, lambda word: label("name", word)):
        with contextlib.suppress(ValueError):
            assert reader(text)


def test_a_network_with_host_bits_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(ValueError, match=r"did you mean 10\.0\.0\.0/8\?"):
        network("10.1.2.3/8")
    with pytest.raises(ValueError, match="is not a network"):
        network("example.org")
