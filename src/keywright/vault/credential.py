"""A provider's key as something that puts itself on a request and shows nothing of itself.

Sans-IO, and it stays as it is: a key that runs out is given by a `vault.renewal.RenewingCredential`, one credential
after the other, so that an answer is always cleared of the very key that it was asked with. The header is rendered
once, when the configuration is read; a request pays for one tuple. All of the ways in which an object usually turns
into text (`str`, `repr`, pickle, copy, msgspec) give the fingerprint or refuse.
"""

from typing import Literal, NoReturn, Protocol

from msgspec.structs import replace

from keywright.core.http import Header, HttpRequest, Origin
from keywright.core.secret import Secret, SecretLeakError
from keywright.vault.hidden import Hidden


class Credential(Protocol):
    """What every credential can do. `name` says whose it is, for people."""

    name: str
    fingerprint: str

    @property
    def renews(self) -> Literal[False]: ...

    def apply(self, request: HttpRequest, origin: Origin) -> HttpRequest:
        """`request`, which goes to `origin`, with this credential on it. It may hold no header of its names yet."""
        ...

    def redact(self, text: bytes) -> bytes:
        """`text` with what is secret in it replaced by a fingerprint."""
        ...

    def begun(self, text: bytes) -> int:
        """How many bytes at the end of `text` are the beginning of a secret, and not all of it."""
        ...


class Unwritable:
    """For objects that hold a secret: they cannot be copied, pickled or encoded."""

    __slots__ = ()

    def _refuse(self, *_: object) -> NoReturn:
        raise SecretLeakError("a credential cannot be copied or written down; it applies itself to a request")

    __reduce__ = _refuse
    __reduce_ex__ = _refuse
    __getstate__ = _refuse


class HeaderCredential(Unwritable):
    """The key alone in one header (its name lower case), and what belongs to it and is no secret: `others`, headers of
    its own, and `lists`, words that are to be in lists which the request may have already.
    """

    __slots__ = ("_headers", "_hidden", "_lists", "fingerprint", "name")
    renews: Literal[False] = False

    def __init__(
        self,
        name: str,
        header: str,
        secret: Secret,
        prefix: str = "",
        others: tuple[Header, ...] = (),
        lists: tuple[Header, ...] = (),
    ) -> None:
        self.name = name
        self.fingerprint = secret.fingerprint
        self._hidden = Hidden(secret)
        self._lists = lists
        self._headers: tuple[Header, ...] = (
            (header.encode("ascii"), (prefix + secret.reveal()).encode("ascii")),
            *others,
        )

    def apply(self, request: HttpRequest, _: Origin) -> HttpRequest:
        """`request` and this credential's headers."""
        headers = request.headers
        for name, words in self._lists:
            headers = _with_words(headers, name, words)
        return replace(request, headers=headers + self._headers)

    def redact(self, text: bytes) -> bytes:
        """`text` with the key in it replaced by its fingerprint."""
        return self._hidden.redact(text)

    def begun(self, text: bytes) -> int:
        """How many bytes at the end of `text` are the beginning of the key, and not all of it."""
        return self._hidden.begun(text)

    def __repr__(self) -> str:
        return f"<credential {self.name} {self.fingerprint}>"


class BearerCredential(HeaderCredential):
    """The key in `authorization: Bearer KEY`."""

    __slots__ = ()

    def __init__(
        self, name: str, secret: Secret, others: tuple[Header, ...] = (), lists: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(name, "authorization", secret, prefix="Bearer ", others=others, lists=lists)


class NoCredential:
    """For a provider that asks for no key."""

    __slots__ = ("name",)
    fingerprint = ""
    renews: Literal[False] = False

    def __init__(self, name: str) -> None:
        self.name = name

    def apply(self, request: HttpRequest, _: Origin) -> HttpRequest:
        """`request`, as it is."""
        return request

    def redact(self, text: bytes) -> bytes:
        """`text`, as it is."""
        return text

    def begun(self, _: bytes) -> int:
        """None."""
        return 0

    def __repr__(self) -> str:
        return f"<no credential {self.name}>"


def _with_words(headers: tuple[Header, ...], name: bytes, words: bytes) -> tuple[Header, ...]:
    """`headers` with one list of that name, in which all words that were there and `words` are, each once."""
    given = [value for known, value in headers if known == name]
    all_of_them = [word.strip() for value in (*given, words) for word in value.split(b",")]
    others = tuple(header for header in headers if header[0] != name)
    return (*others, (name, b",".join(dict.fromkeys(filter(None, all_of_them)))))
