"""What real programs ask, in the bodies of two dialects, without the model: each is a habit of some client."""

from typing import Any, TypeAlias

from tests.conformance.sdk import PDF, PIXEL

Body: TypeAlias = dict[str, Any]  # the JSON boundary

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": ["integer", "null"]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
MARK = {"cache_control": {"type": "ephemeral"}}


def said(role: str, content: Any) -> Body:
    """A message, in both dialects."""
    return {"role": role, "content": content}


def asked(*messages: Body, **fields: Any) -> Body:
    """A request, in both dialects."""
    return {"messages": list(messages), **fields}


HI, SO = said("user", "a"), said("assistant", "b")

# OpenAI's chat completions

WEATHER = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}
STRICT = {"type": "function", "function": {**WEATHER["function"], "strict": True}}  # type: ignore[dict-item]  # an object
BARE = {"type": "function", "function": {"name": "clock"}}
FORM = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
WORDS = {"type": "text", "text": "look"}
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
BRIEF = said("system", "be brief")


def called(*names: str, content: str | None = None) -> Body:
    """An assistant's message with calls."""
    function = {"name": "weather", "arguments": '{"city":"a","days":1}'}
    calls = [{"id": name, "type": "function", "function": function} for name in names]
    return {**said("assistant", content), "tool_calls": calls}


def told(call: str, content: Any = "cold") -> Body:
    """A tool's message."""
    return {**said("tool", content), "tool_call_id": call}


def pdf(name: str) -> Body:
    """A document's part."""
    return {"type": "file", "file": {"filename": name, "file_data": f"data:application/pdf;base64,{PDF}"}}


ROUND = (HI, called("c1"), told("c1"))

CHATS: dict[str, Body] = {
    "a system": asked(BRIEF, HI),
    "a developer": asked(said("developer", "be brief"), HI),
    "two systems": asked(BRIEF, said("system", "b"), HI),
    "a system in the middle": asked(HI, SO, BRIEF, HI),
    "a system last": asked(HI, BRIEF),
    "a system only": asked(BRIEF),
    "an empty system": asked(said("system", ""), HI),
    "users in a row": asked(HI, HI),
    "assistants in a row": asked(HI, SO, SO, HI),
    "an assistant first": asked(SO, HI),
    "an assistant last": asked(HI, said("assistant", "I think ")),
    "an empty assistant": asked(HI, said("assistant", ""), HI),
    "blank text": asked(said("user", [{"type": "text", "text": " "}, WORDS])),
    "a name": asked({**HI, "name": "bob"}),
    "a picture": asked(said("user", [WORDS, PICTURE])),
    "a picture only": asked(said("user", [PICTURE])),
    "a file with an odd name": asked(said("user", [WORDS, pdf("a.b_c  d.pdf")])),
    "a file only": asked(said("user", [pdf("a.pdf")])),
    "two files of a name": asked(said("user", [WORDS, pdf("a.pdf"), pdf("a.pdf")])),
    "a tool without parameters": asked(said("user", "use the tool"), tools=[BARE]),
    "a strict tool": asked(said("user", "use the tool"), tools=[STRICT]),
    "a certain tool": asked(HI, tools=[WEATHER, BARE], tool_choice={"type": "function", "function": {"name": "clock"}}),
    "any tool": asked(HI, tools=[WEATHER], tool_choice="required"),
    "no tool": asked(said("user", "use the tool"), tools=[WEATHER], tool_choice="none"),
    "one call at a time": asked(said("user", "use all tools"), tools=[WEATHER, BARE], parallel_tool_calls=False),
    "calls, and tools no more": asked(*ROUND),
    "results in another order": asked(HI, called("c1", "c2"), told("c2"), told("c1"), tools=[WEATHER]),
    "rounds of calls": asked(*ROUND, called("c2", content="more"), told("c2", [WORDS]), tools=[WEATHER]),
    "calls of earlier turns": asked(*ROUND, SO, HI, tools=[WEATHER]),
    "a user after a result": asked(*ROUND, HI, tools=[WEATHER]),
    "long ids": asked(HI, called("call_" + "x" * 80), told("call_" + "x" * 80), tools=[WEATHER]),
    "odd ids": asked(HI, called("functions.weather:0"), told("functions.weather:0"), tools=[WEATHER]),
    "the same id in each round": asked(*ROUND, *ROUND[1:], tools=[WEATHER]),
    "an empty result": asked(HI, called("c1"), told("c1", ""), tools=[WEATHER]),
    "a schema": asked(HI, response_format=FORM),
    "a schema and tools": asked(HI, tools=[WEATHER], response_format=FORM),
    "any JSON": asked(said("user", "some json"), response_format={"type": "json_object"}),
    "sampling": asked(HI, temperature=0.3, top_p=0.9, seed=1, presence_penalty=0.1, frequency_penalty=0.1),
    "a high temperature": asked(HI, temperature=1.9),
    "no temperature": asked(HI, temperature=0),
    "four stops": asked(HI, stop=["x", "y", "z", "w"]),
    "a line's end as stop": asked(HI, stop="\n"),
    "an effort": asked(HI, reasoning_effort="high"),
    "an effort and a tool": asked(HI, reasoning_effort="low", tools=[WEATHER], tool_choice="required"),
    "an effort and sampling": asked(HI, reasoning_effort="medium", temperature=0.2, top_p=0.5),
    "an effort and few tokens": asked(HI, max_tokens=100, reasoning_effort="high"),
    "no effort": asked(HI, reasoning_effort="none"),
    "one token": asked(HI, max_tokens=1),
    "very many tokens": asked(HI, max_tokens=1_000_000),
    "a user and metadata": asked(HI, user="u1", metadata={"a": "b"}, store=False),
    "two choices": asked(HI, n=2),
    "probabilities": asked(HI, logprobs=True, top_logprobs=2),
    "a cache and a tier": asked(HI, prompt_cache_key="k", service_tier="auto"),
}

# Anthropic's messages

TOOL = {"name": "weather", "description": "d", "input_schema": SCHEMA}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
LETTER = {
    "type": "document",
    "title": "a.b_c.pdf",
    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
}
NOTES = {"type": "document", "title": "notes", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
TEXT = {"type": "text", "text": "go on"}
THINKING = {"type": "enabled", "budget_tokens": 2000}


def use(name: str) -> Body:
    """A call."""
    return {"type": "tool_use", "id": name, "name": "weather", "input": {"city": "a", "days": 1}}


def result(name: str, content: Any = "cold", **more: Any) -> Body:
    """Its result."""
    return {"type": "tool_result", "tool_use_id": name, "content": content, **more}


USED = (HI, said("assistant", [use("t1")]))

MESSAGES: dict[str, Body] = {
    "a system in blocks": asked(HI, system=[{"type": "text", "text": "a", **MARK}, TEXT]),
    "text after a result": asked(*USED, said("user", [result("t1"), TEXT]), tools=[TOOL]),
    "a result with a picture": asked(*USED, said("user", [result("t1", [IMAGE, TEXT])]), tools=[TOOL]),
    "an error as a result": asked(*USED, said("user", [result("t1", is_error=True)]), tools=[TOOL]),
    "a result of nothing": asked(*USED, said("user", [{"type": "tool_result", "tool_use_id": "t1"}]), tools=[TOOL]),
    "results in another order": asked(
        HI, said("assistant", [TEXT, use("t1"), use("t2")]), said("user", [result("t2"), result("t1")]), tools=[TOOL]
    ),
    "rounds of calls": asked(
        *USED,
        said("user", [result("t1")]),
        said("assistant", [TEXT, use("t2")]),
        said("user", [result("t2")]),
        tools=[TOOL],
    ),
    "calls, and tools no more": asked(*USED, said("user", [result("t1")]), SO, HI),
    "thinking": asked(HI, max_tokens=4000, thinking=THINKING),
    "thinking and tools": asked(said("user", "use the tool"), max_tokens=4000, thinking=THINKING, tools=[TOOL]),
    "a certain tool": asked(HI, tools=[TOOL], tool_choice={"type": "tool", "name": "weather"}),
    "one call of any tool": asked(HI, tools=[TOOL], tool_choice={"type": "any", "disable_parallel_tool_use": True}),
    "no tool": asked(HI, tools=[TOOL], tool_choice={"type": "none"}),
    "a tool without parameters": asked(HI, tools=[{"name": "clock", "input_schema": {"type": "object"}}]),
    "a document": asked(said("user", [LETTER, TEXT])),
    "a document of text": asked(said("user", [NOTES, TEXT])),
    "a document to be cited": asked(said("user", [{**NOTES, "citations": {"enabled": True}}, TEXT])),
    "two pictures": asked(said("user", [IMAGE, IMAGE, TEXT])),
    "sampling": asked(HI, temperature=0.5, top_k=5, stop_sequences=["x", "y"]),
    "temperature and top_p": asked(HI, temperature=0.5, top_p=0.5),
    "eight stops": asked(HI, stop_sequences=list("abcdefgh")),
    "a schema": asked(HI, output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
    "metadata": asked(HI, metadata={"user_id": "u"}, service_tier="auto"),
    "an assistant last": asked(HI, said("assistant", "I think")),
    "users in a row": asked(HI, HI),
    "marks of a cache": asked(said("user", [{**TEXT, **MARK}]), tools=[{**TOOL, **MARK}]),
}
