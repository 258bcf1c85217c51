"""Every recorded request of either API, translated to the other: valid there, nothing changed, or refused for a reason.

The numbers of requests that are carried, carried with losses and refused are held, and every reason of a refusal, so
that it is seen when a translation becomes worse.
"""

import json
import re
from collections import Counter

import pytest
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.dialects import anthropic, openai_chat
from tests.conformance.looped import over
from tests.conformance.plain import FILES_FOLLOW, Body, anthropic_said, at_path, openai_said, recorded
from tests.conftest import shared_dir
from tests.standin.chat import ChatWire
from tests.standin.messages import OLD_VERSION, MessagesWire

CLAUDE = Abilities(reasoning="adaptive", output_tokens_max=64_000)
GPT = Abilities(reasoning="effort", output_tokens_field="max_completion_tokens")
NO_MESSAGES = "openai-chat.completions-e5815a298a"  # OpenAI refused it as well

OPENAI_OUTCOMES = {"carried": 299, "with losses": 31, "refused": 14}
OPENAI_REFUSALS = {
    "response_format: the Messages API promises JSON only by a schema: use json_schema": 4,
    "web_search_options: the Messages API has no such field": 5,
    "messages[].content[]: the Messages API takes documents as PDF data, text, blocks, URL or own file": 2,
    "n: the Messages API gives one answer": 2,
    "messages[].content[]: the Messages API takes no audio": 1,
}
ANTHROPIC_OUTCOMES = {"carried": 164, "with losses": 84, "refused": 81}
ANTHROPIC_REFUSALS = {
    "container: OpenAI has no such field": 4,
    "mcp_servers: OpenAI has no such field": 1,
    "messages[].content[].content[]: OpenAI takes no document by address": 1,
    "messages[].content[].content[]: OpenAI's tool messages hold no search_result of anthropic": 1,
    "messages[].content[].content[]: OpenAI's tool messages hold no tool_reference of anthropic": 14,
    "messages[].content[].content[]: the file was uploaded to anthropic": 1,
    "messages[].content[]: OpenAI takes images by address or as data only": 1,
    "messages[].content[]: OpenAI takes no document by address": 3,
    "messages[].content[]: OpenAI's assistant messages hold no server tool call": 18,
    "messages[].content[]: OpenAI's assistant messages hold no server tool result": 17,
    "messages[].content[]: OpenAI's system messages hold no tool_addition of anthropic": 3,
    "messages[].content[]: only anthropic understands compaction": 1,
    "messages[].content[]: only anthropic understands container_upload": 8,
    "tools[]: only anthropic runs the tool advisor_20260301": 5,
    "tools[]: only anthropic runs the tool code_execution_20260120": 11,
    "tools[]: only anthropic runs the tool computer_20250124": 4,
    "tools[]: only anthropic runs the tool computer_20251124": 4,
    "tools[]: only anthropic runs the tool memory_20250818": 2,
    "tools[]: only anthropic runs the tool tool_search_tool_bm25_20251119": 20,
    "tools[]: only anthropic runs the tool tool_search_tool_regex_20251119": 1,
    "tools[]: only anthropic runs the tool web_fetch_20250910": 4,
    "tools[]: only anthropic runs the tool web_search_20250305": 11,
    "tools[]: only anthropic runs the tool web_search_20260318": 1,
}


def exchanges(file: str, endpoint: str) -> list[Body]:
    return [item for item in recorded(file, endpoint) if item["request_json"] and item["id"] != NO_MESSAGES]


OPENAI = exchanges("openai", "chat.completions")
ANTHROPIC = exchanges("anthropic", "messages")


@pytest.fixture(scope="module")
def messages_api() -> MessagesWire:
    return MessagesWire(shared_dir("specs"))


@pytest.fixture(scope="module")
def chat_api() -> ChatWire:
    return ChatWire(shared_dir("specs"))


def to_anthropic(body: Body) -> tuple[Body, tuple[Loss, ...]]:
    request = openai_chat.decode_request(json.dumps(body).encode())
    encoded = anthropic.encode_request(request, "claude-opus-4-5", CLAUDE)
    return json.loads(encoded.body), told(openai_chat, encoded.losses, request)


def to_openai(body: Body) -> tuple[Body, tuple[Loss, ...]]:
    request = anthropic.decode_request(json.dumps(body).encode())
    encoded = openai_chat.encode_request(request, "gpt-5-mini", GPT)
    return json.loads(encoded.body), told(anthropic, encoded.losses, request)


def told(client: Dialect, losses: tuple[Loss, ...], request: Request) -> tuple[Loss, ...]:
    """The losses in the client's words."""
    return tuple(replace(loss, path=client.locate(loss.path, request)) for loss in losses)


def meant(losses: tuple[Loss, ...]) -> tuple[Loss, ...]:
    return tuple(loss for loss in losses if loss.weight == "meaning")


def outcome(losses: tuple[Loss, ...]) -> str:
    return "refused" if meant(losses) else "with losses" if losses else "carried"


def reason(loss: Loss) -> str:
    return re.sub(r"\[\d+\]", "[]", loss.path) + ": " + loss.why


def openai_cannot_be_said(body: Body, loss: Loss) -> bool:
    """Whether the Messages API really has nothing for what stands at the loss's path."""
    value = at_path(body, loss.path)
    match loss.path:
        case "n":
            return bool(value > 1)
        case "response_format":
            return bool(value["type"] == "json_object")
        case "web_search_options":
            return isinstance(value, dict)
        case _:
            return value["type"] == "input_audio" or "file_id" in value["file"]


SERVED = ("tool_search_", "web_", "code_execution", "advisor", "computer", "memory", "text_editor", "bash", "mcp_")
ONLY_THERE = {"container_upload", "compaction", "tool_reference", "search_result", "tool_addition"}


def anthropic_cannot_be_said(body: Body, loss: Loss) -> bool:
    """Whether chat completions really have nothing for what stands at the loss's path."""
    value = at_path(body, loss.path)
    if loss.path in ("container", "mcp_servers"):
        return bool(value)
    kind = value["type"]
    if kind in ("document", "image"):
        return value["source"]["type"] == "file" or (kind, value["source"]["type"]) == ("document", "url")
    if kind == "server_tool_use" or kind.endswith("_tool_result") or kind == "mcp_tool_use":
        return True
    return kind in ONLY_THERE or kind.startswith(SERVED)


@over("item", OPENAI, ids=lambda item: item["id"])
def test_a_chat_completion_reaches_the_messages_api(item: Body, messages_api: MessagesWire) -> None:
    body = item["request_json"]
    translated, losses = to_anthropic(body)
    if refused := meant(losses):
        assert all(openai_cannot_be_said(body, loss) for loss in refused)
        return
    messages_api.check(translated, {"anthropic-version": OLD_VERSION})
    lost = {loss.path for loss in losses}
    assert without_position(anthropic_said(translated), lost) == without_position(openai_said(body["messages"]), lost)
    check_knobs_of_openai(body, translated, lost)


def without_position(said: list[tuple[str, ...]], lost: set[str]) -> list[tuple[str, ...]]:
    """`said`, where leading system text that became the user's only turn (a declared loss) counts as that."""
    return [("text", *rest) if kind == "system" and "messages" in lost else (kind, *rest) for kind, *rest in said]


def check_knobs_of_openai(body: Body, translated: Body, lost: set[str]) -> None:
    tools = [tool["function"] for tool in body.get("tools") or ()] + (body.get("functions") or [])
    assert [tool_of_anthropic(tool) for tool in translated.get("tools", [])] == [
        (tool["name"], tool.get("description"), objects(tool.get("parameters")), tool.get("strict")) for tool in tools
    ]
    stop = body.get("stop") or []
    assert translated.get("stop_sequences", []) == ([stop] if isinstance(stop, str) else stop)
    assert bool(translated.get("stream")) == bool(body.get("stream"))
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    assert translated["max_tokens"] == (limit or CLAUDE.output_tokens_max)
    for knob in ("temperature", "top_p"):
        assert translated.get(knob) == body.get(knob) or knob in lost
    form = body.get("response_format") or {"type": "text"}
    wanted = None if form["type"] == "text" else {"type": "json_schema", "schema": form["json_schema"]["schema"]}
    assert translated.get("output_config", {}).get("format") == wanted
    assert (translated.get("metadata") or {}).get("user_id") == body.get("user")
    assert choice_of_anthropic(translated) == choice_of_openai(body)


def tool_of_anthropic(tool: Body) -> tuple[object, ...]:
    return tool["name"], tool.get("description"), tool["input_schema"], tool.get("strict")


def objects(schema: Body | None) -> Body:
    """A schema as the Messages API wants it: it says that it is an object."""
    return {"type": "object", "properties": {}} if schema is None else {"type": "object", **schema}


def choice_of_anthropic(body: Body) -> tuple[str, str | None, bool | None]:
    """What must or may be called: the kind in OpenAI's words, the tool's name, whether in parallel."""
    choice = body.get("tool_choice") or {}
    kind: str = choice.get("type", "auto")
    kind = {"any": "required", "tool": "named"}.get(kind, kind)
    disabled = choice.get("disable_parallel_tool_use")
    return kind, choice.get("name"), None if disabled is None else not disabled


def choice_of_openai(body: Body) -> tuple[str, str | None, bool | None]:
    if not body.get("tools") and not body.get("functions"):
        return "auto", None, None
    choice = body.get("tool_choice") or body.get("function_call") or "auto"
    parallel = body.get("parallel_tool_calls")
    if isinstance(choice, str):
        return choice, None, None if choice == "none" else parallel
    return "named", (choice.get("function") or choice)["name"], parallel


@over("item", ANTHROPIC, ids=lambda item: item["id"])
def test_a_message_reaches_chat_completions(item: Body, chat_api: ChatWire) -> None:
    body = item["request_json"]
    translated, losses = to_openai(body)
    if refused := meant(losses):
        assert all(anthropic_cannot_be_said(body, loss) for loss in refused)
        return
    chat_api.check(translated, {})
    wanted, said = anthropic_said(body), openai_said(translated["messages"])
    if ("text", FILES_FOLLOW) in said:  # the files of tools' results stand behind the results
        said.remove(("text", FILES_FOLLOW))
        wanted.sort()
        said.sort()
    assert said == wanted
    check_knobs_of_anthropic(body, translated, {loss.path for loss in losses})


def check_knobs_of_anthropic(body: Body, translated: Body, lost: set[str]) -> None:
    tools = translated.get("tools", [])
    for index, (tool, wanted) in enumerate(zip(tools, body.get("tools") or (), strict=True)):
        function = tool["function"]
        assert (function["name"], function.get("description"), function["parameters"]) == tool_of_anthropic(wanted)[:3]
        assert function.get("strict") == wanted.get("strict") or f"tools[{index}].strict" in lost
    assert translated.get("stop", []) == (body.get("stop_sequences") or [])
    assert bool(translated.get("stream")) == bool(body.get("stream"))
    assert translated["max_completion_tokens"] == body["max_tokens"]
    for knob in ("temperature", "top_p"):
        assert translated.get(knob) == body.get(knob)
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    wanted_schema = (translated.get("response_format") or {}).get("json_schema", {}).get("schema")
    assert wanted_schema == form.get("schema")
    assert translated.get("user") == (body.get("metadata") or {}).get("user_id")
    if tools:
        kind, name, parallel = choice_of_anthropic(body)
        assert choice_of_openai(translated) == (kind, name, None if kind == "none" else parallel)


def test_every_loss_names_a_field_of_the_request() -> None:
    for items, translate in ((OPENAI, to_anthropic), (ANTHROPIC, to_openai)):
        for item in items:
            for loss in translate(item["request_json"])[1]:
                assert named(item["request_json"], loss.path), (item["id"], loss)


def named(body: Body, path: str) -> bool:
    if path == "cache_control":
        return '"cache_control"' in json.dumps(body)
    try:
        at_path(body, path)
    except (LookupError, TypeError, ValueError):
        return False
    return True


def test_as_many_chat_completions_are_carried_as_ever() -> None:
    losses = [to_anthropic(item["request_json"])[1] for item in OPENAI]
    assert Counter(map(outcome, losses)) == OPENAI_OUTCOMES
    assert Counter(reason(loss) for each in losses for loss in meant(each)) == OPENAI_REFUSALS


def test_as_many_messages_are_carried_as_ever() -> None:
    losses = [to_openai(item["request_json"])[1] for item in ANTHROPIC]
    assert Counter(map(outcome, losses)) == ANTHROPIC_OUTCOMES
    assert Counter(reason(loss) for each in losses for loss in meant(each)) == ANTHROPIC_REFUSALS


def test_everything_recorded_is_here() -> None:
    assert (len(OPENAI), len(ANTHROPIC)) == (344, 329)
