"""What kind of key it is, as its form and its provider say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.http import Header
from keywright.core.secret import Secret
from keywright.rotation.kinds import expiry_by_form, kind_by_answer, kind_by_form
from keywright.vault.aws.bedrock import mint
from keywright.vault.aws.keys import AwsKeys
from tests.rotation.standins.anthropic import ConsoleKey
from tests.rotation.standins.huggingface import HubToken

KINDS = ["openai", "anthropic", "cohere", "huggingface", "openrouter", "xai", "mistral", "groq"]
SHORT = mint(AwsKeys("AKIA", Secret("s")), "us-east-1", 1_764_000_000, 3600)


@pytest.mark.parametrize(
    ("provider", "text", "kind"),
    [
        ("openai", "sk-svcacct-abc", "service account"),
        ("openai", "sk-proj-abc", "user-bound, of a project"),
        ("openai", "sk-admin-abc", "admin"),
        ("openai", "sk-abcT3BlbkFJabc", "user-bound, of all projects"),
        ("anthropic", "sk-ant-api03-abc", "workspace"),
        ("anthropic", "sk-ant-admin01-abc", "admin"),
        ("anthropic", "sk-ant-oat01-abc", "federated token"),
        ("gemini", "AQ.abc", "service account"),
        ("gemini", "AIzaSyabc", "project, standard"),
        ("bedrock", "ABSKabc", "long-term, of an IAM user"),
        ("bedrock", SHORT.reveal(), "short-term"),
        ("huggingface", "hf_abc", "user-bound"),
        ("huggingface", "api_org_abc", "organisation"),
        ("azure", "0123456789abcdef0123456789abcdef", "account"),
        ("groq", "gsk_abc", ""),
        ("anthropic", "sk-abc", ""),
    ],
)
def test_a_form_says(provider: str, text: str, kind: str) -> None:
    assert kind_by_form(provider, Secret(text)) == kind


def test_only_a_short_term_key_says_when_it_runs_out() -> None:
    assert expiry_by_form(SHORT) == 1_764_003_600
    assert expiry_by_form(Secret("ABSKabc")) is None
    assert expiry_by_form(Secret("sk-proj-abc")) is None


UNTIL = "2027-12-31T23:59:59Z"
UNTIL_S = 1_830_297_599


def anthropic(**changes: Any) -> dict[str, Any]:
    return {**ConsoleKey("apikey_1", "n", "sk-ant-api03-" + "a" * 95, "wrkspc_1").told, **changes}


@pytest.mark.parametrize(
    ("provider", "answer", "told"),
    [
        ("openai", {"owner": {"type": "service_account"}, "expires_at": 9}, ("service account", 9)),
        ("openai", {"owner": {"type": "user"}}, ("user-bound, of a project", None)),
        ("openai", {"object": "list", "data": []}, ("", None)),
        ("anthropic", anthropic(), ("workspace wrkspc_1", None)),
        ("anthropic", anthropic(workspace_id=None, expires_at=UNTIL), ("default workspace", UNTIL_S)),
        (
            "anthropic",
            anthropic(
                workspace_id=None,
                scope={"type": "workspace", "workspace_id": "wrkspc_2"},
                principal={"type": "user_actor", "user_id": "user_1"},
            ),
            ("user-bound, workspace wrkspc_2", None),
        ),
        ("huggingface", HubToken("t", "n", "fineGrained").told, ("user-bound, fine-grained", None)),
        ("huggingface", HubToken("t", "n", "read").told, ("user-bound, read", None)),
        ("huggingface", {**HubToken("t", "n", "write").told, "type": "org"}, ("organisation, write", None)),
        (
            "huggingface",
            {"type": "user", "auth": {"accessToken": {"role": "read", "expiration": UNTIL}}},
            ("user-bound, read", UNTIL_S),
        ),
        ("openrouter", {"data": {"is_free_tier": True, "expires_at": None}}, ("free tier", None)),
        ("openrouter", {"data": {"is_free_tier": False, "expires_at": UNTIL}}, ("paid", UNTIL_S)),
        ("openrouter", {"data": {"is_free_tier": False, "is_management_key": True}}, ("management", None)),
        (
            "xai",
            {"acls": ["api-key:model:*", "api-key:endpoint:*"]},
            ("user-bound, all models and endpoints", None),
        ),
        ("xai", {"acls": ["api-key:model:grok-4"]}, ("user-bound, restricted", None)),
        ("mistral", {"workspace_name": "prod", "expiration_date": UNTIL}, ("workspace prod", UNTIL_S)),
        ("cohere", {"valid": True, "organization_id": "o"}, ("", None)),
        ("groq", {"data": []}, ("", None)),
    ],
)
def test_a_provider_says(provider: str, answer: Any, told: tuple[str, int | None]) -> None:
    assert kind_by_answer(provider, json.dumps(answer).encode()) == told


@pytest.mark.parametrize(
    ("headers", "kind"),
    [((), ""), (((b"x-trial-endpoint-call-limit", b"40"),), "trial"), (((b"date", b"now"),), "production")],
)
def test_cohere_says_it_in_headers(headers: tuple[Header, ...], kind: str) -> None:
    assert kind_by_answer("cohere", b'{"models": []}', headers) == (kind, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "owner", "auth", "accessToken", "role", "data", "expires_at", "acls", "scope"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(KINDS), JSON | st.binary(max_size=50))
def test_no_answer_is_a_fault(provider: str, answer: Any) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    kind, expires_s = kind_by_answer(provider, body)
    assert isinstance(kind, str)
    assert expires_s is None or isinstance(expires_s, int)
