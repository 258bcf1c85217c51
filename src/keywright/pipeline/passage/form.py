"""A multipart form, followed as it passes: where the field `model` stands, and that there is no second one.

Policy must read exactly the field that the provider will read. Readers of forms differ in nearly everything: line ends,
white space after a boundary, quoting and escapes in names, two fields of one name, charsets, folded headers. So this
reader takes one plain form of each, which every client library writes, and refuses all else; what it takes has one
reading. The form is followed to its end while it goes upstream, so a second `model` behind a file ends the sending
before the provider has the whole of the form, which is then no request.

Sans-IO: `feed` it, look at `model`. Rejected: a library's push parser. Those at hand (multipart, python-multipart) are
lenient where this must be strict, and give parts and pieces of them, not where in the body they stand.
"""

import re
from typing import Final, Literal, NoReturn, TypeAlias

from msgspec import Struct

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure

FIELD: Final = b"model"
VALUE_BYTES_MAX: Final = 512
HEAD_BYTES_MAX: Final = 4096
PARTS_MAX: Final = 256
BOUNDARY_BYTES_MAX: Final = 70

_State: TypeAlias = Literal["opening", "delimited", "head", "data", "ended"]

_PARAMETER: Final = re.compile(
    rb';[ \t]*([A-Za-z][A-Za-z*-]*)=(?:"((?:[^"\\\r\n]|\\[^\r\n])*)"|([!#$%&\'*+.0-9A-Z^_`a-z{|}~-]+))[ \t]*'
)
_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z()+_,./:=?-]+")
_PLAIN_ENCODINGS: Final = frozenset({b"7bit", b"8bit", b"binary"})
_UTF_8: Final = frozenset({b"utf-8", b"utf8", b"us-ascii"})
_CHARSET: Final = b"_charset_"
"""A field by which HTML's forms say in which charset all others are."""
_PART_HEADERS: Final = frozenset({b"content-disposition", b"content-type", b"content-length"})


class Place(Struct, frozen=True):
    """The value of a field, and where it stands in the body."""

    value: str
    start: int
    end: int


class Part(Struct, frozen=True):
    """A part of a form, by its headers. `is_plain`: a text, which all read as UTF-8."""

    name: bytes
    is_plain: bool


class FormReader:
    """Follows one form. `model`: the field of that name, once it has come; `ended`: the form is complete."""

    __slots__ = ("_at", "_delimiter", "_held", "_is_model", "_parts", "_state", "model")

    def __init__(self, boundary: bytes) -> None:
        self.model: Place | None = None
        self._delimiter = b"--" + boundary
        self._state: _State = "opening"
        self._held = b""  # not read yet
        self._at = 0  # where that begins in the body
        self._parts = 0
        self._is_model = False

    @property
    def ended(self) -> bool:
        """Whether the form's end has come."""
        return self._state == "ended"

    def feed(self, data: bytes) -> None:
        """The next bytes of the body, cut anywhere.

        Raises:
            RefusedError: 400 `invalid_form`, it is no plain form, or has a second field `model`.
        """
        self._held += data
        while self._step():
            pass

    def require_end(self) -> None:
        """Return when the form was complete where its body ended.

        Raises:
            RefusedError: 400 `invalid_form`.
        """
        if not self.ended:
            refuse("it breaks off")

    def _step(self) -> bool:
        """Read one thing, if it is there."""
        match self._state:
            case "opening":
                return self._opened()
            case "delimited":
                return self._delimited()
            case "head":
                return self._head()
            case "data":
                return self._data()
            case "ended":
                if len(self._held) > 2 or not b"\r\n".startswith(self._held):
                    refuse("something follows its end")
                return False

    def _opened(self) -> bool:
        """The first delimiter, at the very beginning."""
        if not self._delimiter.startswith(self._held[: len(self._delimiter)]):
            refuse("it does not begin with its boundary")
        if len(self._held) < len(self._delimiter):
            return False
        self._take(len(self._delimiter))
        self._state = "delimited"
        return True

    def _delimited(self) -> bool:
        """What follows a delimiter: a line end, or the mark of the last one."""
        if len(self._held) < 2:
            return False
        mark = self._held[:2]
        self._take(2)
        if mark == b"--":
            self._state = "ended"
        elif mark == b"\r\n":
            self._state = "head"
            self._parts += 1
            if self._parts > PARTS_MAX:
                refuse(f"it has more than {PARTS_MAX} parts")
        else:
            refuse("its boundary does not end with its line")
        return True

    def _head(self) -> bool:
        """The headers of a part."""
        end = self._held.find(b"\r\n\r\n")
        if max(end, len(self._held) - 4 if end < 0 else 0) > HEAD_BYTES_MAX:
            refuse(f"the head of a part has more than {HEAD_BYTES_MAX} bytes")
        if end < 0:
            return False
        part = part_of(self._held[:end])
        self._is_model = part.name == FIELD
        if self._is_model and self.model is not None:
            refuse("the field model comes twice")
        if self._is_model and not part.is_plain:
            refuse("the field model is a file, or in another charset than UTF-8")
        if not self._is_model and _is_nearly(part.name):
            refuse("a field has nearly the name model, or changes how names are read")
        self._take(end + 4)
        self._state = "data"
        return True

    def _data(self) -> bool:
        """The content of a part, up to the next delimiter."""
        held, at = self._held, self._held.find(self._delimiter)
        if at < 0:
            if self._is_model:
                if len(held) > VALUE_BYTES_MAX + len(self._delimiter) + 2:
                    refuse(f"the field model has more than {VALUE_BYTES_MAX} bytes")
            else:
                self._take(max(0, len(held) - len(self._delimiter) - 1))
            return False
        if at < 2 or held[at - 2 : at] != b"\r\n":
            refuse("its boundary stands where no line ends")
        if self._is_model:
            self.model = self._value(held[: at - 2])
        self._take(at + len(self._delimiter))
        self._state = "delimited"
        return True

    def _value(self, text: bytes) -> Place:
        if len(text) > VALUE_BYTES_MAX:
            refuse(f"the field model has more than {VALUE_BYTES_MAX} bytes")
        try:
            value = text.decode()
        except UnicodeDecodeError:
            refuse("the field model is not UTF-8")
        if not value or not value.isprintable() or value != value.strip():
            refuse("the field model holds no name of a model")
        return Place(value, self._at, self._at + len(text))

    def _take(self, size: int) -> None:
        self._held = self._held[size:]
        self._at += size


def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a form's content type names.

    Raises:
        RefusedError: 400 `invalid_form`, it is no form's, or names none that every reader understands.
    """
    kind, parameters = _read(content_type)
    if kind.lower() != b"multipart/form-data":
        refuse("its content-type must be multipart/form-data")
    named = [value for name, value in parameters if name == b"boundary"]
    if len(named) != 1 or len(named[0]) > BOUNDARY_BYTES_MAX or not _BOUNDARY.fullmatch(named[0]):
        refuse("its content-type must name one plain boundary")
    others = [parameter for parameter in parameters if parameter[0] != b"boundary"]
    if any(name != b"charset" or value.lower() not in _UTF_8 for name, value in others):
        refuse("its content-type may say no more than a boundary, and that names are UTF-8")
    return named[0]


def part_of(head: bytes) -> Part:
    """What the headers of a part say of it.

    Raises:
        RefusedError: 400 `invalid_form`, they are not plain.
    """
    dispositions, is_plain = [], True
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name = name.lower()
        if name == b"content-transfer-encoding" and value.strip().lower() in _PLAIN_ENCODINGS:
            continue
        if not colon or name not in _PART_HEADERS or b"\r" in value or b"\n" in value:
            refuse(f"a part has a header that is not taken: {name[:40].decode('ascii', 'replace')!r}")
        if name == b"content-disposition":
            dispositions.append(value.strip())
        if name == b"content-type" and b"charset" in value.lower():
            is_plain = is_plain and _is_utf_8(value.strip())
    if len(dispositions) != 1:
        refuse("a part has no content-disposition, or two")
    kind, parameters = _read(dispositions[0])
    names = [value for name, value in parameters if name == b"name"]
    if kind.lower() != b"form-data" or len(names) != 1 or any(name == b"name*" for name, _ in parameters):
        refuse("a part is no form-data with one name")
    if b"\\" in names[0] or b"%" in names[0]:
        refuse("the name of a part holds escapes")
    return Part(names[0], is_plain and not any(name.startswith(b"filename") for name, _ in parameters))


def refuse(why: str) -> NoReturn:
    """Raise what a form that cannot be followed is answered with: 400 `invalid_form`."""
    message = f"the form cannot be read: {why}"
    raise RefusedError(Failure(kind="invalid_request", status=400, code="invalid_form", message=message))


def _is_nearly(name: bytes) -> bool:
    """Whether some reader may take another name for `model`, or reads all names otherwise because of this one."""
    stripped = name.strip().lower()
    is_nearly = stripped.startswith(FIELD) and not stripped[len(FIELD) :].replace(b"_", b"").isalnum()
    return is_nearly or stripped == _CHARSET


def _is_utf_8(content_type: bytes) -> bool:
    charsets = [value for name, value in _read(content_type)[1] if name.startswith(b"charset")]
    return all(charset.lower() in _UTF_8 for charset in charsets)


def _read(value: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """A header's word, and its parameters with their names in lower case."""
    word, semicolon, _ = value.partition(b";")
    at, parameters = len(word), []
    while semicolon and at < len(value):
        found = _PARAMETER.match(value, at)
        if found is None:
            refuse("a header has parameters that are not plain")
        parameters.append((found[1].lower(), found[2] if found[2] is not None else found[3]))
        at = found.end()
    return word.strip(), parameters
