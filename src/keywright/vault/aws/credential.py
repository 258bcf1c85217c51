"""AWS keys as credentials: each request signed, or a short-term Bedrock key that is minted here.

Both are renewed by going the whole way again: the files are read anew, so that what was rotated is seen.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal, assert_never

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import SecretError
from keywright.core.http import HttpRequest, Origin
from keywright.core.secret import Secret
from keywright.vault.aws.bedrock import mint, runs_out_s
from keywright.vault.aws.container import ContainerKeys, authorization, fetch_container_keys
from keywright.vault.aws.instance import InstanceKeys, fetch_instance_keys
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.aws.sigv4 import Signer
from keywright.vault.aws.source import ROLE_LIFE_S, AssumedRole, AwsSettings, AwsSource, WebIdentity, plan_aws
from keywright.vault.aws.sts import Sts
from keywright.vault.credential import BearerCredential, Unwritable
from keywright.vault.fetch import Fetch
from keywright.vault.hidden import Hidden
from keywright.vault.home import anyone, read_handed
from keywright.vault.renewal import Renewed, RenewingCredential

SERVICE: Final = "bedrock"
MINTED_LIFE_S: Final = 3600
WEB_TOKEN_BYTES_MAX: Final = 32_768


class SigV4Credential(Unwritable):
    """AWS keys that sign each request. What goes over the wire and is secret is the session's token."""

    __slots__ = ("_clock", "_hidden", "_signer", "fingerprint", "name")
    renews: Literal[False] = False

    def __init__(self, name: str, keys: AwsKeys, region: str, service: str, clock: Clock) -> None:
        self.name = name
        self.fingerprint = keys.secret_access_key.fingerprint
        self._hidden = Hidden(keys.token) if keys.token is not None else Hidden()
        self._signer = Signer(keys, region, service)
        self._clock = clock

    def apply(self, request: HttpRequest, origin: Origin) -> HttpRequest:
        """`request`, signed for `origin` and for now."""
        return self._signer.sign(request, origin, self._clock.unix_us() / SECOND_US)

    def redact(self, text: bytes) -> bytes:
        """`text` with the session's token in it replaced by its fingerprint."""
        return self._hidden.redact(text)

    def begun(self, text: bytes) -> int:
        """How many bytes at the end of `text` are the beginning of the token, and not all of it."""
        return self._hidden.begun(text)

    def __repr__(self) -> str:
        return f"<credential {self.name} {self.fingerprint}>"


def aws_credential(
    name: str, settings: AwsSettings, environment: Mapping[str, str], fetch: Fetch, service: str = SERVICE
) -> RenewingCredential:
    """A credential that signs each request. Reads files, asks nobody yet.

    Raises:
        SecretError: there is no way to keys on this machine, or it is one that a gateway cannot take.
    """

    async def obtain() -> Renewed:
        keys, region = await aws_keys(settings, environment, fetch)
        return Renewed(SigV4Credential(name, keys, region, service, fetch.clock), keys.expires_s)

    return _renewing(name, settings, environment, fetch, obtain)


def bedrock_minting_credential(
    name: str, settings: AwsSettings, environment: Mapping[str, str], fetch: Fetch, life_s: int = MINTED_LIFE_S
) -> RenewingCredential:
    """A short-term Bedrock key, minted here from AWS keys and again before it runs out. Reads files, asks nobody yet.

    Raises:
        SecretError: as `aws_credential` does.
    """

    async def obtain() -> Renewed:
        keys, region = await aws_keys(settings, environment, fetch)
        now_s = fetch.now_s()
        left_s = life_s if keys.expires_s is None else min(life_s, int(keys.expires_s - now_s))
        if left_s <= 0:
            raise SecretError("the AWS keys that a Bedrock key would be minted from have run out")
        return Renewed(BearerCredential(name, mint(keys, region, now_s, left_s)), int(now_s) + left_s)

    return _renewing(name, settings, environment, fetch, obtain)


def bedrock_key_credential(name: str, key: Secret, clock: Clock) -> BearerCredential | RenewingCredential:
    """A Bedrock key that the operator gave. A short-term one cannot be renewed: when it has run out, it says so.

    Raises:
        SecretError: it has run out already.
    """
    expires_s = runs_out_s(key)
    if expires_s is None:
        return BearerCredential(name, key)
    given = Renewed(BearerCredential(name, key), expires_s)

    async def obtain() -> Renewed:
        _require_left(expires_s, clock)
        return given

    _require_left(expires_s, clock)
    return RenewingCredential(name, key.fingerprint, obtain, clock)


def _require_left(expires_s: float, clock: Clock) -> None:
    over_s = clock.unix_us() / SECOND_US - expires_s
    if over_s >= 0:
        raise SecretError(
            f"the short-term Bedrock key ran out {over_s:.0f} s ago; give a new one, or let the gateway mint its own "
            "from AWS keys (mint_short_term_keys = true)"
        )


async def aws_keys(settings: AwsSettings, environment: Mapping[str, str], fetch: Fetch) -> tuple[AwsKeys, str]:
    """Keys, and the region that they are for.

    Raises:
        SecretError: who refused them, and why.
    """
    plan = await asyncio.to_thread(plan_aws, settings, environment)
    return await _keys_of(plan.source, Sts(plan.region, environment, fetch), fetch), plan.region


async def _keys_of(source: AwsSource, sts: Sts, fetch: Fetch) -> AwsKeys:
    match source:
        case AwsKeys():
            return source
        case AssumedRole():
            keys = await _keys_of(source.source, sts, fetch)
            return await sts.assume(source.role_arn, keys, source.session, source.external_id, source.life_s)
        case WebIdentity():
            text = await asyncio.to_thread(
                read_handed, "AWS_WEB_IDENTITY_TOKEN_FILE", source.token_file, WEB_TOKEN_BYTES_MAX, anyone
            )
            if not text.strip():
                raise SecretError(f"AWS: {source.token_file} is empty; it should hold a token")
            return await sts.assume_with_web_identity(
                source.role_arn, Secret(text.strip()), source.session, ROLE_LIFE_S
            )
        case ContainerKeys():
            return await fetch_container_keys(source, await asyncio.to_thread(authorization, source), fetch)
        case InstanceKeys():
            return await fetch_instance_keys(source, fetch)
        case _:
            assert_never(source)


def _renewing(
    name: str,
    settings: AwsSettings,
    environment: Mapping[str, str],
    fetch: Fetch,
    obtain: Callable[[], Awaitable[Renewed]],
) -> RenewingCredential:
    """`obtain` as a credential whose fingerprint is that of the way its keys come."""
    way = repr(plan_aws(settings, environment))
    return RenewingCredential(name, Secret(way).fingerprint, obtain, fetch.clock)
