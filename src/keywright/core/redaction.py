"""The last line: no secret in what is logged, told or kept, whoever put it there.

What holds a secret refuses to become text (`core.secret`), and what a provider answers is cleared of the key that it
was asked with (`pipeline.redacted`). This is for what neither thought of: an exception of some library with a header in
it, a provider's words with another key. It knows the values that are loaded now, plain, in base64 and in hexadecimal
digits, and what keys look like (`patterns`); escaped and broken over lines it finds them too (`readings`). A secret
becomes `<secret FINGERPRINT>`, so that it can still be told which one it was.

It is for texts of people: log records, errors, notes, and what a provider says when it refuses. Bodies that pass
through are not searched for forms: what a client writes to a model is theirs.

Values are found by their first eight characters: one look at each place of a text, however many are known. (One
expression of all values takes a look at each place for each value; an automaton in Python is ten times slower.)
"""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from keywright.core.patterns import FORMS, Form
from keywright.core.readings import Reading, readings
from keywright.core.secret import Secret

VALUES_MAX: Final = 10_000
"""So many values are known at most; the oldest are forgotten."""

VALUE_CHARACTERS_MIN: Final = 8
"""A shorter value is a word that may stand anywhere."""

LINE_CHARACTERS_MIN: Final = 32
"""A line of a value of several lines (a private key) is a secret by itself if it is so long."""

TEXT_CHARACTERS_MAX: Final = 65_536
"""What is longer is cut, for a log is no place for it,"""

MARGIN_CHARACTERS: Final = 16_384
"""behind a search that goes so much further: what the cut would halve is found whole."""

PIECE_CHARACTERS_MIN: Final = 8
"""A shorter word at the beginning of a line is no rest of a key."""

_LINE: Final = re.compile(rf"[A-Za-z0-9+/=_-]{{{LINE_CHARACTERS_MIN},}}")
_CHANCE: Final = re.compile(r"(?=[^A-Za-z]*[A-Za-z])(?=\D*\d)|.*[a-z][A-Z]|[A-Z]+$", re.DOTALL)
"""What a piece of a key is and a word is not: with a digit among its letters, or a capital within, or all capitals."""


class Span(Struct, frozen=True, gc=False, order=True):
    """What is hidden of a text, and what is `shown` there."""

    start: int
    end: int
    shown: str


class Redactor:
    """Hides the secrets that it was told of (`know`), and what looks like one."""

    def __init__(self) -> None:
        self._forms: dict[str, tuple[str, ...]] = {}
        self._known: dict[str, tuple[tuple[str, str], ...]] = {}

    def know(self, secret: Secret) -> None:
        """Hide this value from now on. One that counts no longer stays known: it may still be told of."""
        value, fingerprint = secret.reveal(), secret.fingerprint
        if len(value) < VALUE_CHARACTERS_MIN:
            return
        forms = self._forms.pop(fingerprint, None)
        if forms is None:
            forms = tuple({form for form in _forms(value) if len(form) >= VALUE_CHARACTERS_MIN})
            self._learn(forms, f"<secret {fingerprint}>")
        self._forms[fingerprint] = forms
        while len(self._forms) > VALUES_MAX:
            oldest = next(iter(self._forms))
            self._forget(self._forms.pop(oldest), f"<secret {oldest}>")

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        if len(text) <= TEXT_CHARACTERS_MAX:
            return hide_forms(self._hide_known(text))
        searched = text[: TEXT_CHARACTERS_MAX + MARGIN_CHARACTERS]
        shown = hide_forms(self._hide_known(searched))
        if len(searched) < len(text):
            shown = shown[:-MARGIN_CHARACTERS]
        return shown[:TEXT_CHARACTERS_MAX] + "…"

    def _learn(self, forms: Iterable[str], shown: str) -> None:
        for form in forms:
            head = form[:VALUE_CHARACTERS_MIN]
            known = (*self._known.get(head, ()), (form, shown))
            self._known[head] = tuple(sorted(known, key=_length, reverse=True))

    def _forget(self, forms: Iterable[str], shown: str) -> None:
        for form in forms:
            head = form[:VALUE_CHARACTERS_MIN]
            left = tuple(pair for pair in self._known[head] if pair != (form, shown))
            if left:
                self._known[head] = left
            else:
                del self._known[head]

    def _hide_known(self, text: str) -> str:
        spans = [span for reading in readings(text) for span in self._known_in(reading)] if self._known else []
        return _cleared(text, spans)

    def _known_in(self, reading: Reading) -> Iterator[Span]:
        text, known, size = reading.text, self._known, VALUE_CHARACTERS_MIN
        for at in [at for at in range(len(text) - size + 1) if text[at : at + size] in known]:
            for form, shown in known.get(text[at : at + size], ()):
                if text.startswith(form, at):
                    yield Span(*reading.place(at, at + len(form)), shown)
                    break


def hide_forms(text: str) -> str:
    """`text` without what looks like a key, whosever it is."""
    spans: list[Span] = []
    for reading in readings(text):
        lower = reading.text.lower()
        found = [form for form in FORMS if form.hint in lower]
        if found:
            spans += _joined(reading, found, spans) if reading.is_joined else _formed(reading, found)
    return _cleared(text, spans)


def hide_forms_in(body: bytes) -> bytes:
    """`body` without what looks like a key. What is no UTF-8 stays as it is."""
    return hide_forms(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _formed(reading: Reading, forms: Iterable[Form]) -> Iterator[Span]:
    for form in forms:
        group = "secret" if "secret" in form.pattern.groupindex else 0
        for match in form.pattern.finditer(reading.text):
            yield Span(*reading.place(*match.span(group)), _shown(match[group]))


def _joined(reading: Reading, forms: Iterable[Form], spans: Iterable[Span]) -> Iterator[Span]:
    """Keys that line ends cut. Of what follows a line end counts what looks like chance: the next line may be none of
    the key. A form that is known by its neighbours must have been found before (`spans`), up to the line end, or what
    there is of it must look like chance too.
    """
    starts = {span.start for span in spans}
    for form in forms:
        group = "secret" if "secret" in form.pattern.groupindex else 0
        for match in form.pattern.finditer(reading.text):
            start, end = match.span(group)
            breaks = reading.broken(start, end)
            while breaks and not _is_chance(reading.text[breaks[-1] : end]):
                end = breaks.pop()
            if not breaks:
                continue
            place = reading.place(start, end)
            if form.is_marked or place[0] in starts or _is_chance(reading.text[start : breaks[0]]):
                yield Span(*place, _shown(reading.text[start:end]))


def _is_chance(piece: str) -> bool:
    return len(piece) >= PIECE_CHARACTERS_MIN and _CHANCE.match(piece) is not None


def _cleared(text: str, spans: list[Span]) -> str:
    """`text` with `spans` hidden. Of those that overlap, the first one is told of."""
    if not spans:
        return text
    pieces: list[str] = []
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start >= end:
            pieces += (text[end : span.start], span.shown)
        end = max(end, span.end)
    return "".join((*pieces, text[end:]))


def _forms(value: str) -> Iterator[str]:
    """`value` as it may stand in a text. In base64 what is told is the part that does not depend on its neighbours."""
    for reading in readings(value):
        yield reading.text
    yield value.replace(" ", "+")
    for line in value.replace("\\n", "\n").splitlines():
        if _LINE.fullmatch(line):
            yield line
    raw = value.encode()
    for before in range(3):
        part = raw[(3 - before) % 3 :]
        whole = part[: len(part) // 3 * 3]
        yield b64encode(whole).decode()
        yield urlsafe_b64encode(whole).decode()
    yield raw.hex()
    yield raw.hex().upper()


def _shown(text: str) -> str:
    return f"<secret {Secret(text.encode('utf-8', 'replace').decode()).fingerprint}>"


def _length(known: tuple[str, str]) -> int:
    return len(known[0])
