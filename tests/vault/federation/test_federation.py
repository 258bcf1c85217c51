"""A workload's proof, exchanged for providers' tokens: what each is sent, when again, and what a refusal tells."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keywright.core.errors import SecretError
from keywright.core.http import HttpRequest, Origin
from keywright.core.secret import Secret
from keywright.vault.federation import VENDORS, FileProof, SecretProof, endpoint, federated_credential
from keywright.vault.fetch import Fetch
from keywright.vault.renewal import RenewingCredential
from tests.vault.hands import Hands
from tests.vault.standin import Received, Say, service

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
PROOF = "eyJhead.canary-claims.canary-signature"
LIFE_S = 600.0
FIELDS = {
    "openai": {"identity_provider_id": "idp_1", "service_account_id": "sa_1"},
    "anthropic": {
        "federation_rule_id": "fdrl_1",
        "organization_id": "00000000-0000-4000-8000-000000000001",
        "service_account_id": "svac_1",
        "workspace_id": "default",
    },
    "openrouter": {"federation_policy_id": "pol_1"},
}


def sent(request: Received) -> dict[str, str]:
    assert request.headers["content-type"] == "application/json"
    fields = json.loads(request.body)
    assert isinstance(fields, dict)
    return fields


def openai(request: Received) -> None:
    assert (request.method, request.target) == ("POST", "/oauth/token")
    fixed = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": JWT_TYPE}
    assert sent(request) == {**fixed, **FIELDS["openai"], "subject_token": PROOF}


def anthropic(request: Received) -> None:
    assert (request.method, request.target) == ("POST", "/v1/oauth/token")
    assert request.headers["anthropic-beta"] == "oauth-2025-04-20,oidc-federation-2026-04-01"
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    assert sent(request) == {**grant, **FIELDS["anthropic"], "assertion": PROOF}


def openrouter(request: Received) -> None:
    assert (request.method, request.target) == ("POST", "/api/v1/oauth/token")
    fixed = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": JWT_TYPE}
    assert request.form == {**fixed, **FIELDS["openrouter"], "subject_token": PROOF}


def token(text: str, life_s: float = LIFE_S) -> Say:
    return Say(json.dumps({"access_token": text, "token_type": "Bearer", "expires_in": life_s}))


def of(
    kind: str, base_url: str, fetch: Fetch, read: Callable[[], Secret] = lambda: Secret(PROOF)
) -> RenewingCredential:
    place = endpoint(VENDORS[kind], base_url)
    return federated_credential(kind, VENDORS[kind], FIELDS[kind], place, SecretProof("env:JWT", read), fetch)


async def headers(credential: RenewingCredential) -> list[tuple[bytes, bytes]]:
    request = HttpRequest(b"POST", b"/", (), b"")
    return list((await credential.current()).apply(request, Origin("https", "api.example", 443)).headers)


@pytest.mark.parametrize(
    ("kind", "path", "check", "others"),
    [
        ("openai", "/v1", openai, []),
        ("anthropic", "", anthropic, [(b"anthropic-beta", b"oauth-2025-04-20")]),
        ("openrouter", "/api/v1", openrouter, []),
    ],
)
async def test_the_proof_is_exchanged_as_the_provider_asks(
    kind: str, path: str, check: Callable[[Received], None], others: list[tuple[bytes, bytes]], fetch: Fetch
) -> None:
    def handler(request: Received) -> Say:
        check(request)
        return token("issued")

    async with service(handler) as running:
        credential = of(kind, running.url + path, fetch)
        assert await headers(credential) == [*others, (b"authorization", b"Bearer issued")]
        assert await headers(credential) == [*others, (b"authorization", b"Bearer issued")]
    assert len(running.received) == 1


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("openai", "https://auth.openai.com/oauth/token"),
        ("anthropic", "https://api.anthropic.com/v1/oauth/token"),
        ("openrouter", "https://openrouter.ai/api/v1/oauth/token"),
    ],
)
def test_without_an_address_of_the_operator_s_the_vendor_is_asked(kind: str, url: str) -> None:
    assert endpoint(VENDORS[kind]) == (url, "public")


def test_where_tokens_are_had_comes_before_where_the_provider_is() -> None:
    found = endpoint(VENDORS["openai"], "https://egress.example/v1", "https://tokens.example/openai")
    assert found == ("https://tokens.example/openai", "written")
    assert endpoint(VENDORS["openai"], "https://egress.example/v1") == ("https://egress.example/oauth/token", "written")


async def test_a_call_holds_the_words_of_client_and_credential_once_each(fetch: Fetch) -> None:
    given = (
        (b"x", b"y"),
        (b"anthropic-beta", b"files-api-2025-04-14, oauth-2025-04-20"),
        (b"anthropic-beta", b"context-1m-2025-08-07,files-api-2025-04-14"),
    )
    async with service(lambda _: token("issued")) as running:
        current = await of("anthropic", running.url, fetch).current()
    sent_up = current.apply(HttpRequest(b"POST", b"/", given), Origin("https", "api.example", 443)).headers
    assert sent_up == (
        (b"x", b"y"),
        (b"anthropic-beta", b"files-api-2025-04-14,oauth-2025-04-20,context-1m-2025-08-07"),
        (b"authorization", b"Bearer issued"),
    )


async def test_a_token_is_renewed_before_it_runs_out_by_the_proof_that_counts_then(
    fetch: Fetch, hands: Hands, tmp_path: Path
) -> None:
    issued = iter(("first", "second"))
    async with service(lambda _: token(next(issued))) as running:
        file = tmp_path / "token"
        file.write_text("a.b.old\n")
        place = endpoint(VENDORS["openai"], running.url)
        credential = federated_credential("openai", VENDORS["openai"], FIELDS["openai"], place, FileProof(file), fetch)
        await credential.current()
        file.write_text("a.b.new\n")
        hands.pass_by(LIFE_S * 0.85)
        assert await headers(credential) == [(b"authorization", b"Bearer first")]
        await credential.renew()
        assert await headers(credential) == [(b"authorization", b"Bearer second")]
    assert [sent(request)["subject_token"] for request in running.received] == ["a.b.old", "a.b.new"]


@pytest.mark.parametrize("kind", FIELDS)
async def test_a_refusal_is_told_without_the_proof(kind: str, fetch: Fetch) -> None:
    said = json.dumps({"error": "invalid_grant", "error_description": f"no rule matches {PROOF}"})
    async with service(lambda _: Say(said, 400)) as running:
        credential = of(kind, running.url, fetch)
        with pytest.raises(SecretError, match=r"answered 400 \(.*invalid_grant") as refused:
            await credential.current()
    assert "canary" not in str(refused.value)
    assert "canary" not in repr(credential)


async def test_a_token_that_has_run_out_is_not_used_when_no_other_comes(fetch: Fetch, hands: Hands) -> None:
    answers = iter((token("issued"), Say('{"error": "invalid_grant"}', 400)))
    async with service(lambda _: next(answers)) as running:
        credential = of("anthropic", running.url, fetch)
        await credential.current()
        hands.pass_by(LIFE_S)
        with pytest.raises(SecretError, match="invalid_grant"):
            await credential.current()


async def test_a_redirect_is_not_followed(fetch: Fetch) -> None:
    async with service(lambda _: token("stolen")) as other:
        moved = Say("", 307, (("location", other.url),))
        async with service(lambda _: moved) as running:
            with pytest.raises(SecretError, match="answered 307"):
                await of("openai", running.url, fetch).current()
    assert other.received == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" ", "is empty"),
        ("canary", "no signed JWT"),
        ("a.b c.canary", "no signed JWT"),
        ("a.b." + "c" * 16_384, "more than 16384 bytes"),
    ],
)
async def test_what_is_no_proof_is_sent_nowhere(text: str, why: str, fetch: Fetch) -> None:
    async with service(lambda _: token("issued")) as running:
        with pytest.raises(SecretError, match=f"env:JWT.*{why}") as refused:
            await of("openai", running.url, fetch, lambda: Secret(text)).current()
    assert "canary" not in str(refused.value)
    assert running.received == []


async def test_a_file_that_is_missing_or_too_long_is_told_by_its_name(fetch: Fetch, tmp_path: Path) -> None:
    for name, text in (("missing", None), ("long", "a.b." + "c" * 16_384)):
        if text is not None:
            (tmp_path / name).write_text(text)
        proof = FileProof(tmp_path / name)
        place = endpoint(VENDORS["openai"])
        credential = federated_credential("openai", VENDORS["openai"], FIELDS["openai"], place, proof, fetch)
        with pytest.raises(SecretError, match=f"token_file: .*{name}"):
            await credential.current()
