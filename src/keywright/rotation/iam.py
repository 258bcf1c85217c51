"""Amazon's IAM, as far as it has long-term Bedrock keys: a user's "service-specific credentials", of which it may have
two.

IAM takes every action as a GET with the action in its query, signed, and answers in XML. It is one service for all
regions of a partition, in one of which requests are signed.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from msgspec import Struct

from keywright.core.errors import RotationError
from keywright.core.secret import Secret
from keywright.rotation.administration import WELL, Administration, Ask, unix_s
from keywright.vault.aws.answer import parsed
from keywright.vault.aws.credential import SigV4Credential
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.credential import Credential
from keywright.vault.fetch import Fetch

SERVICE: Final = "bedrock.amazonaws.com"
VERSION: Final = "2010-05-08"
WHO: Final = "IAM"
GONE: Final = "NoSuchEntity"
PASSING: Final = frozenset({"Throttling", "ConcurrentModification", "EntityTemporarilyUnmodifiable"})
"""Refusals that may be otherwise in a while, though their status does not say so."""

AdminKeys: TypeAlias = Callable[[], Awaitable[AwsKeys]]
"""Gives the AWS keys that may administer the user's credentials. May raise SecretError."""


class Endpoint(Struct, frozen=True):
    """Where IAM is, in which region requests to it are signed, and whether the address is Amazon's own constant."""

    url: str
    region: str
    public: bool


class Slot(Struct, frozen=True):
    """One credential. `public`: the part of its key that is no secret. `status`: `Active`, `Inactive` or `Expired`.
    `expires_s`: Unix seconds, None when it does not run out.
    """

    id: str
    public: str
    status: str
    expires_s: int | None

    @property
    def is_active(self) -> bool:
        return self.status == "Active"


class IamRefusedError(RotationError):
    """IAM refused; `code` is its word for why."""

    def __init__(self, message: str, code: str, *, passing: bool) -> None:
        super().__init__(message, passing=passing)
        self.code = code


def endpoint(region: str, environment: Mapping[str, str]) -> Endpoint:
    """IAM of the partition of `region`, or where `AWS_ENDPOINT_URL_IAM` (or `AWS_ENDPOINT_URL`) says that it is."""
    if region.startswith("cn-"):
        found = Endpoint("https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1", public=True)
    elif region.startswith("us-gov-"):
        found = Endpoint("https://iam.us-gov.amazonaws.com", "us-gov-west-1", public=True)
    else:
        found = Endpoint("https://iam.amazonaws.com", "us-east-1", public=True)
    written = environment.get("AWS_ENDPOINT_URL_IAM") or environment.get("AWS_ENDPOINT_URL")
    if not written or environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return found
    return Endpoint(written, found.region, public=False)


class BedrockCredentials:
    """The Bedrock credentials of one IAM user."""

    def __init__(self, fetch: Fetch, where: Endpoint, keys: AdminKeys, user: str) -> None:
        async def login() -> Credential:
            return SigV4Credential(WHO, await keys(), where.region, "iam", fetch.clock)

        self._api = Administration(fetch, WHO, where.url, login, public=where.public)
        self._user = user

    async def all(self) -> tuple[Slot, ...]:
        """Both, or as many as there are."""
        answer = await self._do("ListServiceSpecificCredentials", "list", {"ServiceName": SERVICE})
        return tuple(_slot(member) for member in answer.findall(".//{*}ServiceSpecificCredentials/{*}member"))

    async def create(self, age_days: int | None) -> tuple[Slot, Secret]:
        """One more, which runs out after `age_days` if that is given."""
        form = {"ServiceName": SERVICE}
        if age_days is not None:
            form["CredentialAgeDays"] = str(age_days)
        answer = await self._do("CreateServiceSpecificCredential", "make", form, repeatable=False)
        made = answer.find(".//{*}ServiceSpecificCredential")
        secret = _text(answer, "ServiceCredentialSecret")
        if made is None or not secret:
            raise RotationError("IAM made a Bedrock key and did not tell it")
        return _slot(made), Secret(secret)

    async def turn(self, key_id: str, status: str) -> None:
        """Make it `Active` or `Inactive`."""
        form = {"ServiceSpecificCredentialId": key_id, "Status": status}
        await self._do("UpdateServiceSpecificCredential", f"make {key_id} {status} of", form)

    async def delete(self, key_id: str) -> None:
        """End it. Nothing happens when it is gone."""
        try:
            form = {"ServiceSpecificCredentialId": key_id}
            await self._do("DeleteServiceSpecificCredential", f"delete {key_id} of", form)
        except IamRefusedError as error:
            if error.code != GONE:
                raise

    async def _do(self, action: str, to: str, form: Mapping[str, str], *, repeatable: bool = True) -> Element:
        said = {"Action": action, "Version": VERSION, "UserName": self._user, **form}
        path, what = f"/?{urlencode(said, quote_via=quote)}", f"{to} the Bedrock keys of the user {self._user}"
        ask = Ask(b"GET", path, what, repeatable=repeatable)
        reply = await self._api.ask(ask)
        answer = parsed(reply.body)
        if reply.status not in WELL:
            code, message = (_text(answer, name) for name in ("Code", "Message"))
            error = self._api.refused(ask, reply, ": ".join(filter(None, (code, message))))
            raise IamRefusedError(str(error), code, passing=error.passing or code in PASSING)
        if answer is None:
            raise RotationError(f"IAM, asked to {ask.to}, answered with something else")
        return answer


def _slot(member: Element) -> Slot:
    return Slot(
        id=_text(member, "ServiceSpecificCredentialId"),
        public=_text(member, "ServiceCredentialAlias") or _text(member, "ServiceUserName"),
        status=_text(member, "Status"),
        expires_s=unix_s(_text(member, "ExpirationDate")),
    )


def _text(element: Element | None, name: str) -> str:
    """The text of the first element within that is called so; "" when there is none."""
    found = None if element is None else element.findtext(f".//{{*}}{name}")
    return (found or "").strip()
