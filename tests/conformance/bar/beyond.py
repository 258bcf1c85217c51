"""What one dialect says and another really cannot be told: judged by the JSON at the field for which it is refused."""

from collections.abc import Iterator
from typing import Any, Final

TOOLS: Final = "tools that the provider runs or defines"
DONE: Final = "what such tools did, in the history"
UPLOADED: Final = "files that were uploaded to the provider, or lie in its cloud"
KEPT: Final = "what the provider keeps: conversations, caches, containers, background work"
MEDIA: Final = "media that the API does not take"
FORMS: Final = "forms of answers that the API has not"
OWN: Final = "content and settings of the provider's own"

FIELDS: Final[dict[str, str]] = {
    "previous_response_id": KEPT,
    "background": KEPT,
    "container": KEPT,
    "cachedContent": KEPT,
    "mcp_servers": TOOLS,
    "web_search_options": TOOLS,
    "guardrailConfig": OWN,
    "suffix": FORMS,
    "n": FORMS,
}
"""Members of requests by their names."""

KINDS: Final[dict[str, str]] = {
    "server_tool_use": DONE,
    "mcp_tool_use": DONE,
    "mcp_tool_result": DONE,
    "mcp_list_tools": DONE,
    "mcp_call": DONE,
    "tool_reference": DONE,
    "tool_addition": DONE,
    "additional_tools": DONE,
    "executableCode": DONE,
    "codeExecutionResult": DONE,
    "toolCall": DONE,
    "toolResponse": DONE,
    "container_upload": UPLOADED,
    "file_id": UPLOADED,
    "s3Location": UPLOADED,
    "compaction": KEPT,
    "search_result": OWN,
    "searchResult": OWN,
    "guardContent": OWN,
}
"""Parts and items, by their `type` or by a member that says what they are."""

ENDINGS: Final = (
    "_search_call",
    "_interpreter_call",
    "_interpreter_result",
    "_tool_result",
    "tool_search_output",
    "_generation_call",
)
"""How the types of what a provider's tools did end, beside `tool_result`, which is the client's."""

STORED: Final = ("https://generativelanguage.googleapis.com/", "gs://")
UNHEARD: Final[dict[str, tuple[str, ...]]] = {
    "anthropic": ("audio", "video"),
    "bedrock_invoke": ("audio", "video"),
    "bedrock_converse": ("audio",),
    "openai_chat": ("video",),
    "gemini": (),
}
"""The kinds of media that the API of a target has no place for."""


def beyond(target: str, path: str, value: Any) -> str | None:
    """Why `target` cannot be told `value`, which stands at `path` of the request; None when it could be."""
    field = path.rpartition(".")[2].partition("[")[0]
    if path.startswith(("tools[", "toolConfig.tools[")):
        return None if value is None or _is_function(value) else TOOLS
    if field in FIELDS:
        return FIELDS[field] if value else None
    if field in ("response_format", "format", "responseMimeType"):
        return FORMS if target in ("anthropic", "bedrock_invoke") and _is_bare_json(value) else None
    if field == "prompt":
        return FORMS if isinstance(value, list) else None
    return _content(target, value)


def _is_function(tool: Any) -> bool:
    """Whether a tool is the client's own: of no kind that the provider knows by name, and it says what it takes."""
    inner = tool.get("function") or tool
    return tool.get("type") in (None, "function", "custom") and any(
        name in inner for name in ("parameters", "input_schema", "parametersJsonSchema", "inputSchema")
    )


def _is_bare_json(form: Any) -> bool:
    """Whether JSON is wanted without a schema."""
    kind = form.get("type") if isinstance(form, dict) else form
    return kind in ("json_object", "json", "application/json") and not (isinstance(form, dict) and "schema" in form)


def _content(target: str, part: Any) -> str | None:
    marks = set(_marks(part))
    known = next((kind for mark, kind in KINDS.items() if mark in marks), None)
    if known is not None:
        return known
    if any(mark.endswith(ENDINGS) for mark in marks if mark != "tool_result"):
        return DONE
    if any(mark.startswith(STORED) for mark in marks):
        return UPLOADED
    return MEDIA if _is_unheard(target, marks) else None


def _is_unheard(target: str, marks: set[str]) -> bool:
    """Whether a part is of a medium that the target does not take."""
    kinds = UNHEARD.get(target, ())
    if any(mark.startswith(kinds) or mark.removeprefix("input_").startswith(kinds) for mark in marks if kinds):
        return True
    by_address = any(mark.startswith(("https://", "http://")) for mark in marks)
    document = any(mark in marks for mark in ("document", "document_url", "input_file", "file", "application/pdf"))
    if target == "openai_chat" and by_address:
        return document or any(mark.startswith("audio/") for mark in marks)
    office = {"docx", "xlsx"} & marks
    return target in ("anthropic", "bedrock_invoke") and bool(office)


def _marks(value: Any, depth: int = 4) -> Iterator[str]:
    """The names of members, and the short texts, of a part."""
    if isinstance(value, str):
        yield value[:200]
    elif isinstance(value, list) and depth:
        for each in value:
            yield from _marks(each, depth - 1)
    elif isinstance(value, dict) and depth:
        for name, inner in value.items():
            yield name
            yield from _marks(inner, depth - 1)
