"""Keys from a container's credential endpoint: ECS, EKS Pod Identity, and whatever speaks like them."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.http import Header
from keywright.core.secret import Secret
from keywright.vault.aws.answer import KeysAnswer, keys_of
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.fetch import Fetch, Question, place
from keywright.vault.hidden import Hidden
from keywright.vault.home import anyone, home_path, read_handed

WHO: Final = "the container's credential endpoint"
ECS: Final = "http://169.254.170.2"
PLAIN_HOSTS: Final = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
"""ECS and EKS: where, but for loopback, keys may come without TLS."""

TOKEN_BYTES_MAX: Final = 16_384


class ContainerKeys(Struct, frozen=True):
    """The endpoint, and what it wants in `authorization`: nothing, a token, or what a file holds each time."""

    url: str
    token: Secret | None = None
    token_file: Path | None = None


def container_keys(environment: Mapping[str, str]) -> ContainerKeys | None:
    """The endpoint that the environment names, if it names one.

    Raises:
        SecretError: it is at an address that keys must not come from.
    """
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = f"{ECS}{relative}" if relative else environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        return None
    origin, _ = place(WHO, url)
    if origin.scheme == "http" and not _may_be_plain(origin.host):
        raise SecretError(f"{WHO}: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https:// nor an address of this host")
    token, file = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    if environment.get(file):
        return ContainerKeys(url, token_file=home_path(environment, environment[file]))
    return ContainerKeys(url, token=Secret(token) if token else None)


def _may_be_plain(host: str) -> bool:
    if host in PLAIN_HOSTS or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def authorization(source: ContainerKeys) -> Secret | None:
    """What goes into `authorization`. Blocks on the disk.

    Raises:
        SecretError: the token's file cannot be read, or its text is no header.
    """
    token = source.token
    if source.token_file is not None:
        text = read_handed(WHO, source.token_file, TOKEN_BYTES_MAX, anyone).strip()
        token = Secret(text) if text else None
    if token is not None and not (token.reveal().isascii() and token.reveal().isprintable()):
        raise SecretError(f"{WHO}: its authorization token is not one line of visible ASCII")
    return token


async def fetch_container_keys(source: ContainerKeys, token: Secret | None, fetch: Fetch) -> AwsKeys:
    """The container's keys. Raises SecretError."""
    headers: tuple[Header, ...] = ((b"accept", b"application/json"),)
    if token is not None:
        headers += ((b"authorization", token.reveal().encode()),)
    hidden = Hidden(token) if token is not None else Hidden()
    question = Question(WHO, source.url, "near", b"GET", headers, hidden=hidden)
    return keys_of(WHO, fetch.decoded(question, await fetch.ask(question), KeysAnswer))
