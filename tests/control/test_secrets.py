"""Secrets, administered from another machine: what may be asked for and written; and that no value comes out."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from keywright.core.secret import Secret
from keywright.store.credentials import CredentialStates
from tests.control.conftest import Api, Reply
from tests.control.stores import ELSEWHERE, OPENAI_KEY
from tests.vault.google.files import external_account, impersonated, service_account

VALUE = "sk-canary-of-the-api-0123456789abcdef"
MARK = Secret(VALUE).fingerprint


async def put(api: Api, reference: str, value: Any = VALUE) -> Reply:
    reply = await api.ask("PUT", "/secrets", {"reference": reference, "value": value})
    assert VALUE.encode() not in reply.body
    return reply


async def test_a_secret_is_written_and_told_by_its_fingerprint(
    quick_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "keywright")
    changes = quick_api.changes
    told = {"reference": "sealed:mine", "fingerprint": MARK, "version": "1"}
    assert (await put(quick_api, "sealed:mine")).json == told
    assert (await quick_api.get("/secrets/fingerprint", reference="sealed:mine")).json == told
    assert (await quick_api.get("/secrets/names", store="sealed")).json == {"rows": ["sealed:mine"], "next": None}
    assert quick_api.changes == changes + 1
    assert f"key:environment has written the secret {MARK} to sealed:mine" in caplog.text
    assert VALUE not in caplog.text


async def test_names_of_secrets_are_told_in_parts(quick_api: Api) -> None:
    for name in ("b", "a", "c"):
        await put(quick_api, f"sealed:{name}")
    first = (await quick_api.get("/secrets/names", store="sealed", limit="2")).json
    assert first == {"rows": ["sealed:a", "sealed:b"], "next": "sealed:b"}
    rest = (await quick_api.get("/secrets/names", store="sealed", limit="2", after="sealed:b")).json
    assert rest == {"rows": ["sealed:c"], "next": None}
    assert (await quick_api.get("/secrets/names", store="sealed", limit="1001")).status == 422


async def test_whoever_calls_with_a_key_that_was_written_reads_it_anew(quick_api: Api) -> None:
    states = CredentialStates(quick_api.store.database)
    before = await quick_api.store.version()
    assert (await put(quick_api, "dotenv:OPENAI_KEY")).status == 200
    assert await states.changed(before) == ("openai",)


async def test_all_that_the_configuration_names_is_checked(quick_api: Api) -> None:
    rows = (await quick_api.ask("POST", "/secrets/check", {})).json["rows"]
    assert [(row["reference"].rpartition("/")[2], row["state"]) for row in rows] == [
        ("dotenv:OPENAI_KEY", "ok"),
        ("groq", "absent"),
        ("kek", "ok"),
    ]
    assert rows[0]["fingerprint"] == Secret(OPENAI_KEY).fingerprint
    stores = (await quick_api.get("/secrets/stores")).json["rows"]
    assert [(row["name"], row["secrets"], row["configured"]) for row in stores] == [
        ("dotenv", 1, False),
        ("file", 1, False),
        ("other", 0, True),
        ("sealed", 0, True),
    ]


async def test_of_the_gateways_machine_only_what_it_names_is_told_or_written(quick_api: Api, tmp_path: Path) -> None:
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for reference in (
        "env:ELSEWHERE",
        "env:NOTHING",
        "dotenv:ELSEWHERE",
        "other:ELSEWHERE",
        f"file:{tmp_path}/elsewhere",
        f"file:{tmp_path}/nothing",
        f"file:{tmp_path}/../{tmp_path.name}/groq",
        "keyring:service/name",
        "vault://secret/llm#openai",
        "aws-sm://llm#openai",
    ):
        answers = (
            await put(quick_api, reference),
            await quick_api.get("/secrets/fingerprint", reference=reference),
            await quick_api.ask("POST", "/secrets/check", {"references": ["sealed:mine", reference]}),
        )
        for reply in answers:
            assert (reply.status, reply.json["code"]) == (403, "forbidden"), reply.body
            assert Secret(ELSEWHERE).fingerprint.encode() not in reply.body
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


async def test_a_file_that_the_configuration_names_is_written(quick_api: Api, tmp_path: Path) -> None:
    reference = f"file:{tmp_path}/groq"
    absent = await quick_api.get("/secrets/fingerprint", reference=reference)
    assert (absent.status, absent.json["code"]) == (404, "secret_absent")
    assert (await put(quick_api, reference)).json["fingerprint"] == MARK
    assert (await quick_api.get("/secrets/fingerprint", reference=reference)).json["fingerprint"] == MARK


async def test_the_key_that_encrypts_keys_is_not_written(quick_api: Api, tmp_path: Path) -> None:
    kek = (tmp_path / "kek").read_bytes()
    refused = await put(quick_api, f"file:{tmp_path}/kek")
    assert (refused.status, refused.json["code"]) == (409, "secret_read_only")
    assert (tmp_path / "kek").read_bytes() == kek


async def test_only_stores_beyond_files_and_variables_are_listed(quick_api: Api) -> None:
    for store in ("env", "dotenv", "file", "other", "vault", "nothing"):
        refused = await quick_api.get("/secrets/names", store=store)
        assert (refused.status, refused.json["fields"][0]["field"]) == (404, "store")
        assert "those that are: sealed" in refused.json["detail"]


async def test_a_secret_in_its_references_place_is_not_repeated(quick_api: Api) -> None:
    for reference in (VALUE, "x" * 2000, ""):
        refused = await put(quick_api, reference)
        assert (refused.status, refused.json["fields"][0]["field"]) == (422, "reference")
        asked = await quick_api.get("/secrets/fingerprint", reference=reference)
        assert asked.status == 422
        assert VALUE.encode() not in asked.body
    many = await quick_api.ask("POST", "/secrets/check", {"references": ["sealed:a"] * 101})
    assert (many.status, many.json["fields"][0]["field"]) == (422, "references")


@pytest.mark.parametrize(
    "value", ["", " ", f"{VALUE} {VALUE}", f"{VALUE}\n{VALUE}", f"{VALUE}é", VALUE * 1000, 3, None, [VALUE], "\0" * 9]
)
async def test_what_no_header_can_carry_is_no_secret(quick_api: Api, value: Any) -> None:
    refused = await put(quick_api, "sealed:mine", value)
    assert (refused.status, refused.json["fields"][0]["field"]) == (422, "value")
    assert (await quick_api.get("/secrets/fingerprint", reference="sealed:mine")).status == 404


async def test_a_document_of_many_lines_is_one(quick_api: Api) -> None:
    assert (await put(quick_api, "sealed:account", '{"type": "service_account",\n "key": "é"}')).status == 200
    assert (await put(quick_api, "sealed:account", "{" + "x" * 65_536)).status == 422


async def test_no_credential_is_written_by_which_the_gateway_would_show_what_is_on_its_machine(quick_api: Api) -> None:
    leading = external_account("https://thief.example", {"file": "/etc/keywright/kek"})
    for document in (leading, impersonated("https://thief.example", json.loads(leading)), f" \n{leading}"):
        refused = await put(quick_api, "sealed:account", document)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        assert refused.json["fields"][0]["field"] == "value"
    assert (await quick_api.get("/secrets/fingerprint", reference="sealed:account")).status == 404
    assert (await put(quick_api, "sealed:account", service_account("https://oauth2.googleapis.com"))).status == 200


@pytest.mark.parametrize("raw", [b'{"reference":"sealed:a","value":"\xff%s"}', b'{"reference":"sealed:a","value":"%s'])
async def test_a_body_that_is_none_is_not_repeated(quick_api: Api, raw: bytes) -> None:
    refused = await quick_api.ask("PUT", "/secrets", raw=raw % VALUE.encode())
    assert (refused.status, refused.json["code"]) == (400, "invalid_json")
    assert VALUE not in refused.json["detail"]
    assert "0xff" not in refused.json["detail"]


async def test_without_a_gateway_at_hand_there_are_no_stores(quick_api: Api) -> None:
    api = Api(quick_api.store)
    for method, path, body in (("GET", "/secrets/stores", None), ("POST", "/secrets/check", {})):
        assert (await api.ask(method, path, body)).status == 404
