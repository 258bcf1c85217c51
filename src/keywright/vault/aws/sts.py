"""Amazon's Security Token Service: a role's temporary keys, for other keys or for a platform's token."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from keywright.core.http import Header, HttpRequest
from keywright.core.secret import Secret
from keywright.vault.aws.answer import sts_error, sts_identity, sts_keys
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.aws.sigv4 import Signer
from keywright.vault.fetch import FORM, Fetch, Question, Where, place
from keywright.vault.hidden import Hidden

VERSION: Final = "2011-06-15"


class Sts:
    """The service of one region, or where `AWS_ENDPOINT_URL_STS` (or `AWS_ENDPOINT_URL`) says that it is."""

    def __init__(self, region: str, environment: Mapping[str, str], fetch: Fetch) -> None:
        written = environment.get("AWS_ENDPOINT_URL_STS") or environment.get("AWS_ENDPOINT_URL")
        if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            written = None
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self._url = f"{written.rstrip('/')}/" if written else f"https://sts.{region}.{domain}/"
        self._where: Where = "written" if written else "public"
        self._region = region
        self._fetch = fetch

    async def assume(self, role_arn: str, keys: AwsKeys, session: str, external_id: str, life_s: int) -> AwsKeys:
        """The keys of `role_arn`, asked for with `keys`. Raises SecretError."""
        who = f"STS, asked for the role {role_arn},"
        form = {"RoleArn": role_arn, "RoleSessionName": session, "DurationSeconds": str(life_s)}
        if external_id:
            form["ExternalId"] = external_id
        return sts_keys(who, await self._ask_with(keys, who, _body("AssumeRole", form)))

    async def identity_token(self, audience: str, keys: AwsKeys, life_s: int) -> str:
        """A JWT for `audience` that says whose `keys` are. Raises SecretError."""
        who = f"STS, asked for an identity token for {audience},"
        form = {"Audience.member.1": audience, "SigningAlgorithm": "RS256", "DurationSeconds": str(life_s)}
        return sts_identity(who, await self._ask_with(keys, who, _body("GetWebIdentityToken", form)))

    async def assume_with_web_identity(self, role_arn: str, token: Secret, session: str, life_s: int) -> AwsKeys:
        """The keys of `role_arn`, asked for with a platform's token. Raises SecretError."""
        who = f"STS, asked for the role {role_arn} with a web identity,"
        form = {
            "RoleArn": role_arn,
            "RoleSessionName": session,
            "DurationSeconds": str(life_s),
            "WebIdentityToken": token.reveal(),
        }
        body = _body("AssumeRoleWithWebIdentity", form)
        return sts_keys(who, await self._ask(who, (FORM,), body, Hidden(token)))

    async def _ask_with(self, keys: AwsKeys, who: str, body: bytes) -> bytes:
        origin, target = place(who, self._url)
        request = HttpRequest(b"POST", target, (FORM,), body)
        signed = Signer(keys, self._region, "sts").sign(request, origin, self._fetch.now_s())
        hidden = Hidden(keys.token) if keys.token is not None else Hidden()
        return await self._ask(who, signed.headers, signed.body, hidden)

    async def _ask(self, who: str, headers: tuple[Header, ...], body: bytes, hidden: Hidden) -> bytes:
        question = Question(who, self._url, self._where, b"POST", headers, body, hidden, repeatable=True)
        reply = await self._fetch.ask(question)
        if reply.status != 200:
            raise self._fetch.refused(question, reply, sts_error(reply.body))
        return reply.body


def _body(action: str, form: Mapping[str, str]) -> bytes:
    return urlencode({"Action": action, "Version": VERSION, **form}).encode()
