"""Keys of the role of an EC2 instance, from its metadata service, version 2 only: a session token goes first."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.aws.answer import KeysAnswer, keys_of
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.fetch import Fetch, Question
from keywright.vault.hidden import Hidden

WHO: Final = "the EC2 metadata service"
IPV4: Final = "http://169.254.169.254"
IPV6: Final = "http://[fd00:ec2::254]"
ROLES: Final = "/latest/meta-data/iam/security-credentials/"
SESSION_S: Final = 300
TOKEN_CHARACTERS_MAX: Final = 1024


class InstanceKeys(Struct, frozen=True):
    """The metadata service's address, without a path."""

    endpoint: str


def instance_keys(environment: Mapping[str, str]) -> InstanceKeys:
    """Where this instance's metadata would be. Whether this is an instance, only asking tells.

    Raises:
        SecretError: the environment forbids to look there, so no keys are left to be had.
    """
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        raise SecretError(
            "AWS: no keys are in the environment, in a profile or at a container's endpoint, and "
            "AWS_EC2_METADATA_DISABLED forbids to ask the instance"
        )
    written = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
    if written:
        return InstanceKeys(written.rstrip("/"))
    version = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "").lower()
    return InstanceKeys(IPV6 if version == "ipv6" else IPV4)


async def fetch_instance_keys(source: InstanceKeys, fetch: Fetch) -> AwsKeys:
    """The keys of the instance's role. Raises SecretError."""
    session = await _session(source, fetch)
    listed = await _text(source, ROLES, session, fetch)
    role = listed.partition("\n")[0].strip()
    if not role:
        raise SecretError(f"{WHO} knows no role: give the instance a profile, or set keys")
    question = _question(source, ROLES + quote(role, safe=""), session)
    return keys_of(WHO, fetch.decoded(question, await fetch.ask(question), KeysAnswer))


async def _session(source: InstanceKeys, fetch: Fetch) -> Secret:
    wanted = ((b"x-aws-ec2-metadata-token-ttl-seconds", str(SESSION_S).encode()),)
    question = Question(WHO, source.endpoint + "/latest/api/token", "near", b"PUT", wanted)
    try:
        reply = await fetch.ask(question)
    except SecretError as error:
        raise SecretError(
            f"AWS: no keys are in the environment, in a profile or at a container's endpoint; and {error}"
        ) from None
    if reply.status != 200:
        raise fetch.refused(question, reply)
    token = reply.body.decode("latin-1").strip()
    if not token or len(token) > TOKEN_CHARACTERS_MAX or not token.isascii() or not token.isprintable():
        raise SecretError(f"{WHO} gave a session token that is none")
    return Secret(token)


def _question(source: InstanceKeys, path: str, session: Secret) -> Question:
    headers = ((b"x-aws-ec2-metadata-token", session.reveal().encode()),)
    return Question(WHO, source.endpoint + path, "near", b"GET", headers, hidden=Hidden(session))


async def _text(source: InstanceKeys, path: str, session: Secret, fetch: Fetch) -> str:
    question = _question(source, path, session)
    reply = await fetch.ask(question)
    if reply.status == 404:
        return ""
    if reply.status != 200:
        raise fetch.refused(question, reply)
    return reply.body.decode("utf-8", "replace")
