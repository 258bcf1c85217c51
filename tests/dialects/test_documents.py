"""Documents that are text are told from those that are not."""

import pytest

from keywright.core.message import Base64Source, BlocksSource, FileSource, PlainSource, Source, UrlSource
from keywright.dialects.documents import plain_text


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (PlainSource("t"), "t"),
        (PlainSource(""), ""),
        (Base64Source("text/plain", "aMOpbGxv"), "héllo"),
        (Base64Source("text/plain", "not base64!"), None),
        (Base64Source("text/plain", "/w=="), None),
        (Base64Source("application/pdf", "YQ=="), None),
        (UrlSource("https://x/a.txt", "text/plain"), None),
        (FileSource("f", "x"), None),
        (BlocksSource(()), None),
    ],
)
def test_only_text_is_text(source: Source, wanted: str | None) -> None:
    assert plain_text(source) == wanted
