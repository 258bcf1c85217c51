"""The last line: what is loaded now, and what looks like a key, is in no text of people's."""

import io
import logging
import time
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.redaction import TEXT_CHARACTERS_MAX, Redactor, hide_forms
from keywright.core.secret import Secret

HEX = "0123456789abcdef"
WORD = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z"

KEYS = (
    "sk-kw-u0123456789abcdef-" + WORD,
    "sk-proj-" + WORD + WORD + "T3BlbkFJ" + WORD,
    "sk-svcacct-" + WORD,
    "sk-admin-" + WORD,
    "sk-ant-api03-" + WORD * 3 + "AA",
    "sk-ant-oat01-" + WORD,
    "sk-or-v1-" + HEX * 4,
    "AIzaSy" + WORD + "x",
    "AQ." + WORD,
    "ABSK" + b64encode(WORD.encode() * 3).decode(),
    "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t" + WORD,
    "gsk_" + WORD + WORD[:20],
    "xai-" + WORD * 2 + WORD[:16],
    "hf_" + WORD + "ab",
    "pplx-" + WORD + WORD[:16],
    "tgp_v1_" + WORD + WORD[:11],
    "csk-" + HEX * 3,
    "nvapi-" + WORD * 2,
    "r8_" + WORD + "abcde",
    "hvs." + WORD * 3,
    "ghp_" + WORD + "abcd",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0." + WORD,
)
PLAIN = (
    "the model openai/gpt-4o-mini is not known here; the nearest names: openai/gpt-4o",
    "INFO: openai/team-a has another key now: a4feefff5994",
    "req_0mj3k2h1g9f8d7s6 answered 429 after 1.5 s (anthropic/claude-haiku-4-5: rate_limited)",
    "vault://secret/llm#edge: permission denied; its last good value counts for another 86400 s",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/var/lib/keywright/keywright.spool cannot be written: No space left on device",
)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:12])
def test_every_form_of_key_is_hidden_wherever_it_stands(key: str) -> None:
    for text in (
        key,
        f"Incorrect API key provided: {key}.",
        f'{{"key": "{key}"}}',
        f"a={key}&b=1",
        f"line\n{key}\nline",
    ):
        assert key[-12:] not in hide_forms(text)


@pytest.mark.parametrize("before", ["api-key: ", 'API_KEY="', "Authorization: Bearer ", '{"api_key": "', "?token="])
def test_a_key_without_a_form_is_hidden_after_a_name_that_tells(before: str) -> None:
    assert HEX * 2 not in hide_forms(f"{before}{HEX * 2}")
    assert before.strip() in hide_forms(f"{before}{HEX * 2}")


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert hide_forms(text) == text


def test_a_password_in_an_address_and_a_private_key_are_hidden() -> None:
    assert "hunter22" not in hide_forms("postgresql://keywright:hunter22@db/keywright")
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"
    assert "MIIEvQ" not in hide_forms(f"cannot parse {pem}")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60), st.text(max_size=20))
def test_a_known_value_is_hidden_in_each_of_its_forms(value: str, around: str) -> None:
    redactor = Redactor()
    redactor.know(Secret(value))
    shown = f"<secret {Secret(value).fingerprint}>"
    assert shown in redactor.redact(f"{around} {value} {around}")
    assert value not in redactor.redact(f"{around} {value} {around}")
    assert quote(value, safe="") not in redactor.redact(quote(value, safe=""))
    for before in range(3):
        encoded = b64encode(b"x" * before + value.encode()).decode()
        assert redactor.redact(encoded) != encoded


@given(st.sampled_from(KEYS), st.text(max_size=50))
def test_what_is_cleared_stays_as_it_is_when_it_is_cleared_again(key: str, around: str) -> None:
    once = hide_forms(f"{around} {key} {around}")
    assert hide_forms(once) == once


def test_no_text_takes_long() -> None:
    began_s = time.process_time()
    for text in ("a" * 65_000 + "://", "sk-" * 20_000, "api_key" * 9_000, "eyJ" * 20_000):
        hide_forms(text)
    assert time.process_time() - began_s < 2.0


def test_a_short_value_is_a_word_and_a_long_text_is_cut() -> None:
    redactor = Redactor()
    redactor.know(Secret("openai"))
    assert redactor.redact("openai answered") == "openai answered"
    assert len(redactor.redact("a" * (TEXT_CHARACTERS_MAX + 100))) == TEXT_CHARACTERS_MAX + 1


def test_a_log_record_is_cleared_with_its_traceback() -> None:
    from keywright.cli.logs import _OneLine

    redactor, stream = Redactor(), io.StringIO()
    redactor.know(Secret("value-of-a-key-without-form"))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_OneLine("%(levelname)s: %(message)s", redactor))
    logger = logging.getLogger("tests.redaction")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        raise ValueError("header value-of-a-key-without-form")
    except ValueError:
        logger.exception("it failed with %s", KEYS[1])
    assert "value-of-a-key" not in stream.getvalue()
    assert WORD not in stream.getvalue()
    assert "ValueError: header <secret " in stream.getvalue()
