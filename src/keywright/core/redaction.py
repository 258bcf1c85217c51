"""The last line: no secret in what is logged, told or kept, whoever put it there.

What holds a secret refuses to become text (`core.secret`), and what a provider answers is cleared of the key that it
was asked with (`pipeline.redacted`). This is for what neither thought of: an exception of some library with a header in
it, a provider's words with another key. It knows the values that are loaded now, plain and as they look in URLs, in
JSON and in base64, and what keys look like (`patterns`). A secret becomes `<secret FINGERPRINT>`, so that it can still
be told which one it was.

It is for texts of people: log records, errors, notes. Bodies that pass through are not searched for forms: what a
client writes to a model is theirs.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from re import Match
from typing import Final
from urllib.parse import quote

from keywright.core.patterns import FORMS
from keywright.core.secret import Secret

VALUES_MAX: Final = 10_000
"""So many values are known at most; the oldest are forgotten."""

VALUE_CHARACTERS_MIN: Final = 8
"""A shorter value is a word that may stand anywhere."""

TEXT_CHARACTERS_MAX: Final = 65_536
"""What is longer is cut before it is searched: a log is no place for it."""


class Redactor:
    """Hides the secrets that it was told of (`know`), and what looks like one."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def know(self, secret: Secret) -> None:
        """Hide this value from now on. One that counts no longer stays known: it may still be told of."""
        value = secret.reveal()
        if len(value) < VALUE_CHARACTERS_MIN:
            return
        shown = f"<secret {secret.fingerprint}>"
        for form in _forms(value):
            self._known[form] = shown
        while len(self._known) > VALUES_MAX:
            del self._known[next(iter(self._known))]

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        if len(text) > TEXT_CHARACTERS_MAX:
            text = text[:TEXT_CHARACTERS_MAX] + "…"
        for value, shown in self._known.items():
            if value in text:
                text = text.replace(value, shown)
        return hide_forms(text)


def hide_forms(text: str) -> str:
    """`text` without what looks like a key, whosever it is."""
    lower = text.lower()
    for form in FORMS:
        if form.hint in lower:
            text = form.pattern.sub(_hidden, text)
    return text


def _forms(value: str) -> Iterator[str]:
    """`value` as it may stand in a text. In base64 what is told is the part that does not depend on its neighbours."""
    yield value
    yield quote(value, safe="")
    yield json.dumps(value)[1:-1]
    raw = value.encode()
    for before in range(3):
        part = raw[(3 - before) % 3 :]
        yield b64encode(part[: len(part) // 3 * 3]).decode()


def _hidden(match: Match[str]) -> str:
    whole = match[0]
    if "secret" not in match.re.groupindex:
        return _shown(whole)
    start, end = match.start("secret") - match.start(), match.end("secret") - match.start()
    return whole[:start] + _shown(match["secret"]) + whole[end:]


def _shown(text: str) -> str:
    return f"<secret {Secret(text).fingerprint}>"
