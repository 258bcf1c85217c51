"""What passes to Mistral as it came, and what must be put in its form first."""

import json
from typing import Any

import pytest

from keywright.core.errors import NotTranslatableError
from keywright.dialects import mistral


def body(call_id: Any) -> bytes:
    function = {"name": "weather", "arguments": "{}"}
    calls = [{"id": call_id, "type": "function", "function": function}]
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_call_id": call_id, "content": "cold"},
    ]
    return json.dumps({"model": "m", "messages": messages}).encode()


def patched(raw: bytes) -> bytes:
    return mistral.patch(raw, mistral.peek(raw), "m")


def test_calls_with_ids_of_its_own_pass_as_they_came() -> None:
    raw = body("abcDEF123")
    assert patched(raw) == raw


@pytest.mark.parametrize("call_id", ["toolu_01abc", "call_1", "abcdefgh-", "abcdefghé"])
def test_calls_that_another_provider_named_must_be_translated(call_id: str) -> None:
    with pytest.raises(NotTranslatableError):
        patched(body(call_id))


def test_an_id_that_is_none_is_for_the_provider_to_judge() -> None:
    for wrong in (7, None, ["x"]):
        raw = body(wrong)
        assert patched(raw) == raw
