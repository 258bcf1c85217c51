"""Access tokens, as token endpoints answer them (RFC 6749, 5.1), and the signed assertions that ask for them."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.fetch import FORM, Fetch, Question, Reply, Where
from keywright.vault.hidden import Hidden

TOKEN_CHARACTERS_MAX: Final = 16_384
ASSERTION_LIFE_S: Final = 3600
Algorithm: TypeAlias = Literal["RS256", "PS256"]
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Token(Struct, frozen=True):
    """An access token, and when it runs out (Unix seconds)."""

    secret: Secret
    expires_s: float


class TokenAnswer(Struct):
    """What a token endpoint answers. Of the two times one is there: seconds from now, or Unix seconds."""

    access_token: Secret
    expires_in: float | None = None
    expires_on: float | None = None


async def ask_token(fetch: Fetch, question: Question) -> Token:
    """The token that `question` asks for.

    Raises:
        SecretError: it was refused, or what came is no token.
    """
    asked_s = fetch.now_s()
    return token_of(fetch, question, await fetch.ask(question), asked_s)


def token_of(fetch: Fetch, question: Question, reply: Reply, asked_s: float) -> Token:
    """The token in `reply`, to what was asked at `asked_s`.

    Raises:
        SecretError: it was refused, or what came is no token.
    """
    answer = fetch.decoded(question, reply, TokenAnswer)
    if answer.expires_in is not None:
        return accept_token(question.who, answer.access_token, asked_s + answer.expires_in)
    if answer.expires_on is not None:
        return accept_token(question.who, answer.access_token, answer.expires_on)
    raise SecretError(f"{question.who} does not say how long its token lives")


def accept_token(who: str, secret: Secret, expires_s: float) -> Token:
    """`secret` as a token that a header can carry.

    Raises:
        SecretError: it is none.
    """
    text = secret.reveal()
    if len(text) > TOKEN_CHARACTERS_MAX or not text.isascii() or not text.isprintable() or " " in text:
        raise SecretError(f"{who} answered with something that is no token")
    return Token(secret, expires_s)


def form_question(who: str, url: str, where: Where, form: Mapping[str, str | Secret]) -> Question:
    """A question that posts `form`. No message about it repeats one of its secrets."""
    plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in form.items()}
    hidden = Hidden(*(value for value in form.values() if isinstance(value, Secret)))
    return Question(who, url, where, b"POST", (FORM,), urlencode(plain).encode(), hidden, repeatable=True)


def load_rsa(who: str, pem: Secret) -> RSAPrivateKey:
    """The key in `pem`.

    Raises:
        SecretError: it is no RSA key without a passphrase.
    """
    try:
        key = load_pem_private_key(pem.reveal().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # From None: what could not be read is the key.
        raise SecretError(f"{who} holds no private key in PEM form (without a passphrase)") from None
    if not isinstance(key, RSAPrivateKey):
        raise SecretError(f"{who} holds a private key that is not RSA")
    return key


def sign_jwt(
    algorithm: Algorithm, key: RSAPrivateKey, header: Mapping[str, str], claims: Mapping[str, str | int]
) -> Secret:
    """A JWT with `claims`, signed with RSA and SHA-256. Takes about a millisecond: call it off the event loop."""
    padding = PKCS1v15() if algorithm == "RS256" else PSS(MGF1(SHA256()), PSS.DIGEST_LENGTH)
    head = {"alg": algorithm, "typ": "JWT", **header}
    text = b".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return Secret(b".".join((text, _encoded(key.sign(text, padding, SHA256())))).decode())


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")
