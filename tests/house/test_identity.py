"""A gateway that calls providers by what it is: signed for AWS, by tokens of Google and Entra, by a tool's login."""

import asyncio
import json
from pathlib import Path

import pytest

from keywright.config import load
from keywright.core.errors import ConfigError, SecretError
from keywright.core.secret import Secret
from keywright.vault.aws.bedrock import runs_out_s
from tests.gateway import running
from tests.house.keyless import chat, completion, config, gateway, said
from tests.vault.aws.answers import sts_answer
from tests.vault.aws.signed import check_signed
from tests.vault.google.files import service_account
from tests.vault.rsa_key import rsa_key, verified
from tests.vault.standin import Handler, Received, Say, service

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIABASE", "AWS_SECRET_ACCESS_KEY": "base-secret"}
FAR = "2090-01-01T00:00:00Z"


def converse(body: str = "fine") -> str:
    return json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": body}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
            "metrics": {"latencyMs": 7},
        }
    )


async def test_bedrock_is_called_with_signed_requests(tmp_path: Path) -> None:
    def bedrock(request: Received) -> Say:
        assert request.target == "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
        assert check_signed(request, {"AKIABASE": "base-secret"}, "eu-central-1", "bedrock") == "AKIABASE"
        return Say(converse(), headers=(("content-type", "application/json"),))

    async with service(bedrock) as upstream:
        text = config("bedrock", upstream, CLAUDE, 'region = "eu-central-1"')
        async with gateway(tmp_path, text, KEYS) as started:
            assert said(await chat(started, f"bedrock/{CLAUDE}")) == "fine"


async def test_bedrock_is_called_by_a_role_with_keys_that_are_minted_here(tmp_path: Path) -> None:
    def sts(request: Received) -> Say:
        check_signed(request, {"AKIABASE": "base-secret"}, "eu-central-1", "sts")
        return Say(sts_answer("AssumeRole", "ASIAROLE", FAR))

    def bedrock(request: Received) -> Say:
        scheme, _, key = request.headers["authorization"].partition(" ")
        assert scheme == "Bearer"
        assert runs_out_s(Secret(key)) is not None
        return Say(converse(), headers=(("content-type", "application/json"),))

    async with service(sts) as tokens, service(bedrock) as upstream:
        extra = 'region = "eu-central-1"\nrole_arn = "arn:aws:iam::1:role/llm"\nmint_short_term_keys = true'
        text = config("bedrock", upstream, CLAUDE, extra)
        variables = {**KEYS, "AWS_ENDPOINT_URL_STS": tokens.url, "AWS_BEARER_TOKEN_BEDROCK": "ABSKnot-asked-for"}
        async with gateway(tmp_path, text, variables) as started:
            for _ in range(3):
                assert said(await chat(started, f"bedrock/{CLAUDE}")) == "fine"
    assert len(tokens.received) == 1, "one token serves many calls"


async def test_a_bedrock_key_in_the_environment_comes_before_aws_s_keys(tmp_path: Path) -> None:
    def bedrock(request: Received) -> Say:
        assert request.headers["authorization"] == "Bearer ABSKlong-term"
        return Say(converse(), headers=(("content-type", "application/json"),))

    async with service(bedrock) as upstream:
        text = config("bedrock", upstream, CLAUDE)
        variables = {**KEYS, "AWS_BEARER_TOKEN_BEDROCK": "ABSKlong-term"}
        async with gateway(tmp_path, text, variables) as started:
            assert said(await chat(started, f"bedrock/{CLAUDE}")) == "fine"


async def test_vertex_is_called_with_a_service_account_s_token(tmp_path: Path) -> None:
    def google(request: Received) -> Say:
        verified(request.form["assertion"], rsa_key())
        return Say('{"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"}')

    def vertex(request: Received) -> Say:
        path = "/v1/projects/project-7/locations/global/publishers/google/models/gemini-2.5-flash:generateContent"
        assert request.target == path
        assert request.headers["authorization"] == "Bearer ya29.token"
        assert "x-goog-api-key" not in request.headers
        answer = {
            "candidates": [{"content": {"role": "model", "parts": [{"text": "fine"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        }
        return Say(json.dumps(answer), headers=(("content-type", "application/json"),))

    async with service(google) as tokens, service(vertex) as upstream:
        key = tmp_path / "key.json"
        key.write_text(json.dumps(json.loads(service_account(tokens.url)), indent=2))
        key.chmod(0o600)
        text = config("vertex", upstream, "gemini-2.5-flash", f'service_account = "file:{key}"')
        async with gateway(tmp_path, text, {}) as started:
            assert said(await chat(started, "vertex/gemini-2.5-flash")) == "fine"


async def test_azure_is_called_with_a_token_of_entra(tmp_path: Path) -> None:
    def entra(request: Received) -> Say:
        assert request.form["scope"] == "https://cognitiveservices.azure.com/.default"
        return Say('{"access_token": "eyJ.token", "expires_in": 3599, "token_type": "Bearer"}')

    def azure(request: Received) -> Say:
        assert request.headers["authorization"] == "Bearer eyJ.token"
        assert "api-key" not in request.headers
        return Say(completion(), headers=(("content-type", "application/json"),))

    async with service(entra) as tokens, service(azure) as upstream:
        text = config("azure", upstream, "gpt-4o", 'entra = true\ndeployments = {"gpt-4o" = "mine"}')
        variables = {
            "AZURE_TENANT_ID": "t",
            "AZURE_CLIENT_ID": "c",
            "AZURE_CLIENT_SECRET": "s",
            "AZURE_AUTHORITY_HOST": tokens.url,
            "AZURE_OPENAI_API_KEY": "not-asked-for",
        }
        async with gateway(tmp_path, text, variables) as started:
            assert said(await chat(started, "azure/gpt-4o")) == "fine"


async def test_hugging_face_is_called_with_the_key_of_whoever_signed_in(tmp_path: Path) -> None:
    def router(request: Received) -> Say:
        assert request.headers["authorization"] == "Bearer hf_login"
        return Say(completion(), headers=(("content-type", "application/json"),))

    token = tmp_path / "token"
    token.write_text("hf_login\n")
    token.chmod(0o600)
    async with service(router) as upstream:
        text = config("huggingface", upstream, "org/model", base="/v1")
        async with gateway(tmp_path, text, {"HF_HOME": str(tmp_path)}) as started:
            assert said(await chat(started, "huggingface/org/model")) == "fine"
        token.chmod(0o644)
        with (
            pytest.raises(SecretError, match="may be touched by others"),
            running(tmp_path, text, {"HF_HOME": str(tmp_path)}),
        ):
            pass


def refusing(request: Received) -> Say:
    return Say('{"error": "invalid_client", "error_description": "canary-reason"}', 401)


async def test_where_no_token_can_be_had_the_next_candidate_answers_and_alone_the_failure_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handler: Handler = lambda _: Say(completion(), headers=(("content-type", "application/json"),))  # noqa: E731
    async with service(refusing) as tokens, service(handler) as upstream:
        text = config("azure", upstream, "gpt-4o", "entra = true")
        text += f'[providers.edge]\nkind = "openai-compatible"\nbase_url = "{upstream.url}/v1"\nmodels = ["m"]\n'
        text += 'api_key = "env:EDGE"\n[[prices]]\nmodel = "edge/m"\ninput = "1"\noutput = "1"\n'
        text += '[models.both]\nroute = ["azure/gpt-4o", "edge/m"]\n'
        variables = {
            "AZURE_TENANT_ID": "t",
            "AZURE_CLIENT_ID": "c",
            "AZURE_CLIENT_SECRET": "canary-secret",
            "AZURE_AUTHORITY_HOST": tokens.url,
            "EDGE": "k",
        }
        async with gateway(tmp_path, text, variables) as started:
            answer = await chat(started, "both")
            assert said(answer) == "fine"
            assert answer.headers["x-keywright-attempts"] == "2"
            alone = await chat(started, "azure/gpt-4o")
    assert alone.status == 502
    error = json.loads(alone.body)["error"]
    assert error["code"] == "upstream_failed"
    assert "could not be renewed" in error["message"]
    assert "azure/gpt-4o: no valid credential" in error["message"]
    assert b"canary" not in alone.body
    assert tokens.url.encode() not in alone.body
    assert "azure: Entra, asked for the application c, answered 401 (invalid_client: canary-reason)" in caplog.text
    assert "canary-secret" not in caplog.text
    assert len(tokens.received) == 1, "a refusal is remembered for a moment"


async def test_a_call_whose_token_the_provider_refuses_is_made_again_with_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keywright.vault.renewal.DOUBTED_S_MIN", 0.0)
    issued = iter(["eyJ.revoked", "eyJ.good"])

    def azure(request: Received) -> Say:
        if request.headers["authorization"] == "Bearer eyJ.revoked":
            said = {"error": {"code": "401", "message": "Access denied: eyJ.revoked is revoked"}}
            return Say(json.dumps(said), 401, (("content-type", "application/json"),))
        return Say(completion(), headers=(("content-type", "application/json"),))

    def entra(_: Received) -> Say:
        return Say(json.dumps({"access_token": next(issued), "expires_in": 3599}))

    async with service(entra) as tokens, service(azure) as upstream:
        text = config("azure", upstream, "gpt-4o", "entra = true")
        variables = {
            "AZURE_TENANT_ID": "t",
            "AZURE_CLIENT_ID": "c",
            "AZURE_CLIENT_SECRET": "s",
            "AZURE_AUTHORITY_HOST": tokens.url,
        }
        async with gateway(tmp_path, text, variables) as started:
            assert said(await chat(started, "azure/gpt-4o")) == "fine"
    assert len(tokens.received) == 2


async def test_a_token_outlives_a_configuration_that_is_read_again(tmp_path: Path) -> None:
    def entra(_: Received) -> Say:
        return Say('{"access_token": "eyJ.token", "expires_in": 3599}')

    handler: Handler = lambda _: Say(completion(), headers=(("content-type", "application/json"),))  # noqa: E731
    async with service(entra) as tokens, service(handler) as upstream:
        text = config("azure", upstream, "gpt-4o", "entra = true")
        variables = {
            "AZURE_TENANT_ID": "t",
            "AZURE_CLIENT_ID": "c",
            "AZURE_CLIENT_SECRET": "s",
            "AZURE_AUTHORITY_HOST": tokens.url,
        }
        async with gateway(tmp_path, text, variables) as started:
            assert said(await chat(started, "azure/gpt-4o")) == "fine"
            for changed, asked in (('models = ["gpt-4o", "o3"]', 1), ('proxy = ""', 2)):
                again = text.replace('models = ["gpt-4o"]', changed)
                (tmp_path / "again.toml").write_text(again)
                read = load(tmp_path / "again.toml")
                configured = asyncio.run_coroutine_threadsafe(started.house.configure(read, {}), started.loop)
                await asyncio.wrap_future(configured)
                assert said(await chat(started, "azure/gpt-4o")) == "fine"
                assert len(tokens.received) == asked


@pytest.mark.parametrize(
    ("name", "extra", "error", "why"),
    [
        ("azure", "", ConfigError, r"azure\.api_key: Azure OpenAI needs a key; .*, or entra = true"),
        ("openai", "", ConfigError, "api_key is missing"),
        ("vertex", "", ConfigError, r"vertex\.project: without a key every call names a project"),
        ("vertex", 'service_account = "env:NOWHERE"', ConfigError, "env:NOWHERE is not set"),
        ("vertex", 'project = "p"\nservice_account = "env:BAD"', SecretError, "service_account is not JSON"),
        ("bedrock", 'profile = "p"', SecretError, "providers.bedrock: AWS: there is no profile 'p'"),
        ("huggingface", "", ConfigError, 'Hugging Face needs a key; write a reference such as "env:HF_TOKEN"'),
    ],
)
def test_a_way_that_leads_nowhere_is_told_at_the_start(
    tmp_path: Path, name: str, extra: str, error: type[Exception], why: str
) -> None:
    variables = {"BAD": "canary", "OPENAI_API_KEY": "k", "AZURE_OPENAI_API_KEY": "k"}
    text = f'[store]\nurl = "sqlite:///test.db"\n[providers.{name}]\nbase_url = "http://127.0.0.1:1"\n{extra}\n'
    with pytest.raises(error, match=why), running(tmp_path, text, variables):
        pass
