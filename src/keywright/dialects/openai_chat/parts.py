"""Content parts as this wire has them, and citations."""

from collections.abc import Iterable
from typing import Final

import msgspec

from keywright.core.json import Json, JsonObject
from keywright.core.message import (
    Audio,
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
from keywright.dialects.openai_chat.fields import NAME
from keywright.dialects.openai_chat.thinking import decode_chunk

UNTITLED: Final = "document.pdf"
"""The file name that a document without a title goes by, since the wire wants one."""

_CONTAINERS: Final = {"mpeg": "mp3", "mp3": "mp3", "x-wav": "wav", "wave": "wav"}


def decode_content(value: Json, path: str) -> list[Part]:
    """A message's `content`: a string, a list of parts, or nothing.

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
    """One content part. Kinds that are not modelled are `Opaque`, and the short forms of sound and files are too."""
    part = Fields(value, path)
    kind = part.needed_text("type")
    mark = cache_mark(part)
    match kind:
        case "text":
            return Text(part.needed_text("text"), cache=mark, extras=part.extras(NAME))
        case "image_url":
            return _image(part, mark)
        case "input_audio" if not isinstance(part.left.get("input_audio"), str):
            return _audio(part, mark)
        case "file" if "file_id" not in part.left:
            return _document(part, mark)
        case "thinking":
            return decode_chunk(part)
        case "refusal":
            return Refusal(part.needed_text("refusal"), extras=part.extras(NAME))
        case _:
            return Opaque(NAME, kind, value)


def cache_mark(fields: Fields) -> CacheMark | None:
    """The `cache_control` that several vendors take on any node.

    It stays among the fields that are left, because a server of this dialect is only sent one that its own client
    wrote: OpenAI refuses it.
    """
    control = fields.left.get("cache_control")
    if not isinstance(control, dict):
        return None
    ttl = control.get("ttl")
    return CacheMark("1h" if ttl == "1h" else "5m" if ttl == "5m" else None)


def _inner(part: Fields, name: str) -> Fields:
    inner = part.object(name)
    if inner is None:
        raise WrongFieldError(part.at(name), "an object")
    return inner


def _image(part: Fields, mark: CacheMark | None) -> Image:
    if isinstance(part.left.get("image_url"), str):  # the short form of some vendors
        return Image(_located(part.needed_text("image_url")), cache=mark, extras=part.extras(NAME))
    inner = _inner(part, "image_url")
    source, detail = _located(inner.needed_text("url")), inner.text("detail")
    if inner.left:
        part.keep("image_url", inner.left)
    return Image(source, detail, mark, part.extras(NAME))


def _audio(part: Fields, mark: CacheMark | None) -> Audio:
    inner = _inner(part, "input_audio")
    form = inner.text("format")
    data = inner.needed_text("data")
    if inner.left:
        part.keep("input_audio", inner.left)
    return Audio(Base64Source(f"audio/{form or 'wav'}", data), form, mark, part.extras(NAME))


def _document(part: Fields, mark: CacheMark | None) -> Document:
    inner = _inner(part, "file")
    data, file_id, title = inner.text("file_data"), inner.text("file_id"), inner.text("filename")
    source: Source
    if data is not None:
        source = _located(data)
        if isinstance(source, UrlSource) and "://" not in data:
            source = Base64Source("application/pdf", data)
        elif isinstance(source, UrlSource):
            inner.keep("file_data", data)  # some vendors take an address here; it goes back to them only
    elif file_id is not None:
        source = FileSource(file_id, NAME)
    else:
        raise WrongFieldError(inner.at("file_data"), "there, or file_id")
    if inner.left:
        part.keep("file", inner.left)
    return Document(source, None if title == UNTITLED else title, cache=mark, extras=part.extras(NAME))


def _located(url: str) -> Base64Source | UrlSource:
    """A `data:` URL's bytes, or the URL."""
    if url.startswith("data:"):
        media_type, comma, data = url[5:].partition(";base64,")
        if comma:
            return Base64Source(media_type, data)
    return UrlSource(url)


def image_url(source: Base64Source | UrlSource) -> str:
    """The URL of a picture, which may hold its bytes."""
    return source.url if isinstance(source, UrlSource) else data_url(source)


def data_url(source: Base64Source) -> str:
    """The bytes as a `data:` URL."""
    return f"data:{source.media_type};base64,{source.data}"


def audio_format(sound: Audio, source: Base64Source) -> str:
    """The container's short name."""
    name = source.media_type.partition("/")[2].partition(";")[0]
    return sound.format or _CONTAINERS.get(name, name)


def file_name(title: str | None, media_type: str) -> str:
    """A document's name, by whose end OpenAI tells its kind."""
    if title is None:
        return UNTITLED
    ending = ".pdf" if media_type == "application/pdf" else ""
    return title if title.lower().endswith(ending) else title + ending


def decode_citations(annotations: Iterable[Json]) -> tuple[Citation, ...]:
    """The citations among a message's `annotations`."""
    found = []
    for annotation in annotations:
        if isinstance(annotation, dict):
            inner = annotation.get("url_citation")
            about = inner if isinstance(inner, dict) else {}
            found.append(
                Citation(
                    origin=NAME,
                    body=annotation,
                    url=_text(about.get("url")),
                    title=_text(about.get("title")),
                    start=_whole(about.get("start_index")),
                    end=_whole(about.get("end_index")),
                )
            )
    return tuple(found)


def encode_citation(citation: Citation, start: int, end: int) -> JsonObject | None:
    """The annotation for a citation of the characters `start` to `end` of the answer, unless it says itself of which.

    None when it has no address, which this wire wants.
    """
    if citation.origin == NAME:
        return citation.body
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url_citation": {
            "url": citation.url,
            "title": citation.title or "",
            "start_index": start,
            "end_index": end,
        },
    }


def with_citations(parts: list[Part], citations: tuple[Citation, ...]) -> list[Part]:
    """`parts`, whose last text carries `citations`; one is made when there is none."""
    if not citations:
        return parts
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if isinstance(part, Text):
            return [*parts[:index], msgspec.structs.replace(part, citations=citations), *parts[index + 1 :]]
    return [*parts, Text("", citations)]


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) else None
