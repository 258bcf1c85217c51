"""Keys as Amazon's services answer them: JSON of the metadata services, XML of STS."""

from datetime import datetime
from typing import Final
from xml.etree import ElementTree

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.aws.keys import AwsKeys

NAMESPACE: Final = "{https://sts.amazonaws.com/doc/2011-06-15/}"


class KeysAnswer(Struct, rename="pascal"):
    """What metadata services answer. `code` is not `Success` when the instance has no keys to give."""

    access_key_id: str = ""
    secret_access_key: Secret | None = None
    token: Secret | None = None
    expiration: str = ""
    code: str = "Success"
    message: str = ""


def keys_of(who: str, answer: KeysAnswer) -> AwsKeys:
    """The keys of an answer.

    Raises:
        SecretError: it holds none.
    """
    if answer.code != "Success":
        raise SecretError(f"{who} has no keys: {answer.code[:64]}")
    secret, token = (text.reveal() if text else "" for text in (answer.secret_access_key, answer.token))
    return checked_keys(who, answer.access_key_id, secret, token, answer.expiration)


def sts_keys(who: str, body: bytes) -> AwsKeys:
    """The keys in an STS answer.

    Raises:
        SecretError: it holds none.
    """
    root = parsed(body)
    found = None if root is None else root.find(f".//{NAMESPACE}Credentials")
    if found is None:
        raise SecretError(f"{who} answered with something that is no key")
    said = {child.tag.removeprefix(NAMESPACE): child.text or "" for child in found}
    return checked_keys(
        who,
        said.get("AccessKeyId", ""),
        said.get("SecretAccessKey", ""),
        said.get("SessionToken", ""),
        said.get("Expiration", ""),
    )


def sts_identity(who: str, body: bytes) -> str:
    """The identity token in an STS answer.

    Raises:
        SecretError: it holds none.
    """
    root = parsed(body)
    found = None if root is None else root.findtext(f".//{NAMESPACE}WebIdentityToken")
    if not found:
        raise SecretError(f"{who} answered with something that is no token")
    return found


def sts_error(body: bytes) -> str:
    """What an STS error says of itself: code and message; "" when it says nothing."""
    root = parsed(body)
    if root is None:
        return ""
    words = (root.findtext(f".//{NAMESPACE}{name}") or root.findtext(f".//{name}") for name in ("Code", "Message"))
    return ": ".join(word for word in words if word)


def checked_keys(who: str, access_key_id: str, secret: str, token: str, expiration: str) -> AwsKeys:
    """Keys that requests can be signed with; "" for a token or a time that there is not.

    Raises:
        SecretError: a part is missing or holds something else than visible ASCII, or the time is none.
    """
    if not access_key_id or not secret:
        raise SecretError(f"{who} gave no complete key")
    for part in (access_key_id, secret, token):
        if not part.isascii() or not part.isprintable() or " " in part:
            raise SecretError(f"{who} gave a key that holds something else than visible ASCII")
    return AwsKeys(access_key_id, Secret(secret), Secret(token) if token else None, _unix_s(who, expiration))


def _unix_s(who: str, expiration: str) -> float | None:
    if not expiration:
        return None
    try:
        when = datetime.fromisoformat(expiration)
    except ValueError:
        raise SecretError(f"{who} says a time of expiry that is none") from None
    if when.tzinfo is None:
        raise SecretError(f"{who} says a time of expiry without a zone")
    return when.timestamp()


def parsed(body: bytes) -> ElementTree.Element | None:
    """The XML; None when it is none, or declares what an answer of STS never does (entities that grow)."""
    if b"<!" in body:
        return None
    try:
        return ElementTree.fromstring(body)  # noqa: S314  # no declaration, so no entity but XML's own
    except ElementTree.ParseError:
        return None
