"""What clients of five more dialects ask, in their own bodies, without the model: what `programs` has for two."""

from typing import Any

from tests.conformance.sdk import PDF, PIXEL
from tests.conformance.sdks.programs import BRIEF, HI, PICTURE, SCHEMA, SO, WEATHER, WORDS, Body, asked, said

# OpenAI's Responses

FUNCTION = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}
CALL = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"a","days":1}'}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "cold"}
SHOWN = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
FILED = {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
SPOKEN = {"type": "input_text", "text": "look"}
MADE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "b", "annotations": []}],
}


def items(*given: Body, **fields: Any) -> Body:
    """A request of the Responses API."""
    return {"input": list(given), **fields}


RESPONSES: dict[str, Body] = {
    "a string": {"input": "hi", "instructions": "be brief"},
    "a developer": items(said("developer", "x"), HI),
    "a picture": items(said("user", [SPOKEN, SHOWN])),
    "a file": items(said("user", [SPOKEN, FILED])),
    "an assistant's words": items(HI, SO, HI),
    "an assistant's message": items(HI, MADE, HI),
    "a call": items(HI, CALL, OUTPUT, tools=[FUNCTION]),
    "a call, and tools no more": items(HI, CALL, OUTPUT),
    "two calls at once": items(HI, CALL, {**CALL, "call_id": "call_2"}, OUTPUT, {**OUTPUT, "call_id": "call_2"}),
    "two calls in turn": items(HI, CALL, OUTPUT, {**CALL, "call_id": "call_2"}, {**OUTPUT, "call_id": "call_2"}),
    "a list as output": items(HI, CALL, {**OUTPUT, "output": [SPOKEN]}, tools=[FUNCTION]),
    "a schema": items(HI, text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}),
    "any JSON": items(said("user", "json"), text={"format": {"type": "json_object"}}),
    "a certain tool": items(HI, tools=[FUNCTION], tool_choice={"type": "function", "name": "weather"}),
    "any tool": items(HI, tools=[FUNCTION], tool_choice="required"),
    "a free-text tool": items(HI, tools=[{"type": "custom", "name": "patch", "description": "d"}]),
    "settings": items(HI, temperature=0.5, top_p=0.9, max_output_tokens=50, truncation="auto", metadata={"a": "b"}),
    "an agent": items(
        said("developer", [SPOKEN]),
        HI,
        instructions="z",
        tools=[FUNCTION],
        parallel_tool_calls=False,
        reasoning={"effort": "medium", "summary": "auto"},
        store=False,
        include=["reasoning.encrypted_content"],
        prompt_cache_key="k",
    ),
}

# Gemini

DECLARATION = {
    "name": "weather",
    "description": "d",
    "parameters": {
        "type": "OBJECT",
        "properties": {
            "city": {"type": "STRING", "nullable": True},
            "days": {"type": "ARRAY", "items": {"type": "INTEGER"}},
        },
        "required": ["city"],
    },
}
TOOLS = [{"functionDeclarations": [DECLARATION]}]
CALLED = {"functionCall": {"name": "weather", "args": {"city": "x"}}}
TOLD = {"functionResponse": {"name": "weather", "response": {"result": {"degrees": 3}}}}
TEXT = {"text": "look"}


def turn(role: str, *parts: Body) -> Body:
    """A content."""
    return {"role": role, "parts": list(parts)}


def contents(*given: Body, config: Body | None = None, **fields: Any) -> Body:
    """A request of Gemini's."""
    return {"contents": list(given), **({"generationConfig": config} if config else {}), **fields}


def calling(mode: str, *names: str) -> Body:
    """A choice among tools."""
    return {"functionCallingConfig": {"mode": mode, **({"allowedFunctionNames": list(names)} if names else {})}}


ASK, SAY = turn("user", TEXT), turn("model", {"text": "b"})

GEMINI: dict[str, Body] = {
    "no role": contents({"parts": [TEXT]}),
    "a system": contents(ASK, systemInstruction={"parts": [TEXT, TEXT]}),
    "turns": contents(ASK, SAY, turn("user", TEXT, TEXT)),
    "a call": contents(ASK, turn("model", CALLED), turn("user", TOLD), SAY, ASK, tools=TOOLS),
    "two calls at once": contents(ASK, turn("model", TEXT, CALLED, CALLED), turn("user", TOLD, TOLD), SAY, ASK),
    "an error": contents(
        ASK,
        turn("model", {"functionCall": {"name": "weather"}}),
        turn("user", {"functionResponse": {"name": "weather", "response": {"error": "bad"}}}),
        SAY,
        ASK,
        tools=TOOLS,
    ),
    "a function of nothing": contents(ASK, tools=[{"functionDeclarations": [{"name": "clock", "description": "d"}]}]),
    "any function": contents(ASK, tools=TOOLS, toolConfig=calling("ANY")),
    "a certain function": contents(ASK, tools=TOOLS, toolConfig=calling("ANY", "weather")),
    "no function": contents(ASK, tools=TOOLS, toolConfig=calling("NONE")),
    "a picture": contents(turn("user", {"inlineData": {"mimeType": "image/png", "data": PIXEL}}, TEXT)),
    "a document": contents(turn("user", {"inlineData": {"mimeType": "application/pdf", "data": PDF}}, TEXT)),
    "a text": contents(turn("user", {"inlineData": {"mimeType": "text/plain", "data": "YWJj"}}, TEXT)),
    "a schema": contents(
        ASK, config={"responseMimeType": "application/json", "responseSchema": DECLARATION["parameters"]}
    ),
    "a JSON schema": contents(ASK, config={"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}),
    "any JSON": contents(ASK, config={"responseMimeType": "application/json"}),
    "sampling": contents(
        ASK, config={"temperature": 1.5, "topP": 0.9, "topK": 40, "maxOutputTokens": 99, "stopSequences": ["x"]}
    ),
    "thoughts": contents(ASK, config={"thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True}}),
    "an earlier thought": contents(ASK, turn("model", {"text": "hm", "thought": True}, TEXT), ASK),
    "safety": contents(ASK, safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]),
    "a search": contents(ASK, tools=[{"googleSearch": {}}]),
    "an empty text": contents(turn("user", {"text": ""}, TEXT)),
}

# Bedrock's Converse

SPEC = {"toolSpec": {"name": "weather", "description": "d", "inputSchema": {"json": SCHEMA}}}
USE = {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "x", "days": 1}}}
POINT = {"cachePoint": {"type": "default"}}
DRAWN = {"image": {"format": "png", "source": {"bytes": PIXEL}}}


def blocks(role: str, *content: Body) -> Body:
    """A message of Converse."""
    return {"role": role, "content": list(content)}


def used(*content: Body, status: str = "success") -> tuple[Body, ...]:
    """A question, a call, and its result."""
    result = {"toolResult": {"toolUseId": "tooluse_1", "content": list(content), "status": status}}
    return blocks("user", TEXT), blocks("assistant", TEXT, USE), blocks("user", result)


TOLD_BY, GIVEN = blocks("user", TEXT), {"toolConfig": {"tools": [SPEC]}}

CONVERSE: dict[str, Body] = {
    "a system": asked(TOLD_BY, system=[TEXT, POINT]),
    "settings": asked(TOLD_BY, inferenceConfig={"maxTokens": 50, "temperature": 0.5, "stopSequences": ["x"]}),
    "a result": asked(*used({"json": {"a": 1}}), **GIVEN),
    "an error": asked(*used(TEXT, status="error"), **GIVEN),
    "a result with a picture": asked(*used(TEXT, DRAWN), **GIVEN),
    "a mark behind the tools": asked(TOLD_BY, toolConfig={"tools": [SPEC, POINT]}),
    "any tool": asked(TOLD_BY, toolConfig={"tools": [SPEC], "toolChoice": {"any": {}}}),
    "a certain tool": asked(TOLD_BY, toolConfig={"tools": [SPEC], "toolChoice": {"tool": {"name": "weather"}}}),
    "a picture": asked(blocks("user", DRAWN, TEXT)),
    "a document": asked(blocks("user", {"document": {"format": "pdf", "name": "a", "source": {"bytes": PDF}}}, TEXT)),
    "a text": asked(blocks("user", {"document": {"format": "txt", "name": "a", "source": {"bytes": "YWJj"}}}, TEXT)),
    "thinking": asked(
        TOLD_BY,
        inferenceConfig={"maxTokens": 3000},
        additionalModelRequestFields={"thinking": {"type": "enabled", "budget_tokens": 1024}},
    ),
    "a mark": asked(blocks("user", TEXT, POINT)),
    "an assistant last": asked(TOLD_BY, blocks("assistant", TEXT)),
    "a guardrail": asked(TOLD_BY, guardrailConfig={"guardrailIdentifier": "abc", "guardrailVersion": "1"}),
}

# Cohere

PLANNED = {
    "role": "assistant",
    "tool_plan": "I will",
    "tool_calls": [{"id": "w1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
}


def answered(content: Any) -> tuple[Body, ...]:
    """A question, a call, and its result."""
    return HI, PLANNED, {"role": "tool", "tool_call_id": "w1", "content": content}


COHERE: dict[str, Body] = {
    "a system": asked(BRIEF, HI),
    "a result": asked(*answered("cold"), tools=[WEATHER]),
    "a document as result": asked(
        *answered([{"type": "document", "document": {"data": {"a": "b"}, "id": "1"}}]), tools=[WEATHER]
    ),
    "a tool that must be called": asked(HI, tools=[WEATHER], tool_choice="REQUIRED"),
    "no tool": asked(HI, tools=[WEATHER], tool_choice="NONE"),
    "strict tools": asked(HI, tools=[WEATHER], strict_tools=True),
    "documents": asked(HI, documents=[{"id": "1", "data": {"text": "x"}}, "y"], citation_options={"mode": "FAST"}),
    "any JSON": asked(said("user", "a json"), response_format={"type": "json_object"}),
    "a schema": asked(HI, response_format={"type": "json_object", "json_schema": SCHEMA}),
    "sampling": asked(HI, temperature=0.3, k=10, p=0.9, seed=1, frequency_penalty=0.1, stop_sequences=["x"]),
    "a picture": asked(said("user", [WORDS, PICTURE])),
    "probabilities and safety": asked(HI, logprobs=True, safety_mode="NONE"),
}

# Ollama


def function_called(*arguments: Body) -> Body:
    """An assistant's message with calls."""
    calls = [{"function": {"name": "weather", "arguments": each}} for each in arguments]
    return {**said("assistant", ""), "tool_calls": calls}


HEARD = {"role": "tool", "tool_name": "weather", "content": "cold"}

OLLAMA: dict[str, Body] = {
    "a system": asked(BRIEF, HI),
    "options": asked(HI, options={"temperature": 0.3, "top_k": 40, "num_predict": 50, "stop": ["x"], "num_ctx": 4096}),
    "no limit": asked(HI, options={"num_predict": -1}),
    "a picture": asked({**HI, "images": [PIXEL]}),
    "any JSON": asked(said("user", "json"), format="json"),
    "a schema": asked(HI, format=SCHEMA),
    "no thoughts": asked(HI, think=False),
    "a call": asked(HI, function_called({"city": "x", "days": 1}), HEARD, tools=[WEATHER]),
    "two calls at once": asked(HI, function_called({}, {"city": "y", "days": 2}), HEARD, HEARD, tools=[WEATHER]),
    "an earlier thought": asked(HI, {**SO, "thinking": "hm"}, HI, keep_alive="5m"),
}
