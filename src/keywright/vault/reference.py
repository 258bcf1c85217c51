"""Where a secret is kept, as the configuration writes it: `env:NAME`, `dotenv:NAME`, `file:/path`.

A message here may name a text only once it is known to be a reference: before that it may be the secret itself,
pasted where its reference belongs.
"""

from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast, get_args

from msgspec import Struct

from keywright.core.errors import SecretError

ReferenceKind: TypeAlias = Literal["env", "dotenv", "file"]
REFERENCE_CHARACTERS_MAX: Final = 1024

_LATER: Final = MappingProxyType(
    {
        "keyring:": "the operating system's keyring",
        "aws-sm://": "AWS Secrets Manager",
        "gcp-sm://": "Google Secret Manager",
        "azure-kv://": "Azure Key Vault",
        "vault://": "HashiCorp Vault and OpenBao",
        "sealed:": "Keywright's own sealed store",
    }
)


class Reference(Struct, frozen=True):
    """A secret's place. `name`: a variable's name for `env` and `dotenv`, an absolute path for `file`."""

    kind: ReferenceKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def is_reference(text: str) -> bool:
    """Whether `text` starts as a reference does, to a backend that exists or to a later one."""
    kind, colon, _ = text.partition(":")
    return (bool(colon) and kind in get_args(ReferenceKind)) or text.startswith(tuple(_LATER))


def parse(text: str) -> Reference:
    """The reference that `text` writes.

    Raises:
        SecretError: not a reference, malformed, or of a backend that is not available yet. The message names the
            text only where it is surely no secret.
    """
    if not is_reference(text):
        raise SecretError("a secret reference is written env:NAME, dotenv:NAME or file:/path")
    if len(text) > REFERENCE_CHARACTERS_MAX or not text.isprintable():
        raise SecretError(f"a secret reference is one line of at most {REFERENCE_CHARACTERS_MAX} characters")
    for start, title in _LATER.items():
        if text.startswith(start):
            raise SecretError(f"{text}: secrets of {title} are not yet available; use env:, dotenv: or file:")
    kind, _, name = text.partition(":")
    if kind == "file":
        _check_path(name)
    elif not is_variable(name):
        raise SecretError(f"{kind}: is followed by the name of a variable (letters, digits and _), as {kind}:API_KEY")
    return Reference(kind=cast("ReferenceKind", kind), name=name)


def is_variable(name: str) -> bool:
    """Whether a shell would accept `name` as a variable's name."""
    return name.isascii() and name.isidentifier()


def _check_path(path: str) -> None:
    if not path.startswith("/"):
        raise SecretError("file: is followed by an absolute path, as file:/run/secrets/openai")
