"""What another dialect's extras weigh."""

import pytest

from keywright.core.json import Extras, Json
from keywright.core.loss import Loss
from keywright.dialects.foreign import answer_losses, foreign_losses


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mcp_servers", [{"name": "m"}]),
        ("web_search_options", {}),
        ("modalities", ["text", "audio"]),
        ("response_format", {"type": "grammar"}),
        ("output_config", {"format": {"type": "grammar"}}),
    ],
)
def test_what_asks_for_content_tools_or_form_is_meant(field: str, value: Json) -> None:
    assert list(foreign_losses({"there": {field: value}}, "here", "", "no")) == [Loss(field, "no", "meaning")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mcp_servers", []),
        ("modalities", ["text"]),
        ("response_format", {"type": "json_schema", "json_schema": {"novel": 1}}),
        ("output_config", {"task_budget": {}}),
        ("prompt_cache_key", "k"),
    ],
)
def test_all_else_tunes(field: str, value: Json) -> None:
    assert list(foreign_losses({"there": {field: value}}, "here", "", "no")) == [Loss(field, "no")]


def test_within_a_node_it_tunes_and_is_named_by_its_path() -> None:
    assert list(foreign_losses({"there": {"audio": 1}}, "here", "tools[0]", "no")) == [Loss("tools[0].audio", "no")]


def test_what_is_said_twice_or_says_nothing_or_is_our_own_is_no_loss() -> None:
    extras: dict[str, dict[str, Json]] = {"there": {"top_k": 4, "container": None}, "here": {"novel": 1}}
    assert list(foreign_losses(extras, "here", "", "no")) == []


def test_facts_about_an_answer_are_no_loss_but_a_wish_of_the_same_name_is() -> None:
    extras: Extras = {"there": {"service_tier": "default", "provider": "Azure", "citations": ["u"]}}
    assert list(answer_losses(extras, "here", "", "no")) == [Loss("citations", "no")]
    assert [loss.path for loss in foreign_losses(extras, "here", "", "no")] == ["service_tier", "provider", "citations"]
    assert list(answer_losses(extras, "there", "", "no")) == []


def test_a_guardrail_that_stepped_in_is_no_mere_fact() -> None:
    action = "amazon-bedrock-guardrailAction"
    assert list(answer_losses({"there": {action: "NONE"}}, "here", "", "no")) == []
    assert list(answer_losses({"there": {action: "INTERVENED"}}, "here", "", "no")) == [Loss(action, "no")]


def test_which_pages_a_provider_could_read_is_no_mere_fact() -> None:
    extras: Extras = {"gemini": {"urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "https://a.example"}]}}}
    assert [loss.path for loss in answer_losses(extras, "here", "choices[0]", "no")] == [
        "choices[0].urlContextMetadata"
    ]
