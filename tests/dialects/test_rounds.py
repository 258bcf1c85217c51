"""Calls of one round stand in one message, whatever turns they came in, where each must be answered right behind."""

import json

import pytest

from keywright.core.ability import ABLE
from keywright.core.dialect import Dialect
from keywright.core.message import Text, ToolCall, ToolResult, Turn
from keywright.core.request import Request
from keywright.dialects import cohere, mistral, openai_chat

TURNS = (
    Turn("user", (Text("x"),)),
    Turn("assistant", (ToolCall("a", "f", "{}"),)),
    Turn("assistant", (ToolCall("b", "g", "{}"),)),
    Turn("tool", (ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),)))),
    Turn("assistant", (ToolCall("c", "h", "{}"),)),
)


@pytest.mark.parametrize("dialect", [openai_chat, mistral, cohere], ids=lambda dialect: dialect.NAME)
def test_each_round_is_one_message(dialect: Dialect) -> None:
    encoded = dialect.encode_request(Request("m", TURNS), "m", ABLE)
    messages = json.loads(encoded.body)["messages"]
    names = [[call["function"]["name"] for call in message.get("tool_calls", ())] for message in messages]
    assert names == [[], ["f", "g"], [], [], ["h"]]
    assert not encoded.losses
