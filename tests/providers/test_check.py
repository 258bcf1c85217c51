"""What an answer to a provider's check proves: live, dead or unknown, and unknown is never dead."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.providers import PROVIDERS, find
from keywright.providers.check import Verdict, check_of, verdict
from keywright.providers.provider import Check, Provider


def row(name: str) -> Provider:
    found = find(name)
    assert found is not None
    return found


def judged(name: str, status: int, body: bytes = b"{}") -> str:
    check = check_of(row(name))
    assert check is not None
    return verdict(check, status, body).life


@pytest.mark.parametrize("name", ["openai", "anthropic", "openrouter", "groq", "deepseek", "huggingface", "mistral"])
def test_200_is_alive_401_is_dead_and_the_rest_proves_nothing(name: str) -> None:
    assert judged(name, 200) == "live"
    assert judged(name, 401) == "dead"
    assert {judged(name, status) for status in (301, 400, 403, 429, 500, 503)} == {"unknown"}


def test_each_provider_has_its_own_words_for_dead() -> None:
    assert judged("anthropic", 404) == "dead"
    assert judged("xai", 400) == "dead"
    invalid = b'{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}'
    assert judged("gemini", 400, invalid) == "dead"
    assert judged("gemini", 400) == "unknown"
    assert judged("bedrock", 403, b'{"message":"The security token included in the request is invalid."}') == "dead"


def test_cohere_says_it_in_its_answer() -> None:
    assert judged("cohere", 200, b'{"valid":true,"organization_id":"x"}') == "live"
    assert judged("cohere", 200, b'{"valid":false}') == "dead"
    assert {judged("cohere", 200, body) for body in (b"{}", b"no", b'{"valid":"yes"}', b"[]")} == {"unknown"}


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_what_proves_a_key_is_a_path_or_a_whole_address(provider: Provider) -> None:
    check = check_of(provider)
    if check is None:
        assert provider.name == "perplexity"
    else:
        assert check.url.startswith(("/", "https://"))


@given(st.integers(100, 599), st.binary(max_size=200))
def test_whatever_is_answered_gives_a_verdict_with_a_reason(status: int, body: bytes) -> None:
    for check in (Check("/x"), Check("/x", said="valid"), Check("/x", dead_words=("gone",))):
        given_verdict = verdict(check, status, body)
        assert isinstance(given_verdict, Verdict)
        assert given_verdict.why
        assert given_verdict.life != "live" or status == 200


def test_a_key_is_shown_to_no_other_house_than_its_provider_s() -> None:
    for provider in PROVIDERS:
        check = check_of(provider)
        if check is not None and not check.url.startswith("/"):
            theirs, asked = (urlsplit(url).hostname or "" for url in (provider.base_url, check.url))
            assert check.url.startswith("https://")
            assert asked.split(".")[-2:] == theirs.split(".")[-2:]
