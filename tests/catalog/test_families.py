"""What models can do: nothing that a provider was seen to accept is denied, and limits are the published ones."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keywright.catalog.families import FAMILIES, VENDORS, abilities
from keywright.core.ability import ABLE, Abilities
from tests.conftest import shared_dir

HOSTS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "api.groq.com": "groq",
    "api.x.ai": "x-ai",
    "api.deepseek.com": "deepseek",
    "api.together.ai": "together",
    "openrouter.ai": "openrouter",
}
"""Recorded hosts and the catalogues of the vendors behind them."""


def accepted() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Catalogue, model and body of every recorded chat request that was answered with success."""
    for name in ("openai", "anthropic", "openai_compat", "openrouter"):
        for line in (shared_dir("traffic") / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            exchange = json.loads(line)
            body = exchange["request_json"]
            chat = exchange["endpoint"] in {"chat.completions", "messages"}
            if chat and exchange["status"] < 300 and isinstance(body, dict) and exchange["host"] in HOSTS:
                yield HOSTS[exchange["host"]], body["model"], body


def uses(catalogue: str, body: dict[str, Any]) -> dict[str, bool]:
    """Field of `Abilities` → whether the request needs it."""
    parts = [
        part["type"]
        for message in body["messages"]
        if isinstance(message.get("content"), list)
        for part in message["content"]
    ]
    roles = [message["role"] for message in body["messages"]]
    schema = (body.get("response_format") or {}).get("type") == "json_schema"
    return {
        "tools": bool(body.get("tools")),
        "stop": bool(body.get("stop") or body.get("stop_sequences")),
        "sampling": body.get("temperature", 1) != 1 or body.get("top_p", 1) != 1,
        "json_schema": schema or "format" in body.get("output_config", {}),
        "images": bool({"image_url", "image"} & set(parts)),
        "documents": bool({"file", "document"} & set(parts)),
        "audio": "input_audio" in parts,
        "mid_system": "system" in roles[1:] and catalogue != "openrouter",
    }


def test_no_request_that_a_provider_accepted_is_beyond_its_models_abilities() -> None:
    denied = {
        (catalogue, model, field)
        for catalogue, model, body in accepted()
        for field, used in uses(catalogue, body).items()
        if used and not getattr(abilities(model, catalogue), field)
    }
    assert denied == set()


def test_no_accepted_request_asked_for_more_output_than_the_limit() -> None:
    beyond = {
        (model, asked)
        for catalogue, model, body in accepted()
        if (limit := abilities(model, catalogue).output_tokens_max) is not None
        and (asked := body.get("max_tokens") or body.get("max_completion_tokens") or 0) > limit
    }
    assert beyond == set()


def test_max_tokens_is_never_sent_where_only_the_newer_field_was_seen() -> None:
    for catalogue, model, body in accepted():
        if catalogue == "openai" and abilities(model, catalogue).reasoning != "none":
            assert "max_tokens" not in body
            assert abilities(model, catalogue).output_tokens_field == "max_completion_tokens"


def test_claude_thinks_as_it_was_seen_to() -> None:
    kinds = {"enabled": {"budget"}, "adaptive": {"adaptive"}}
    for catalogue, model, body in accepted():
        thinking = body.get("thinking")
        if catalogue == "anthropic" and thinking and thinking["type"] in kinds:
            assert abilities(model, catalogue).reasoning in kinds[thinking["type"]], model


def test_the_newer_claudes_do_as_the_published_table_says() -> None:
    table = json.loads((shared_dir("specs") / "prices" / "litellm.model_prices.json").read_text(encoding="utf-8"))
    rows = {name: row for name, row in table.items() if row.get("litellm_provider") == "anthropic"}
    assert len(rows) > 15
    for name, row in rows.items():
        known = abilities(name, "anthropic")
        assert known.output_tokens_max == row["max_output_tokens"], name
        assert known.sampling is row.get("supports_sampling_params", True), name
        assert known.json_schema is bool(row.get("supports_native_structured_output")), name
        assert (known.reasoning == "adaptive") is bool(row.get("supports_adaptive_thinking")), name
        assert known.mid_system is bool(row.get("supports_mid_conversation_system")), name


def test_openais_output_limits_are_the_published_ones() -> None:
    table = json.loads((shared_dir("specs") / "prices" / "litellm.model_prices.json").read_text(encoding="utf-8"))
    rows = {
        name: row["max_output_tokens"]
        for name, row in table.items()
        if row.get("litellm_provider") == "openai" and row.get("mode") == "chat" and row.get("max_output_tokens")
    }
    assert len(rows) > 60
    wrong = {
        name: (limit, known)
        for name, limit in rows.items()
        if (known := abilities(name, "openai").output_tokens_max) not in {limit, None}
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-5-sonnet-20241022", 8192),
        ("claude-3-7-sonnet-latest", 64_000),
        ("claude-opus-4-0", 32_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-sonnet-4-20250514", 64_000),
        ("claude-opus-4-5-20251101", 64_000),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", 64_000),
        ("anthropic/claude-opus-4.5", 64_000),
    ],
)
def test_claudes_output_limit_is_known_under_every_vendors_name(name: str, limit: int) -> None:
    assert abilities(name).output_tokens_max == limit


def test_structured_output_begins_with_opus_4_1_and_sonnet_4_5() -> None:
    names = ("claude-opus-4-0", "claude-sonnet-4-0", "claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5")
    assert [abilities(name, "anthropic").json_schema for name in names] == [False, False, True, True, True]


def test_reasoning_models_of_openai_take_no_sampling_and_their_own_field_names() -> None:
    for name in ("gpt-5", "gpt-5-mini-2025-08-07", "gpt-5.1", "gpt-6-sol", "o3", "o4-mini"):
        known = abilities(name, "openai")
        assert (known.sampling, known.stop, known.reasoning) == (False, False, "effort"), name
        assert (known.output_tokens_field, known.system_role) == ("max_completion_tokens", "developer"), name
    assert abilities("gpt-5-chat-latest", "openai").sampling


def test_a_vendor_replaces_what_a_family_says_and_the_operator_what_both_say() -> None:
    assert abilities("openai/gpt-5", "openrouter").system_role == "system"
    assert abilities("openai/gpt-5", "openrouter").reasoning == "effort"
    assert abilities("openai/gpt-5", "openrouter", {"system_role": "developer"}).system_role == "developer"


def test_who_is_unknown_is_able() -> None:
    assert abilities("my-own-model") is ABLE


def test_an_operator_cannot_set_what_is_not_an_ability() -> None:
    with pytest.raises(TypeError):
        abilities("m", operator={"tool": False})


def test_every_rule_speaks_of_known_fields_and_lower_case_names() -> None:
    for rule in (*FAMILIES, *VENDORS):
        assert set(rule.fields) <= set(Abilities.__struct_fields__)
        assert rule.text == rule.text.lower()


def test_openrouter_wants_cache_marks_for_those_models_that_do_not_cache_by_themselves() -> None:
    marked = ["anthropic/claude-sonnet-4.6", "google/gemini-2.5-flash", "openai/gpt-5", "deepseek/deepseek-chat"]
    assert [abilities(name, "openrouter").cache_marks for name in marked] == [True, True, False, False]
    assert not abilities("claude-sonnet-4-6", "anthropic").cache_marks


def accepted_by_gemini() -> Iterator[tuple[str, dict[str, Any]]]:
    """Model and body of every recorded request to Gemini that was answered with success."""
    for name in ("gemini", "vertex"):
        for line in (shared_dir("traffic") / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            exchange = json.loads(line)
            chat = exchange["endpoint"] in {"generateContent", "streamGenerateContent"}
            if chat and exchange["status"] == 200 and exchange["request_json"]:
                yield exchange["url"].rpartition("/models/")[2].partition(":")[0], exchange["request_json"]


def test_gemini_is_denied_nothing_that_it_was_seen_to_accept() -> None:
    seen: set[str] = set()
    for model, body in accepted_by_gemini():
        known, text = abilities(model, "google"), json.dumps(body)
        thinking = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
        uses = {
            "tools": "unctionDeclarations" in text or "function_declarations" in text,
            "json_schema": "esponseSchema" in text or "response_schema" in text or "responseJsonSchema" in text,
            "images": '"image/' in text,
            "documents": '"application/pdf' in text,
            "audio": '"audio/' in text,
            "tool_files": any("parts" in answer for answer in answers(body)),
        }
        seen |= {field for field, used in uses.items() if used}
        assert all(getattr(known, field) for field, used in uses.items() if used), (model, uses)
        if "thinkingLevel" in thinking:
            assert known.reasoning == "effort", model
        if thinking:
            assert known.reasoning != "none", model
    assert seen == {"tools", "json_schema", "images", "documents", "audio", "tool_files"}


def answers(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What functions answered in a request."""
    for content in body["contents"]:
        for part in content["parts"]:
            answer = part.get("functionResponse") or part.get("function_response")
            if answer:
                yield answer


def test_gemini_wants_signatures_from_3_on_and_thinks_by_level_from_then() -> None:
    older, newer = (
        ("gemini-2.0-flash", "gemini-2.5-pro"),
        ("gemini-3-pro-preview", "gemini-3.6-flash", "gemini-flash-latest"),
    )
    assert [abilities(name, "google").reasoning for name in (*older, *newer)] == ["none", "budget", *["effort"] * 3]
    assert not any(abilities(name, "google").signed_calls for name in older)
    assert all(abilities(name, "google").signed_calls for name in newer)


def test_geminis_output_limits_are_the_published_ones() -> None:
    table = json.loads((shared_dir("specs") / "prices" / "litellm.model_prices.json").read_text(encoding="utf-8"))
    rows = {
        name.removeprefix("gemini/"): row["max_output_tokens"]
        for name, row in table.items()
        if name.startswith("gemini/gemini-") and row.get("mode") == "chat" and row.get("max_output_tokens")
    }
    assert len(rows) > 15
    wrong = {
        name: (limit, known)
        for name, limit in rows.items()
        if (known := abilities(name, "google").output_tokens_max) is not None and known > limit
    }
    assert set(wrong) <= {
        "gemini-2.5-pro-preview-tts",
        "gemini-gemma-2-27b-it",
        "gemini-gemma-2-9b-it",
        "gemini-exp-1114",
    }
