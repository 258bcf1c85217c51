"""Google's access tokens: how each kind of credential gets one.

The scope is the whole cloud platform's, as Google's own libraries ask for: what the account may do is decided by its
roles.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, assert_never
from urllib.parse import quote

import msgspec
from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.http import Header
from keywright.core.secret import Secret
from keywright.vault.fetch import Fetch, Question, Where
from keywright.vault.google.file import (
    EXCHANGE_URL,
    GRANT_URL,
    IMPERSONATED_LIFE_S,
    AuthorizedUser,
    CredentialSource,
    ExternalAccount,
    GoogleSource,
    ImpersonatedAccount,
    MetadataServer,
    ServiceAccount,
    TokenFormat,
)
from keywright.vault.hidden import Hidden
from keywright.vault.home import anyone, read_handed
from keywright.vault.oauth import (
    ASSERTION_LIFE_S,
    JWT_BEARER,
    Token,
    accept_token,
    ask_token,
    form_question,
    load_rsa,
    sign_jwt,
    token_of,
)

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
IAM_SCOPE: Final = "https://www.googleapis.com/auth/iam"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"
SUBJECT_BYTES_MAX: Final = 65_536
FLAVOUR: Final[Header] = (b"metadata-flavor", b"Google")
METADATA: Final = "Google's metadata server"


async def google_token(source: GoogleSource, fetch: Fetch, scope: str = SCOPE) -> Token:
    """A token of `source`. One that only asks for another account's needs the scope `IAM_SCOPE`.

    Raises:
        SecretError: who refused it, and why.
    """
    match source:
        case ServiceAccount():
            return await _service_account(source, fetch, scope)
        case AuthorizedUser():
            return await _authorized_user(source, fetch)
        case MetadataServer():
            return await _metadata(source, fetch)
        case ExternalAccount():
            return await _external_account(source, fetch, scope)
        case ImpersonatedAccount():
            token = await google_token(source.source_credentials, fetch, IAM_SCOPE)
            url, delegates = source.service_account_impersonation_url, source.delegates
            return await _impersonated(url, delegates, IMPERSONATED_LIFE_S, token, fetch)
        case _:
            assert_never(source)


async def _service_account(source: ServiceAccount, fetch: Fetch, scope: str) -> Token:
    who = f"Google's token endpoint, asked for the service account {source.client_email},"
    now_s = int(fetch.now_s())
    header = {"kid": source.private_key_id} if source.private_key_id else {}
    claims: Mapping[str, str | int] = {
        "iss": source.client_email,
        "scope": scope,
        "aud": source.token_uri,
        "iat": now_s,
        "exp": now_s + ASSERTION_LIFE_S,
    }

    def sign() -> Secret:
        return sign_jwt("RS256", load_rsa(who, source.private_key), header, claims)

    form: dict[str, str | Secret] = {"grant_type": JWT_BEARER, "assertion": await asyncio.to_thread(sign)}
    return await ask_token(fetch, form_question(who, source.token_uri, _where(source.token_uri), form))


async def _authorized_user(source: AuthorizedUser, fetch: Fetch) -> Token:
    who = "Google's token endpoint, asked with gcloud's sign-in,"
    form: dict[str, str | Secret] = {
        "grant_type": "refresh_token",
        "client_id": source.client_id,
        "client_secret": source.client_secret,
        "refresh_token": source.refresh_token,
    }
    return await ask_token(fetch, form_question(who, source.token_uri, _where(source.token_uri), form))


async def _metadata(source: MetadataServer, fetch: Fetch) -> Token:
    path = f"/computeMetadata/v1/instance/service-accounts/default/token?scopes={quote(SCOPE, safe='')}"
    question = Question(METADATA, source.endpoint + path, "near", b"GET", (FLAVOUR,))
    asked_s = fetch.now_s()
    try:
        reply = await fetch.ask(question)
    except SecretError as error:
        raise SecretError(
            "there are no Google credentials: no service_account is set, GOOGLE_APPLICATION_CREDENTIALS names no file, "
            f"nobody signed in with gcloud; and {error}"
        ) from None
    if FLAVOUR not in reply.headers:
        raise SecretError(f"what answers in place of {METADATA} is not one")
    return token_of(fetch, question, reply, asked_s)


async def _external_account(source: ExternalAccount, fetch: Fetch, scope: str) -> Token:
    who = f"Google's token exchange, asked for {source.audience},"
    form: dict[str, str | Secret] = {
        "grant_type": EXCHANGE,
        "audience": source.audience,
        "scope": IAM_SCOPE if source.service_account_impersonation_url else scope,
        "requested_token_type": ACCESS_TYPE,
        "subject_token": await _subject_token(source.credential_source, fetch),
        "subject_token_type": source.subject_token_type,
    }
    if source.workforce_pool_user_project and not source.client_id:
        form["options"] = quote(json.dumps({"userProject": source.workforce_pool_user_project}))
    question = form_question(who, source.token_url, _where(source.token_url), form)
    if source.client_id:
        secret = source.client_secret.reveal() if source.client_secret is not None else ""
        basic = b64encode(f"{source.client_id}:{secret}".encode())
        question = msgspec.structs.replace(question, headers=(*question.headers, (b"authorization", b"Basic " + basic)))
    token = await ask_token(fetch, question)
    url = source.service_account_impersonation_url
    if not url:
        return token
    return await _impersonated(url, (), source.service_account_impersonation.token_lifetime_seconds, token, fetch)


async def _subject_token(source: CredentialSource, fetch: Fetch) -> Secret:
    """The token that the other platform gave."""
    who = "the credential_source"
    if source.file:
        text = await asyncio.to_thread(read_handed, who, Path(source.file), SUBJECT_BYTES_MAX, anyone)
        return _in_format(who, text, source.format)
    headers = tuple((name.lower().encode(), value.encode()) for name, value in source.headers.items())
    where: Where = "written" if source.url.startswith("https:") else "near"
    question = Question(who, source.url, where, b"GET", headers)
    reply = await fetch.ask(question)
    if reply.status != 200:
        raise fetch.refused(question, reply)
    return _in_format(who, reply.body.decode("utf-8", "replace"), source.format)


def _in_format(who: str, text: str, written: TokenFormat) -> Secret:
    if written.type == "json":
        try:
            found = msgspec.json.decode(text, type=dict[str, msgspec.Raw])[written.subject_token_field_name]
            text = msgspec.json.decode(found, type=str)
        except (msgspec.DecodeError, KeyError):
            raise SecretError(f"{who} is not JSON with the token in {written.subject_token_field_name!r}") from None
    if not text.strip():
        raise SecretError(f"{who} gives an empty token")
    return Secret(text.strip())


class _Impersonated(Struct, rename="camel"):
    access_token: Secret
    expire_time: datetime


async def _impersonated(url: str, delegates: tuple[str, ...], life_s: int, token: Token, fetch: Fetch) -> Token:
    who = f"Google's IAM, asked to act as {url.rpartition('/')[2].partition(':')[0]},"
    wanted = {"delegates": list(delegates), "scope": [SCOPE], "lifetime": f"{life_s}s"}
    headers = (
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer " + token.secret.reveal().encode()),
    )
    body, hidden = msgspec.json.encode(wanted), Hidden(token.secret)
    question = Question(who, url, "written", b"POST", headers, body, hidden, repeatable=True)
    answer = fetch.decoded(question, await fetch.ask(question), _Impersonated)
    if answer.expire_time.tzinfo is None:
        raise SecretError(f"{who} does not say how long its token lives")
    return accept_token(who, answer.access_token, answer.expire_time.timestamp())


def _where(url: str) -> Where:
    """Google's own addresses are public; any other stands in the operator's file."""
    return "public" if url in {GRANT_URL, EXCHANGE_URL} else "written"
