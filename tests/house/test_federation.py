"""A gateway that calls providers with tokens that they give for a proof of who it is."""

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path

import anthropic
import pytest
from anthropic.types import MessageParam
from anthropic.types.beta import BetaMessageParam

from keywright.config import load
from keywright.core.errors import SecretError
from keywright.house.secrets.named import named_secrets
from tests.gateway import running
from tests.house.keyless import chat, completion, config, gateway, said
from tests.vault.standin import Received, Say, service

JSON = (("content-type", "application/json"),)
OF_OPENAI = 'identity_provider_id = "idp_1"\nservice_account_id = "sa_1"\n'
OF_ANTHROPIC = 'federation_rule_id = "fdrl_1"\norganization_id = "org"\nservice_account_id = "svac_1"\n'
GITHUB = 'source = "github"\naudience = "https://api.openai.com/v1"\n'


async def test_a_provider_is_called_with_the_token_that_it_gave_for_a_proof(tmp_path: Path) -> None:
    def provider(request: Received) -> Say:
        if request.target == "/oauth/token":
            assert json.loads(request.body)["subject_token"] == "a.b.proof"
            return Say('{"access_token": "issued", "expires_in": 3599}')
        assert request.headers["authorization"] == "Bearer issued"
        return Say(completion(), headers=JSON)

    proof = tmp_path / "proof"
    proof.write_text("a.b.proof\n")
    async with service(provider) as upstream:
        extra = f'[providers.openai.federation]\ntoken_file = "{proof}"\n{OF_OPENAI}'
        text = config("openai", upstream, "gpt-4o", extra, base="/v1")
        async with gateway(tmp_path, text, {"OPENAI_API_KEY": "not-asked-for"}) as started:
            for _ in range(2):
                assert said(await chat(started, "openai/gpt-4o")) == "fine"
            (tmp_path / "again.toml").write_text(text.replace('models = ["gpt-4o"]', 'models = ["gpt-4o", "o3"]'))
            read = load(tmp_path / "again.toml")
            configured = asyncio.run_coroutine_threadsafe(started.house.configure(read, {}), started.loop)
            await asyncio.wrap_future(configured)
            assert said(await chat(started, "openai/gpt-4o")) == "fine"
    assert [request.target for request in upstream.received].count("/oauth/token") == 1


async def test_a_key_steps_in_while_an_identity_has_no_token_which_is_had_where_the_operator_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keywright.vault.renewal.PAUSE_S", 0.0)
    is_known = False

    def platform(request: Received) -> Say:
        assert request.headers["authorization"] == "bearer canary-of-the-job"
        return Say('{"value": "a.b.canary-proof"}')

    def tokens(request: Received) -> Say:
        assert request.target == "/openai/token"
        assert json.loads(request.body)["subject_token"] == "a.b.canary-proof"
        if not is_known:
            return Say('{"error": "invalid_grant", "error_description": "no mapping for a.b.canary-proof"}', 400)
        return Say('{"access_token": "issued", "expires_in": 3599}')

    def provider(request: Received) -> Say:
        callers = {"Bearer spare-key": "by the key", "Bearer issued": "by the token"}
        return Say(completion(callers[request.headers["authorization"]]), headers=JSON)

    async with service(platform) as job, service(tokens) as egress, service(provider) as upstream:
        extra = f"""[[providers.openai.credentials]]
name = "identity"
weight = 1000
[providers.openai.credentials.federation]
token_url = "{egress.url}/openai/token"
{GITHUB}{OF_OPENAI}
[[providers.openai.credentials]]
name = "spare"
api_key = "env:SPARE"
"""
        text = config("openai", upstream, "gpt-4o", f'rotate_every = "30d"\n{extra}', base="/v1")
        variables = {
            "SPARE": "spare-key",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{job.url}/?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary-of-the-job",
        }
        async with gateway(tmp_path, text, variables) as started:
            for _ in range(3):
                assert said(await chat(started, "openai/gpt-4o")) == "by the key"
            is_known = True
            async with asyncio.timeout(30):
                while said(await chat(started, "openai/gpt-4o")) != "by the token":
                    await asyncio.sleep(0.01)
            listed = await asyncio.to_thread(started.get, "/api/v1/credentials", started.admin_key)
            identity, spare = json.loads(listed.body)["rows"]
            assert (spare["lives_at"], spare["expires"], spare["kind"]) == (["env:SPARE"], None, "")
            assert identity["lives_at"] == [
                f"no key: tokens of {egress.url}/openai/token, by a proof from github for https://api.openai.com/v1"
            ]
            assert (identity["kind"], identity["age_days"]) == ("federated", None)
            left_s = datetime.fromisoformat(identity["expires"]).timestamp() - time.time()
            assert 0 < left_s <= 3599
            assert [one.credential for one in started.house.rotating.schedules()] == ["openai/spare"]
    assert "openai/identity: OpenAI's token service answered 400 (invalid_grant: no mapping for <secret" in caplog.text
    assert "canary" not in caplog.text


def test_a_platform_that_this_machine_is_not_is_told_at_the_start(tmp_path: Path) -> None:
    text = f'[store]\nurl = "sqlite:///test.db"\n[providers.openai.federation]\n{GITHUB}{OF_OPENAI}'
    why = r"providers\.openai\.federation\.source: ACTIONS_ID_TOKEN_REQUEST_URL and .* are not set"
    with pytest.raises(SecretError, match=why), running(tmp_path, text, {}):
        pass


async def test_the_words_of_anthropic_s_sdk_go_up_beside_those_that_a_token_needs(tmp_path: Path) -> None:
    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": "fine"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }

    def provider(request: Received) -> Say:
        if request.target == "/v1/oauth/token":
            return Say('{"access_token": "sk-ant-oat01-issued", "expires_in": 600}')
        assert request.headers["authorization"] == "Bearer sk-ant-oat01-issued"
        assert "x-api-key" not in request.headers
        if request.method == "GET":
            return Say('{"data": [], "has_more": false}', headers=JSON)
        return Say(json.dumps(answer), headers=JSON)

    def talk(url: str, key: str) -> None:
        def client(path: str = "") -> anthropic.Anthropic:
            return anthropic.Anthropic(base_url=url + path, api_key=key, max_retries=0, timeout=10.0)

        ask: list[MessageParam] = [{"role": "user", "content": "hello"}]
        beta_ask: list[BetaMessageParam] = [{"role": "user", "content": "hello"}]
        model = "anthropic/claude-haiku-4-5"
        with client() as sdk:
            sdk.messages.create(model=model, max_tokens=9, messages=ask)
            for betas in (["context-1m-2025-08-07"], ["oauth-2025-04-20", "context-1m-2025-08-07"]):
                sdk.beta.messages.create(model=model, max_tokens=9, messages=beta_ask, betas=betas)
        with client("/native/anthropic") as sdk:
            list(sdk.beta.files.list(betas=["files-api-2025-04-14"]))

    proof = tmp_path / "proof"
    proof.write_text("a.b.proof\n")
    async with service(provider) as upstream:
        extra = f'[providers.anthropic.federation]\ntoken_file = "{proof}"\n{OF_ANTHROPIC}'
        text = config("anthropic", upstream, "claude-haiku-4-5", extra)
        text = text.replace('models = ["claude-haiku-4-5"]', "")  # or no call may pass that names none
        async with gateway(tmp_path, text, {}) as started:
            await asyncio.to_thread(talk, started.url, started.admin_key)
    assert [request.headers["anthropic-beta"] for request in upstream.received[1:]] == [
        "oauth-2025-04-20",
        "context-1m-2025-08-07,oauth-2025-04-20",
        "oauth-2025-04-20,context-1m-2025-08-07",
        "files-api-2025-04-14,oauth-2025-04-20",
    ]


def test_a_proof_of_a_credential_of_several_is_named_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "k.toml"
    table = '[[providers.openai.credentials]]\nname = "{}"\n[providers.openai.credentials.federation]\n{}\n'
    file.write_text(
        table.format("a", f'token = "env:PROOF"\n{OF_OPENAI}')
        + table.format("b", f'token_file = "/run/t"\n{OF_OPENAI}')
    )
    found = {one.reference: (one.used_for, one.setting) for one in named_secrets(load(file), {}, {})}
    at = ("providers", "openai", "credentials")
    assert found == {
        "env:PROOF": ("the proof of who openai/a is called by", (*at, 0, "federation", "token")),
        "file:/run/t": ("the proof of who openai/b is called by", (*at, 1, "federation", "token_file")),
    }
