"""Content parts as this wire has them, read and written, and citations.

Clients send `input_text`, `input_image` and `input_file`; models send `output_text` and `refusal`. What is not
modelled is `Opaque`. Uploaded files are the same for chat completions, so they are canonical in its name.
"""

from collections.abc import Iterable
from typing import Final

from keywright.core.json import Json, JsonObject
from keywright.core.message import (
    Base64Source,
    CacheMark,
    Citation,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
    Refusal,
    Source,
    Text,
    UrlSource,
)
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.openai_chat.parts import UNTITLED, data_url, file_name, image_url
from keywright.dialects.openai_responses.fields import CHAT, NAME, text_or_none, whole_or_none

BREAKPOINT: Final = "breakpoint"
"""The extra of a part that the prompt's cache ends with, as the client said it in `BREAKPOINT_FIELD`."""

BREAKPOINT_FIELD: Final = "prompt_cache_breakpoint"

FILE_ORIGINS: Final = frozenset((CHAT, NAME))
"""The dialects whose uploaded files servers of this one know."""

_PDF: Final = "application/pdf"


def decode_content(value: Json, path: str) -> list[Part]:
    """A message's `content`, or a result's `output`: a string, a list of parts, or nothing.

    Raises:
        WrongFieldError: it is none of these, or a part is malformed.
    """
    if value is None:
        return []
    if isinstance(value, str):
        return [Text(value)]
    if isinstance(value, list):
        return [decode_part(item, f"{path}[{index}]") for index, item in enumerate(value)]
    raise WrongFieldError(path, "a string or an array of parts")


def decode_part(value: Json, path: str) -> Part:
    """One content part. Kinds that are not modelled are `Opaque`."""
    if isinstance(value, str):  # as some servers shorten it
        return Text(value)
    part = Fields(value, path)
    kind = part.needed_text("type")
    match kind:
        case "input_text" | "output_text" | "text":
            return decode_text(part)
        case "refusal":
            return Refusal(part.needed_text("refusal"), extras=part.extras(NAME))
        case "input_image":
            return _image(part)
        case "input_file":
            return _document(part)
        case _:
            return Opaque(NAME, kind, value)


def decode_text(part: Fields) -> Text:
    """A text, with its citations. Log probabilities belong to the answer, not to the part."""
    part.json("logprobs")
    if part.left.get("refusal", ...) is None:
        part.json("refusal")  # some servers write it into every text
    citations, mark = decode_citations(part.array("annotations")), _cache_mark(part)
    return Text(part.needed_text("text"), citations, mark, part.extras(NAME))


def _cache_mark(part: Fields) -> CacheMark | None:
    """The mark that the prompt is cached up to this part. How it was said goes back to this dialect only."""
    said = part.json(BREAKPOINT_FIELD)
    if not isinstance(said, dict):
        return None
    part.keep(BREAKPOINT, said)
    return CacheMark("1h" if said.get("ttl") == "12h" else None)


def _image(part: Fields) -> Image:
    url, file_id, detail = part.text("image_url"), part.text("file_id"), part.text("detail")
    source: Source
    if url is not None:
        source = _located(url)
    elif file_id is not None:
        source = FileSource(file_id, CHAT)
    else:
        raise WrongFieldError(part.at("image_url"), "there, or file_id")
    mark = _cache_mark(part)
    return Image(source, None if detail == "auto" else detail, mark, part.extras(NAME))


def _document(part: Fields) -> Document:
    data, url, file_id = part.text("file_data"), part.text("file_url"), part.text("file_id")
    title = part.text("filename")
    source: Source
    if data is not None:
        source = _located(data)
        if isinstance(source, UrlSource):
            source = Base64Source(_PDF, data)
    elif url is not None:
        source = UrlSource(url)
    elif file_id is not None:
        source = FileSource(file_id, CHAT)
    else:
        raise WrongFieldError(part.at("file_data"), "there, or file_url or file_id")
    mark = _cache_mark(part)
    return Document(source, None if title == UNTITLED else title, cache=mark, extras=part.extras(NAME))


def _located(url: str) -> Base64Source | UrlSource:
    """A `data:` URL's bytes, or the URL."""
    if url.startswith("data:"):
        media_type, comma, data = url[5:].partition(";base64,")
        if comma:
            return Base64Source(media_type, data)
    return UrlSource(url)


def encode_image(part: Image) -> JsonObject | None:
    """The content part; None when its source cannot be said."""
    inner: JsonObject = {"type": "input_image", "detail": part.detail or "auto"}
    match part.source:
        case Base64Source() | UrlSource():
            return {**inner, "image_url": image_url(part.source)}
        case FileSource() if part.source.dialect in FILE_ORIGINS:
            return {**inner, "file_id": part.source.file_id}
        case _:
            return None


def encode_document(part: Document) -> JsonObject | None:
    """The content part; None when its source cannot be said."""
    named: JsonObject = {"type": "input_file"}
    match part.source:
        case Base64Source() as source:
            return {**named, "filename": file_name(part.title, source.media_type), "file_data": data_url(source)}
        case UrlSource() as source:
            return {**named, "file_url": source.url}
        case FileSource() as source if source.dialect in FILE_ORIGINS:
            return {**named, "file_id": source.file_id}
        case _:
            return None


def decode_citations(annotations: Iterable[Json]) -> tuple[Citation, ...]:
    """The citations among a text's `annotations`."""
    return tuple(decode_citation(item) for item in annotations if isinstance(item, dict))


def decode_citation(annotation: JsonObject) -> Citation:
    """One annotation. Some servers nest its fields as chat completions do."""
    inner = annotation.get("url_citation")
    about = inner if isinstance(inner, dict) else annotation
    return Citation(
        origin=NAME,
        body=annotation,
        url=text_or_none(about.get("url")),
        title=text_or_none(about.get("title")) or text_or_none(about.get("filename")),
        start=whole_or_none(about.get("start_index")),
        end=whole_or_none(about.get("end_index")),
    )


def encode_citation(citation: Citation, end: int) -> JsonObject | None:
    """The annotation for a citation of a text of `end` characters, unless it says itself of which of them.

    None when it has no address, which this wire wants.
    """
    if citation.origin == NAME:
        return citation.body
    if citation.url is None:
        return None
    within = citation.origin == CHAT and citation.start is not None and citation.end is not None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start if within else 0,
        "end_index": citation.end if within else end,
    }
