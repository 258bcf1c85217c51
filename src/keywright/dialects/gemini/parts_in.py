"""Parts, as clients and the API write them, to canonical parts.

Where a signature of the model's thinking stands is part of what it says, so it stays with its part: it is the
signature of a thought, an extra of a text or a call, and a part with nothing but a signature is thinking that only
the API can read. What the API runs itself (code, searches) and what has no canonical kind (video) is kept whole.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from keywright.core.json import Extras, Json
from keywright.core.message import (
    Audio,
    Base64Source,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    UrlSource,
)
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.gemini.ids import Calls
from keywright.dialects.gemini.wire import NAME, inner, listed, message, respelled
from keywright.dialects.seal import is_seal

SIGNATURE: Final = "thoughtSignature"
CODE: Final = "code_execution"

INVALID_JSON: Final = "INVALID_JSON"
"""The only member of `args` that stands for arguments which are no JSON object."""

OUTPUT: Final = "output"
ERROR: Final = "error"
"""The members of a function's response by which the API's SDKs say what it gave, and that it failed."""

_KINDS: Final = frozenset(
    {
        "text",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
    }
)
_STANDARD: Final = str.maketrans("-_", "+/")
_AUDIO: Final = {"mpeg": "mp3", "mp3": "mp3", "x-wav": "wav", "wave": "wav", "wav": "wav"}
_STORED: Final = ("gs://", "https://generativelanguage.googleapis.com/")
_VIDEOS: Final = ("youtu.be/", "youtube.com/")


def part_of(value: Json, path: str, calls: Calls) -> Part:
    """The part that one wire part is.

    Raises:
        WrongFieldError: it is no object, or what it holds is of the wrong type.
    """
    part = message(value, path)
    kinds = _KINDS & part.left.keys()
    if len(kinds) != 1:
        return _bare(part, value)
    (kind,) = kinds
    if kind == "text":
        return _text(part)
    return _READERS[kind](part, value, calls)


def _bare(part: Fields, value: Json) -> Part:
    """A part that holds nothing, or something that is not known."""
    signature = part.left.get(SIGNATURE)
    if part.left.keys() == {SIGNATURE} and isinstance(signature, str):
        return RedactedThinking(signature, NAME)
    if part.left.keys() <= {"thought", SIGNATURE} and part.left.get("thought") is True:
        return Thinking("", part.text(SIGNATURE), NAME)  # a thought without its words
    return Opaque(NAME, next((name for name in part.left if name not in ("thought", SIGNATURE)), "part"), value)


def _text(part: Fields) -> Text | Thinking | RedactedThinking:
    text = part.needed_text("text")
    if len(part.left) == 0:
        return Text(text)
    if part.flag("thought") or (text and is_seal(part.left.get(SIGNATURE))):
        return Thinking(text, part.text(SIGNATURE), NAME, part.extras(NAME))
    if not text and SIGNATURE in part.left:
        return RedactedThinking(part.needed_text(SIGNATURE), NAME, part.extras(NAME))
    return Text(text, extras=part.extras(NAME))


def _inline_data(part: Fields, value: Json, _: Calls) -> Part:
    blob = inner(part, "inlineData")
    assert blob is not None
    media_type, data = blob.text("mimeType"), blob.needed_text("data")
    if media_type is None:
        return Opaque(NAME, "inlineData", value)
    source = Base64Source(media_type, _standard(data))
    if blob.left:
        part.keep("inlineData", blob.left)
    return _media(source, media_type, part.extras(NAME)) or Opaque(NAME, "inlineData", respelled(value))


def _file_data(part: Fields, value: Json, _: Calls) -> Part:
    file = inner(part, "fileData")
    assert file is not None
    media_type, address = file.text("mimeType"), file.needed_text("fileUri")
    source: Source
    if media_type is None or any(host in address for host in _VIDEOS):
        return Opaque(NAME, "fileData", respelled(value))
    if address.startswith(_STORED) or "://" not in address:
        source = FileSource(address, NAME)
        file.keep("mimeType", media_type)
    else:
        source = UrlSource(address, media_type)
    if file.left:
        part.keep("fileData", file.left)
    return _media(source, media_type, part.extras(NAME)) or Opaque(NAME, "fileData", respelled(value))


def _media(source: Source, media_type: str, extras: Extras) -> Part | None:
    """The part for data of `media_type`; None when there is no canonical kind for it."""
    kind, _, container = media_type.lower().partition(";")[0].partition("/")
    match kind:
        case "image":
            return Image(source, extras=extras)
        case "audio":
            return Audio(source, _AUDIO.get(container, container), extras=extras)
        case "video":
            return None
        case _:
            return Document(source, extras=extras)


def _standard(data: str) -> str:
    """Base64 in its standard letters, padded: proto3 JSON takes those for addresses too."""
    if "-" in data or "_" in data:
        data = data.translate(_STANDARD)
    return data + "=" * (-len(data) % 4)


def _function_call(part: Fields, _: Json, calls: Calls) -> ToolCall:
    call = inner(part, "functionCall")
    assert call is not None
    name, told = call.text("name") or "", call.text("id")
    arguments = arguments_of(call.json("args"), call.at("args"))
    if call.left:
        part.keep("functionCall", call.left)
    return ToolCall(calls.called(told, name), name, arguments, extras=part.extras(NAME))


def arguments_of(args: Json, path: str) -> str:
    """The arguments, as JSON text, of a call with `args`.

    Raises:
        WrongFieldError: they are no object.
    """
    if args is None:
        return "{}"
    if not isinstance(args, dict):
        raise WrongFieldError(path, "an object")
    if len(args) == 1 and isinstance(text := args.get(INVALID_JSON), str):
        return text
    return msgspec.json.encode(args).decode()


def _function_response(part: Fields, _: Json, calls: Calls) -> ToolResult:
    said = inner(part, "functionResponse")
    assert said is not None
    name, told = said.text("name"), said.text("id")
    texts, failed = _answer(said.json("response"))
    call_id = calls.answered(told, name or "")
    files = tuple(part_of(file, said.at(f"parts[{at}]"), calls) for at, file in enumerate(listed(said, "parts")))
    if said.left:
        part.keep("functionResponse", said.left)
    return ToolResult(call_id, (*texts, *files), failed, name, extras=part.extras(NAME))


def _answer(response: Json) -> tuple[tuple[Part, ...], bool]:
    """What a function gave, as texts, and whether it failed. An object that is more than that is its own text."""
    if not response:
        return (), False
    if isinstance(response, dict) and len(response) == 1:
        (member,) = response
        if member in (OUTPUT, ERROR):
            texts = texts_in(response[member])
            if texts:
                return tuple(map(Text, texts)), member == ERROR
    return (Text(response if isinstance(response, str) else msgspec.json.encode(response).decode()),), False


def texts_in(value: Json) -> list[str]:
    """A text, or several of them; none when it is something else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and len(value) > 1:
        texts = [text for text in value if isinstance(text, str)]
        return texts if len(texts) == len(value) else []
    return []


def _executable_code(part: Fields, value: Json, calls: Calls) -> ServerToolCall:
    code = message(part.left["executableCode"], part.at("executableCode"))
    call_id = calls.called(code.text("id"), CODE)
    return ServerToolCall(NAME, call_id, CODE, _text_of(code.left), _whole(value))


def _code_result(part: Fields, value: Json, calls: Calls) -> ServerToolResult:
    result = message(part.left["codeExecutionResult"], part.at("codeExecutionResult"))
    return ServerToolResult(NAME, calls.answered(result.text("id"), CODE), "codeExecutionResult", _whole(value))


def _tool_call(part: Fields, value: Json, calls: Calls) -> ServerToolCall:
    call = message(part.left["toolCall"], part.at("toolCall"))
    told, name = call.text("id"), str(call.json("toolType") or "")
    return ServerToolCall(NAME, calls.called(told, name), name, _text_of(call.json("args") or {}), _whole(value))


def _tool_response(part: Fields, value: Json, calls: Calls) -> ServerToolResult:
    answer = message(part.left["toolResponse"], part.at("toolResponse"))
    told, name = answer.text("id"), str(answer.json("toolType") or "")
    return ServerToolResult(NAME, calls.answered(told, name), "toolResponse", _whole(value))


def _whole(value: Json) -> dict[str, Json]:
    """The part itself: what it says of its kind may hold words of the tool's own, which keep their spelling."""
    part = message(value).left
    return {name: message(said).left if isinstance(said, dict) else said for name, said in part.items()}


def _text_of(value: Json) -> str:
    return msgspec.json.encode(value).decode()


_READERS: Final[dict[str, Callable[[Fields, Json, Calls], Part]]] = {
    "inlineData": _inline_data,
    "fileData": _file_data,
    "functionCall": _function_call,
    "functionResponse": _function_response,
    "executableCode": _executable_code,
    "codeExecutionResult": _code_result,
    "toolCall": _tool_call,
    "toolResponse": _tool_response,
}
