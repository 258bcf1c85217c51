"""What is given to a model, part by part: the content of messages of users and systems, and of tools' results.

What the wire cannot say, and its image:
- a plain-text document: its text, as a text part; a document made of blocks: the blocks; their titles are knob losses;
- a PDF whose title does not end with `.pdf`: it does, since OpenAI goes by that;
- sound, another dialect's uploaded file or opaque part: meaning is lost;
- a mark for the prompt's cache: a knob loss, unless the server wants such marks.
"""

from typing import Final, assert_never

from keywright.core.json import Json, JsonObject
from keywright.core.message import (
    Audio,
    BlocksSource,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
    PlainSource,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from keywright.dialects.openai_responses.content import BREAKPOINT, BREAKPOINT_FIELD, encode_document, encode_image
from keywright.dialects.openai_responses.fields import INSTRUCTIONS, ITEM, NAME, own
from keywright.dialects.openai_responses.reasoning import RAW
from keywright.dialects.openai_responses.target import Target

_MARKS: Final = frozenset((BREAKPOINT, ITEM, INSTRUCTIONS, RAW))
_NO_MARKS: Final = "OpenAI caches by itself and refuses marks"


def given_content(part: Part, path: str, target: Target) -> list[Json]:
    """The content parts for a part that was given to the model; none when it is lost."""
    encoded: JsonObject | None
    match part:
        case Text():
            encoded = {"type": "input_text", "text": part.text}
        case Image():
            if not target.abilities.images:
                target.meaning(path, "the model cannot see images")
                return []
            encoded = encode_image(part)
        case Document():
            return _document(part, path, target)
        case Audio():
            target.meaning(path, "the Responses API takes no sound")
            return []
        case Opaque() if part.origin == NAME:
            return [part.body]
        case Opaque() | ServerToolCall() | ServerToolResult():
            target.meaning(path, f"only {part.origin} understands {kind_of(part)}")
            return []
        case Refusal() | ToolCall() | ToolResult() | Thinking() | RedactedThinking():
            target.meaning(path, f"what is given to a model holds no {kind_of(part)}")
            return []
        case _:
            assert_never(part)
    if encoded is None:
        target.meaning(path, _no_source(part))
        return []
    return [_finished(encoded, part, path, target)]


def _document(part: Document, path: str, target: Target) -> list[Json]:
    if part.context is not None:
        target.knob(f"{path}.context", "OpenAI has no context of a document")
    if part.citations:
        target.knob(f"{path}.citations", "OpenAI cannot be asked to cite from a document")
    source = part.source
    if isinstance(source, PlainSource | BlocksSource):
        check_part(part, path, target)
        if part.title is not None:
            target.knob(f"{path}.title", "a document of text is sent as text, without its title")
        if isinstance(source, PlainSource):
            return [{"type": "input_text", "text": source.text}]
        return [
            each
            for index, piece in enumerate(source.parts)
            for each in given_content(piece, f"{path}.parts[{index}]", target)
        ]
    encoded = encode_document(part)
    if encoded is None:
        target.meaning(path, _no_source(part))
    elif not target.abilities.documents:
        target.meaning(path, "the model cannot read documents")
    else:
        return [_finished(encoded, part, path, target)]
    return []


def _finished(encoded: JsonObject, part: Part, path: str, target: Target) -> JsonObject:
    """`encoded` with what the client said beside it, and the mark of the cache, where the server wants such."""
    extra = own(part.extras) if isinstance(part, Text | Image | Document) else {}
    if is_marked(part, target) and BREAKPOINT not in extra:
        return {**encoded, **unmarked(extra), BREAKPOINT_FIELD: {"mode": "explicit"}}
    check_part(part, path, target)
    return {**encoded, **unmarked(extra)}


def is_marked(part: Part, target: Target) -> bool:
    """Whether the prompt is to be cached up to a part, by a server that wants to be told."""
    return target.abilities.cache_marks and getattr(part, "cache", None) is not None


def check_part(part: Part, path: str, target: Target) -> None:
    """Report what a part says beside its content."""
    extra: JsonObject = {}
    if isinstance(part, Text | Image | Document | Audio) and part.extras:
        extra = target.extras(part.extras, path)
    if getattr(part, "cache", None) is not None and BREAKPOINT not in extra:
        target.knob(f"{path}.cache", _NO_MARKS)


def unmarked(extra: JsonObject) -> JsonObject:
    """What the wire itself said, without our notes on where it stood and how."""
    if not extra:
        return extra
    said: JsonObject = {field: value for field, value in extra.items() if field not in _MARKS}
    if BREAKPOINT in extra:
        said[BREAKPOINT_FIELD] = extra[BREAKPOINT]
    return said


def _no_source(part: Part) -> str:
    source = part.source if isinstance(part, Image | Document) else None
    if isinstance(source, FileSource):
        return f"the file was uploaded to {source.dialect}"
    return "the Responses API takes images by address, as data or as uploaded files only"


def kind_of(part: Part) -> str:
    """What a part is, in words."""
    if isinstance(part, Opaque):
        return part.kind
    return str(part.__struct_config__.tag).replace("_", " ")
