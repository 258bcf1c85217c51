"""Local runtimes, found by themselves: which addresses of this machine to try.

This module only describes and decides. Connecting is the caller's: it passes a function that says whether somebody
listens at an address, so that nothing here does IO and a test may listen wherever it likes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeAlias

from msgspec import Struct

from keywright.providers.provider import Provider

PROBE_S: Final = 0.3
"""How long all probes together may take: a start-up that finds nothing is delayed by no more."""

LOOPBACK: Final = "127.0.0.1"


class Probe(Struct, frozen=True):
    """One address to try, and who answers there. `path` is a GET that tells the runtime's models."""

    provider: Provider
    host: str
    port: int
    path: str


Answers: TypeAlias = Callable[[Probe], Awaitable[bool]]
"""Says whether the probe's address answers like an HTTP server with a list of models."""


def probes(providers: Iterable[Provider]) -> tuple[Probe, ...]:
    """What to try for those of `providers` that may run on this machine."""
    return tuple(
        Probe(provider=provider, host=LOOPBACK, port=provider.found_on_port, path=_models_path(provider))
        for provider in providers
        if provider.found_on_port is not None
    )


async def discover(candidates: Iterable[Probe], answers: Answers, limit_s: float = PROBE_S) -> tuple[Provider, ...]:
    """The providers of those `candidates` that answered within `limit_s` seconds, in the order given.

    All are tried at once. One that fails with OSError or TimeoutError did not answer; any other error is raised.
    """
    tried = {candidate: asyncio.ensure_future(answers(candidate)) for candidate in candidates}
    if not tried:
        return ()
    try:
        await asyncio.wait(tried.values(), timeout=limit_s)
    finally:
        for attempt in tried.values():
            attempt.cancel()
        await asyncio.gather(*tried.values(), return_exceptions=True)
    return tuple(candidate.provider for candidate, attempt in tried.items() if _answered(attempt))


def _answered(attempt: "asyncio.Future[bool]") -> bool:
    if attempt.cancelled():
        return False
    error = attempt.exception()
    if error is None:
        return attempt.result()
    if isinstance(error, OSError | TimeoutError):
        return False
    raise error


def _models_path(provider: Provider) -> str:
    """The path of the address part of `base_url` and of the models endpoint together."""
    base_path = provider.base_url.partition("://")[2].partition("/")[2]
    models = next(endpoint.path for endpoint in provider.endpoints if endpoint.kind == "models")
    return f"/{base_path}{models}" if base_path else models
