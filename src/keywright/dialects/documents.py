"""Documents that are text, for wires that take text only."""

import base64

from keywright.core.message import Base64Source, BlocksSource, FileSource, PlainSource, Source, UrlSource


def plain_text(source: Source) -> str | None:
    """The text of a document that is text; None for any other, and for one whose bytes are not what they are said to
    be.
    """
    match source:
        case PlainSource():
            return source.text
        case Base64Source() if source.media_type.startswith("text/"):
            try:
                return base64.b64decode(source.data, validate=True).decode()
            except ValueError:
                return None
        case Base64Source() | UrlSource() | FileSource() | BlocksSource():
            return None
