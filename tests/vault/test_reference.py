"""References: what is one, what is refused, and that no message repeats a secret."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import SecretError
from keywright.vault.reference import Reference, is_reference, is_variable, parse

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
    "text",
    [
        "keyring:service/name",
        "aws-sm://prod/openai#key",
        "gcp-sm://project/name/3",
        "azure-kv://vault/name",
        "vault://secret/llm#edge",
        "sealed:openai",
    ],
)
def test_a_backend_that_is_not_there_yet_is_refused_by_its_reference(text: str) -> None:
    assert is_reference(text)
    with pytest.raises(SecretError, match="not yet available") as caught:
        parse(text)
    assert text in str(caught.value)


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
