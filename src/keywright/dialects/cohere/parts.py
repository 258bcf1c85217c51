"""Content items, documents and citations as this wire has them.

A document is a mapping of names to texts that the model reads and may cite. Canonically it is its text (the `text` of
a mapping of title and text; the only text of a mapping of one; else the mapping as JSON), and the client's own mapping
goes along in the extras, so that it goes out to Cohere as it came.
"""

from typing import Final

import msgspec

from keywright.core.json import Extras, Json, JsonObject
from keywright.core.message import (
    Base64Source,
    BlocksSource,
    Citation,
    Document,
    Image,
    Opaque,
    Part,
    PlainSource,
    Text,
    Thinking,
    UrlSource,
)
from keywright.dialects.cohere.fields import DOCUMENT, NAME, own
from keywright.dialects.documents import plain_text
from keywright.dialects.fields import Fields, WrongFieldError

CITED_TEXT: Final = "TEXT_CONTENT"


def decode_content(value: Json, path: str) -> list[Part]:
    """A message's `content`: a string, a list of items, or nothing.

    Raises:
        WrongFieldError: it is none of these, or an item is malformed.
    """
    if value is None:
        return []
    if isinstance(value, str):
        return [Text(value)]
    if isinstance(value, list):
        return [decode_item(item, f"{path}[{index}]") for index, item in enumerate(value)]
    raise WrongFieldError(path, "a string or an array of content items")


def decode_item(value: Json, path: str) -> Part:
    """One content item; one of an unknown type is carried whole."""
    item = Fields(value, path)
    kind = item.text("type") or "text"
    match kind:
        case "text":
            return Text(item.needed_text("text"), extras=item.extras(NAME))
        case "thinking":
            return Thinking(item.needed_text("thinking"), origin=NAME, extras=item.extras(NAME))
        case "image_url":
            return _image(item)
        case "document":
            return Text(whole_text(item.left.get("document")), extras={NAME: {DOCUMENT: item.left.get("document")}})
        case _:
            return Opaque(NAME, kind, value)


def _image(item: Fields) -> Image:
    if isinstance(item.left.get("image_url"), str):
        return Image(_located(item.needed_text("image_url")), extras=item.extras(NAME))
    inner = item.object("image_url")
    if inner is None:
        raise WrongFieldError(item.at("image_url"), "an object")
    source, detail = _located(inner.needed_text("url")), inner.text("detail")
    if inner.left:
        item.keep("image_url", inner.left)
    return Image(source, detail, extras=item.extras(NAME))


def _located(url: str) -> Base64Source | UrlSource:
    """A `data:` URL's bytes, or the URL."""
    if url.startswith("data:"):
        media_type, found, data = url[5:].partition(";base64,")
        if found:
            return Base64Source(media_type, data)
    return UrlSource(url)


def image_url(source: Base64Source | UrlSource) -> str:
    """The URL of a picture, which may hold its bytes."""
    if isinstance(source, UrlSource):
        return source.url
    return f"data:{source.media_type};base64,{source.data}"


def decode_document(value: Json) -> Document:
    """One of a request's `documents`: a text, or an object with `data` and an `id`."""
    data = value.get("data") if isinstance(value, dict) else value
    extras: Extras = {NAME: {DOCUMENT: value}}
    if isinstance(data, dict) and isinstance(data.get("text"), str) and data.keys() <= {"text", "title"}:
        title, text = data.get("title"), data["text"]
        assert isinstance(text, str)
        return Document(PlainSource(text), title if isinstance(title, str) else None, extras=extras)
    return Document(PlainSource(whole_text(value)), extras=extras)


def whole_text(value: Json) -> str:
    """Everything that a document says, as text: its only text, or its data as JSON."""
    data = value.get("data", value) if isinstance(value, dict) else value
    if isinstance(data, dict) and len(data) == 1:
        (data,) = data.values()
    return data if isinstance(data, str) else msgspec.json.encode(data).decode()


def document_text(document: Document) -> str | None:
    """The text of a document of text; None when it is none."""
    if isinstance(document.source, BlocksSource):
        parts = document.source.parts
        texts = [part.text for part in parts if isinstance(part, Text)]
        return "\n".join(texts) if len(texts) == len(parts) else None
    return plain_text(document.source)


def encode_document(document: Document, text: str) -> Json:
    """A document of the request. What else is known of it is read by the model as well."""
    if (raw := own(document.extras).get(DOCUMENT)) is not None:
        return raw
    data: JsonObject = {}
    if document.title is not None:
        data["title"] = document.title
    if document.context is not None:
        data["context"] = document.context
    return {"data": {**data, "text": text}}


def decode_citation(body: JsonObject) -> Citation:
    """A citation, with the address and the title of its first source, where it has them."""
    sources = body.get("sources")
    about: JsonObject = {}
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict):
            found = source.get("document") or source.get("tool_output")
            about = found if isinstance(found, dict) else {}
            break
    start, end = body.get("start"), body.get("end")
    url, title = about.get("url"), about.get("title")
    return Citation(
        origin=NAME,
        body=body,
        url=url if isinstance(url, str) else None,
        title=title if isinstance(title, str) else None,
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
    )


def encode_citation(citation: Citation, text: str, content_index: int) -> JsonObject:
    """The citation of `text`, the content item `content_index`; all of the text, unless the citation says which."""
    if citation.origin == NAME:
        return citation.body
    start = 0 if citation.start is None else citation.start
    end = len(text) if citation.end is None else citation.end
    known = (("title", citation.title), ("url", citation.url), ("text", citation.cited_text))
    document: JsonObject = {name: value for name, value in known if value is not None}
    source: JsonObject = {"type": "document", "id": citation.url or citation.title or "document", "document": document}
    return {
        "start": start,
        "end": end,
        "text": text[start:end],
        "sources": [source],
        "type": CITED_TEXT,
        "content_index": content_index,
    }


def cites_text(body: JsonObject) -> bool:
    """Whether a citation is of the answer's text, not of its plan or thinking."""
    return body.get("type") in (None, CITED_TEXT)


def with_citations(parts: list[Part], items: int, citations: list[Json]) -> tuple[list[Part], list[Json]]:
    """`parts` with the citations of their texts, and the citations that belong to no text.

    The content items are the first `items` parts; without an index, a citation is of the last text.
    """
    texts = [index for index, part in enumerate(parts[:items]) if isinstance(part, Text)]
    found: dict[int, list[Citation]] = {}
    rest: list[Json] = []
    for body in citations:
        index = body.get("content_index") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not texts or not cites_text(body):
            rest.append(body)
        else:
            found.setdefault(index if isinstance(index, int) and index in texts else texts[-1], []).append(
                decode_citation(body)
            )
    for index, cited in found.items():
        part = parts[index]
        assert isinstance(part, Text)
        parts[index] = msgspec.structs.replace(part, citations=tuple(cited))
    return parts, rest
