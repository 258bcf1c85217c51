"""References: what is one, what is refused, and that no message repeats a secret."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import SecretError
from keywright.vault.reference import Reference, ReferenceKind, is_reference, is_variable, parse

CANARY = "sk-canary-5f1d0c9e7b"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("env:OPENAI_API_KEY", Reference("env", "OPENAI_API_KEY")),
        ("dotenv:_x1", Reference("dotenv", "_x1")),
        ("file:/run/secrets/a b", Reference("file", "/run/secrets/a b")),
    ],
)
def test_a_reference_is_read_and_written_back(text: str, reference: Reference) -> None:
    assert is_reference(text)
    assert parse(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("keyring:service/name", Reference("keyring", "service/name")),
        ("aws-sm://prod/openai#key", Reference("aws-sm", "prod/openai", field="key")),
        (
            "aws-sm://arn:aws:secretsmanager:us-east-1:123456789012:secret:llm-AbCdEf?stage=AWSPREVIOUS#key",
            Reference(
                "aws-sm",
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:llm-AbCdEf",
                field="key",
                stage="AWSPREVIOUS",
            ),
        ),
        ("aws-sm://llm?version=0a1b", Reference("aws-sm", "llm", version="0a1b")),
        ("gcp-sm://project/name", Reference("gcp-sm", "project/name")),
        ("gcp-sm://project/name/3", Reference("gcp-sm", "project/name", version="3")),
        ("azure-kv://vault/name", Reference("azure-kv", "vault/name")),
        ("azure-kv://vault/name/0a1b", Reference("azure-kv", "vault/name", version="0a1b")),
        ("vault://secret/llm#edge", Reference("vault", "secret/llm", field="edge")),
        ("vault://secret/a/b?version=2#edge", Reference("vault", "secret/a/b", field="edge", version="2")),
        ("sealed:openai", Reference("sealed", "openai")),
    ],
)
def test_each_kind_of_reference_is_read_and_written_back(text: str, reference: Reference) -> None:
    assert is_reference(text)
    assert parse(text) == reference
    assert str(reference) == text


def test_the_name_of_a_configured_store_may_stand_in_a_kinds_place() -> None:
    stores: dict[str, ReferenceKind] = {"corp": "vault", "team": "dotenv"}
    assert parse("corp://kv/llm#edge", stores) == Reference("vault", "kv/llm", "corp", field="edge")
    assert str(parse("corp://kv/llm#edge", stores)) == "corp://kv/llm#edge"
    assert str(parse("team:A", stores)) == "team:A"
    assert not is_reference("corp://kv/llm#edge")
    assert not is_reference("corp:kv", stores)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vault://secret/llm", "needs the field"),
        ("vault://secret#edge", "mount/path"),
        ("gcp-sm://name", "project/name"),
        ("gcp-sm://project/name#field", "#field"),
        ("aws-sm://name?stag=X", "?stag="),
        ("azure-kv://vault/name?version=1", "?version="),
        ("keyring:name", "service/name"),
        ("sealed:a/b", "sealed:name"),
    ],
)
def test_a_malformed_reference_is_refused_with_the_right_form(text: str, said: str) -> None:
    with pytest.raises(SecretError) as caught:
        parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        f"env:{CANARY}",
        f"dotenv:{CANARY}",
        f"file:{CANARY}",
        f"ENV:{CANARY}",
        f"https://{CANARY}",
        f" env:{CANARY}",
        f"sealed:{CANARY}\n",
        "env:",
        "env:A B",
        "env:1A",
        "env:É",
        "file:relative",
        "file:",
        "",
        ":",
    ],
)
def test_what_is_no_reference_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SecretError) as caught:
        parse(text)
    assert CANARY not in str(caught.value)


def test_a_reference_has_a_greatest_length() -> None:
    with pytest.raises(SecretError, match="at most 1024 characters"):
        parse("env:" + "A" * 1024)


@given(st.one_of(st.text(), st.builds("{}:{}".format, st.sampled_from(["env", "dotenv", "file"]), st.text())))
def test_any_text_is_a_reference_or_a_secret_error(text: str) -> None:
    with contextlib.suppress(SecretError):
        assert str(parse(text)) == text


@given(st.text())
def test_a_variable_is_what_a_shell_can_export(name: str) -> None:
    assert is_variable(name) == (
        bool(name) and not name[0].isdigit() and all(c.isascii() and (c.isalnum() or c == "_") for c in name)
    )
