"""The last line: what is loaded now, and what looks like a key, is in no text of people's."""

import io
import json
import logging
import random
import string
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core import redaction
from keywright.core.redaction import TEXT_CHARACTERS_MAX, Redactor, hide_forms, hide_forms_in
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
    *(start + "Q3R5T7V2X4Z6A2C4" for start in ("AKIA", "ASIA", "ABIA", "ACCA", "A3TX")),
    "dapi" + HEX * 2,
    "s." + WORD[:24],
    "b." + WORD,
    "r." + WORD,
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0." + WORD,
)
PLAIN = (
    "the model openai/gpt-4o-mini is not known here; the nearest names: openai/gpt-4o",
    "INFO: openai/team-a has another key now: a4feefff5994",
    "req_0mj3k2h1g9f8d7s6 answered 429 after 1.5 s (anthropic/claude-haiku-4-5: rate_limited)",
    "vault://secret/llm#edge: permission denied; its last good value counts for another 86400 s",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/var/lib/keywright/keywright.spool cannot be written: No space left on device",
    "anthropic.max_tokens: max_completion_tokens is not known there",
    "token_file = /var/run/secrets/tokens/openai",
    "input_tokens=usage.input_total, tokens_per_min=parent.tokens_per_min",
    "cohere/command-a-03-2025 at commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "azure: request 9f86d081884c7d659a2feaa0c55ad015 took 2.5 s",
    "what is configured is not http://[user:password@]host[:port]",
    "GET /v1/models?after=gpt-4o%2Fmini&limit=20 HTTP/1.1",
    "the disk-\nusage-of-everything\nis 80 % of what there is\r\nin all",
    'Traceback (most recent call last):\n  File "a.py", line 3, in start\n    raise ValueError(2026)\nValueError: 2026',
)
UNMARKED = (
    ("openai-key: ", HEX * 2),
    ("AZURE_OPENAI_KEY=", HEX * 2),
    ("Ocp-Apim-Subscription-Key: ", WORD),
    ("aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY"),
    ("CO_API_KEY=", WORD + WORD[:8]),
    ("cohere, with the key ", WORD + WORD[:8]),
    ("mistral: ", WORD),
    ("the key for Azure is the key ", HEX * 2),
)
"""What is known by what stands before it."""


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


@pytest.mark.parametrize(("before", "key"), UNMARKED, ids=lambda part: part[:12])
def test_a_key_that_looks_like_any_other_word_is_known_by_its_neighbours(before: str, key: str) -> None:
    assert key[-8:] not in hide_forms(f"sent {before}{key} and")
    assert key[-8:] not in hide_forms("GET /x?q=" + quote(before + key, safe=""))


@pytest.mark.parametrize(("before", "key"), [*(("", key) for key in KEYS), *UNMARKED], ids=lambda part: part[:12])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", "\n      ", "\\\n", "%0A"])
def test_a_key_that_line_ends_cut_is_hidden_with_its_rest(before: str, key: str, end: str) -> None:
    half = len(key) // 2
    shown = hide_forms(f"x {before}{key[:half]}{end}{key[half:]} and")
    assert key[-8:] not in shown
    assert shown.startswith("x ")
    assert shown.endswith(" and")


def test_the_line_behind_a_key_is_not_taken_for_its_rest() -> None:
    shown = hide_forms(f"refused: {KEYS[1]}\n2026-11-25 it failed\nat once")
    assert shown.endswith(">\n2026-11-25 it failed\nat once")
    assert shown.startswith("refused: <secret ")


def test_a_body_stays_what_it_is_but_for_the_key() -> None:
    body = json.dumps({"error": {"message": f'no "{KEYS[3]}" at http://h:80", "x": "a@b', "of": "äöü"}}).encode()
    cleared = hide_forms_in(body)
    assert WORD.encode() not in cleared
    assert json.loads(cleared)["error"]["of"] == "äöü"
    assert hide_forms_in(b"\xff\x00 not text") == b"\xff\x00 not text"
    assert hide_forms_in(b"ftp://\xffuser:p\xffss-word@host") != b"ftp://\xffuser:p\xffss-word@host"


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
        encoded = urlsafe_b64encode(b"x" * before + value.encode()).decode()
        assert redactor.redact(encoded) != encoded


SPECIAL = "p\"w\\ö€+/='&<" + WORD


@pytest.mark.parametrize("value", [WORD, SPECIAL, "two words " + WORD], ids=["plain", "special", "words"])
@pytest.mark.parametrize(
    "written",
    [
        quote,
        lambda value: quote(value, safe="!$&'()*+,;=:/?[]@"),
        lambda value: quote(value, safe="").replace("%2B", "%2b").replace("%C3%B6", "%c3%b6"),
        lambda value: quote(quote(value, safe=""), safe=""),
        json.dumps,
        lambda value: json.dumps(json.dumps(value, ensure_ascii=False)),
        lambda value: json.dumps({"body": json.dumps(value)}),
        repr,
        lambda value: repr(value.encode()),
        lambda value: value.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#x27;").replace("<", "&lt;"),
        lambda value: "".join(f"\\u{ord(character):04x}" for character in value),
        lambda value: value.encode().hex(),
        lambda value: value.encode().hex().upper(),
        lambda value: value[:10] + "\n" + value[10:20] + "\r\n    " + value[20:],
        lambda value: json.dumps(value[:20] + "\n" + value[20:]),
    ],
)
def test_a_known_value_is_hidden_however_it_is_written(value: str, written: Callable[[str], str]) -> None:
    redactor = Redactor()
    redactor.know(Secret(value))
    shown = redactor.redact(f"it said {written(value)}, no more")
    assert f"<secret {Secret(value).fingerprint}>" in shown
    assert value[-8:] not in shown
    assert value[-8:].encode().hex() not in shown.lower()
    assert shown.startswith("it said ")
    assert shown.endswith(", no more")


def test_a_private_key_is_hidden_whole_and_line_by_line() -> None:
    lines = [WORD * 2, WORD[::-1] * 2, WORD[:20] + "=="]
    pem = "\n".join(["-----BEGIN SOMETHING-----", *lines, "-----END SOMETHING-----"])
    redactor = Redactor()
    redactor.know(Secret(pem))
    assert redactor.redact(f"a {pem} b") == f"a <secret {Secret(pem).fingerprint}> b"
    assert WORD not in redactor.redact(f"the second line is {lines[0]}")


def test_the_longest_of_the_values_that_begin_alike_is_hidden() -> None:
    redactor = Redactor()
    for value in (WORD[:20], WORD, WORD[:25]):
        redactor.know(Secret(value))
    assert redactor.redact(f"({WORD})") == f"(<secret {Secret(WORD).fingerprint}>)"
    assert redactor.redact(f"({WORD[:22]})") == f"(<secret {Secret(WORD[:20]).fingerprint}>{WORD[20:22]})"


def test_as_many_values_as_there_may_be_are_known_and_then_the_oldest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redaction, "VALUES_MAX", 3)
    redactor = Redactor()
    values = [f"value-{number}/with+all its forms" for number in range(4)]
    for value in values[:3]:
        redactor.know(Secret(value))
    redactor.know(Secret(values[0]))  # the oldest is now the second
    assert all(value not in redactor.redact(value) for value in values[:3])
    redactor.know(Secret(values[3]))
    assert redactor.redact(values[1]) == values[1]
    assert redactor.redact(quote(values[1])) == quote(values[1])
    assert all(value not in redactor.redact(value) for value in (values[0], values[2], values[3]))


def test_a_thousand_values_cost_hardly_more_than_one() -> None:
    line = "INFO: worker 0: openai: key 0123456789ab rotated to ba9876543210, 3 calls in flight finished"
    drawn = random.Random(1)  # a thousand keys by chance
    few, many = Redactor(), Redactor()
    few.know(Secret(WORD))
    for _ in range(1000):
        many.know(Secret("".join(drawn.choices(string.ascii_letters + string.digits, k=40))))
    took = []
    for redactor in (few, many):
        began_s = time.process_time()
        for _ in range(500):
            assert redactor.redact(line) == line
        took.append(time.process_time() - began_s)
    assert took[1] < 10 * took[0]


def test_what_is_written_about_keys_is_left_alone() -> None:
    for file in sorted((Path(__file__).parents[2] / "docs").rglob("*.md")):
        assert hide_forms(file.read_text()) == file.read_text(), file.name


@given(st.sampled_from(KEYS), st.text(max_size=50))
def test_what_is_cleared_stays_as_it_is_when_it_is_cleared_again(key: str, around: str) -> None:
    once = hide_forms(f"{around} {key} {around}")
    assert hide_forms(once) == once


def test_no_text_takes_long() -> None:
    began_s = time.process_time()
    for text in ("a" * 65_000 + "://", "sk-" * 20_000, "api_key" * 9_000, "eyJ" * 20_000, "sk-a\n" * 13_000):
        hide_forms(text)
    for text in (
        "cohere " * 9_000,
        "azure key " * 6_000,
        "%41" * 20_000,
        "\\\\" * 30_000,
        "token: a" * 8_000,
        "a\n" * 30_000,
    ):
        hide_forms(text)
    assert time.process_time() - began_s < 3.0


def test_a_short_value_is_a_word_and_a_long_text_is_cut() -> None:
    redactor = Redactor()
    redactor.know(Secret("openai"))
    assert redactor.redact("openai answered") == "openai answered"
    for more in (1, 100, 20_000, 200_000):
        assert len(redactor.redact("a" * (TEXT_CHARACTERS_MAX + more))) == TEXT_CHARACTERS_MAX + 1


@pytest.mark.parametrize("behind", ["", "z" * 100, "z" * 200_000, WORD * 10_000])
def test_no_half_of_a_value_is_left_where_a_text_is_cut(behind: str) -> None:
    redactor = Redactor()
    redactor.know(Secret(WORD))
    for before in (
        TEXT_CHARACTERS_MAX - 20,
        TEXT_CHARACTERS_MAX - 1,
        TEXT_CHARACTERS_MAX + redaction.MARGIN_CHARACTERS - 20,
    ):
        assert WORD[:8] not in redactor.redact("z" * before + WORD + behind)


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
