"""Whether everything that a request says stands in its translation: each text, each tool, all data.

The wires put texts in different places and under different names, so that only this is asked: does each text of the
conversation, wherever it stood, occur in some text of the translation? Thinking, which is its provider's own, and
settings are left out.
"""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Final

WORDS: Final = frozenset(
    ("text", "content", "instructions", "prompt", "system", "output", "input", "inputText", "message")
)
"""The members that hold what is said, when they hold a text."""

ARGUMENTS: Final = frozenset(("arguments", "input", "args"))
"""The members that hold a call's arguments, as a text or as an object, beside the tool's name."""

TOOLS: Final = frozenset(("tools", "functions", "toolConfig"))
"""The members of requests that offer tools."""

DATA: Final = frozenset(("data", "bytes", "file_data", "url", "uri", "fileUri"))
"""The members that hold a picture, a sound or a document, or its address."""

PRIVATE: Final = frozenset(
    (
        "thinking",
        "redacted_thinking",
        "reasoning",
        "reasoning_details",
        "reasoningContent",
        "citations",
        "annotations",
    )
)
"""Members, and types, of which nothing need be carried."""

OFFERED: Final = frozenset(("name", "description"))
"""The members of tools that are looked for."""

CHARS_MIN: Final = 3
"""Shorter texts prove nothing."""


def missing(asked: dict[str, Any], translated: Any) -> list[str]:
    """The texts of a request that are nowhere in its translation, cut short."""
    held = "\0".join(_leaves(translated))
    talk = {name: value for name, value in asked.items() if name not in TOOLS}
    said = dict.fromkeys((*_said(talk), *_offered(asked)))
    return [text[:80] for text in said if not _stands(text, held)]


def _offered(asked: dict[str, Any]) -> Iterator[str]:
    """What the client's tools are called, and what is said of them; nothing where some may not be called."""
    config = asked.get("toolConfig") or {}
    choice = [config.get("toolChoice"), config.get("functionCallingConfig"), asked.get("tool_choice")]
    if any(word in json.dumps(choice).lower() for word in ("none", "name")):
        return iter(())
    return _members([asked.get("tools"), asked.get("functions"), config.get("tools")], OFFERED)


def _members(value: Any, names: frozenset[str]) -> Iterator[str]:
    """The texts of the members of these names, wherever they stand."""
    if isinstance(value, list):
        for each in value:
            yield from _members(each, names)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in names and isinstance(inner, str) and inner:
                yield inner
            yield from _members(inner, names)


def _stands(text: str, held: str) -> bool:
    """Whether a text is among those held: as it is, within JSON that is itself a text, or, being JSON, as a value."""
    if text in held:
        return True
    if json.dumps(text)[1:-1] in held or json.dumps(text, ensure_ascii=False)[1:-1] in held:
        return True
    try:
        value = json.loads(text)
    except ValueError:
        return _decoded(text) in held
    return isinstance(value, dict | list) and all(leaf in held for leaf in _leaves(value))


def _decoded(data: str) -> str:
    """What a document of text says that came as data; the data itself, when it is none."""
    try:
        return b64decode(data + "=" * (-len(data) % 4), validate=True).decode()
    except ValueError:
        return data


def _said(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _said(each, name)
    elif isinstance(value, dict):
        if not _is_private(value):
            yield from _called(value)
            for key, inner in value.items():
                if key not in PRIVATE:
                    yield from _said(inner, key)
    elif isinstance(value, str) and len(value.strip()) >= CHARS_MIN:
        if name in WORDS:
            yield value.strip()
        elif name in DATA:
            yield _plain(value)


def _called(part: dict[str, Any]) -> Iterator[str]:
    """The tool and the arguments of a call."""
    for name in ARGUMENTS & part.keys() if "name" in part else ():
        yield part["name"]
        arguments = part[name]
        if isinstance(arguments, str):
            yield arguments or part["name"]
        else:
            yield from _leaves(arguments or {})


def _is_private(part: dict[str, Any]) -> bool:
    kind = part.get("type")
    return part.get("thought") is True or (isinstance(kind, str) and kind in PRIVATE)


def _plain(data: str) -> str:
    """Data in one spelling, without the wrapping in which it came; an address, or a plain text, as it is."""
    if "://" in data[:20] or " " in data.rpartition(";base64,")[2]:
        return data
    return data.rpartition(";base64,")[2].rstrip("=").replace("-", "+").replace("_", "/")


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _leaves(inner)
    else:
        yield value if isinstance(value, str) else json.dumps(value)
