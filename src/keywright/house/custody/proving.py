"""Does a provider answer, and does it accept our key? Asked by its cheapest call, which costs nothing."""

import asyncio
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from keywright.config import parse_address
from keywright.core.errors import ConnectFailedError, SecretError, UpstreamError, UpstreamTimeoutError
from keywright.core.http import HttpRequest, Reach
from keywright.pipeline.routes import Source
from keywright.providers.check import BODY_BYTES_READ, Verdict, check_of, verdict
from keywright.providers.provider import Check, named_in
from keywright.transport.pool import Pool

PROVE_S: Final = 15.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
NOTHING_FREE: Final = Verdict("unknown", "no call of this provider proves a key without costing something")


async def prove(source: Source, pool: Pool, *, is_moved: bool) -> Verdict:
    """Whether the source's key is alive. `is_moved`: the operator has written another address than its own."""
    check = check_of(source.row)
    if check is None:
        return NOTHING_FREE
    missing = named_in(check.url) - source.settings.keys()
    if missing:
        return Verdict("unknown", f"the setting {', '.join(sorted(missing))} is missing")
    if not check.url.startswith("/") and (is_moved or not _is_at_home(source, check)):
        return NOTHING_FREE
    try:
        async with asyncio.timeout(PROVE_S):
            return await _asked(source, check, pool)
    except SecretError as error:
        return Verdict("unknown", str(error))
    except TimeoutError:
        return Verdict("unknown", f"no answer within {PROVE_S:g} s")
    except UpstreamError as error:
        return Verdict("unknown", _trouble(error))


async def _asked(source: Source, check: Check, pool: Pool) -> Verdict:
    reach, target = _place(source, check)
    headers = {name.encode(): value.encode("latin-1") for name, value in source.row.headers} | dict(source.headers)
    if check.body:
        headers[b"content-type"] = b"application/json"
    request = HttpRequest(check.method.encode(), target.encode(), tuple(headers.items()), check.body.encode())
    held = source.credential
    credential = await held.current() if held.renews else held
    answer = await pool.send(reach, credential.apply(request, reach.origin))
    try:
        body = await answer.read(ANSWER_BYTES_MAX)
    finally:
        answer.abort()
    return verdict(check, answer.status, body if check.said else body[:BODY_BYTES_READ])


def _is_at_home(source: Source, check: Check) -> bool:
    """Whether the whole address of a check is of the same house as the provider's own: AWS in China is another."""
    host = _place(source, check)[0].origin.host
    return host.split(".")[-2:] == source.reach.origin.host.split(".")[-2:]


def _place(source: Source, check: Check) -> tuple[Reach, str]:
    """Where the check goes: how its server is reached, and the path and query there."""
    url = check.url.format_map({name: quote(value, safe="") for name, value in source.settings.items()})
    if url.startswith("/"):
        return source.reach, source.base_path + url
    parts = urlsplit(url)
    origin = parse_address(f"{parts.scheme}://{parts.netloc}").origin
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return msgspec.structs.replace(source.reach, origin=origin, private=False), target


def _trouble(error: UpstreamError) -> str:
    match error:
        case ConnectFailedError():
            return f"no connection: {error.cause}"
        case UpstreamTimeoutError():
            return f"no answer in time ({error.phase})"
        case _:
            return "the connection broke, or what came is no HTTP"
