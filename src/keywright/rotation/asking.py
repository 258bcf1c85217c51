"""Asking a provider's administration API on behalf of a rotation: what fails is a RotationError that says whether it
may do better later, and shows no secret.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, TypeVar

import msgspec

from keywright.core.errors import (
    RotationError,
    SecretAbsentError,
    SecretDeniedError,
    SecretError,
    SecretReadOnlyError,
)
from keywright.core.secret import Secret
from keywright.vault.fetch import PASSING, Fetch, Question, Reply, as_secret

OPERATION_S: Final = 60.0
"""How long one method of a driver may take, however many questions it asks."""

AdminKey: TypeAlias = Callable[[], Awaitable[Secret]]
"""Gives what an administration API is asked with, anew for each question. Raises SecretError."""

T = TypeVar("T")


@asynccontextmanager
async def bounded(who: str) -> AsyncIterator[None]:
    """What is done within takes at most `OPERATION_S`.

    Raises:
        RotationError: it took longer; passing.
    """
    try:
        async with asyncio.timeout(OPERATION_S):
            yield
    except TimeoutError:
        raise RotationError(f"{who} did not answer within {OPERATION_S:g} s", passing=True) from None


async def had(who: str, source: Callable[[], Awaitable[T]]) -> T:
    """What `source` gives to ask with.

    Raises:
        RotationError: it gives nothing; passing, unless its store says that it will not.
    """
    try:
        return await source()
    except (SecretAbsentError, SecretDeniedError, SecretReadOnlyError) as error:
        raise RotationError(f"{who} cannot be asked: {error}") from None
    except SecretError as error:
        raise RotationError(f"{who} cannot be asked: {error}", passing=True) from None


async def ask(fetch: Fetch, question: Question) -> Reply:
    """The answer, whatever its status.

    Raises:
        RotationError: none came; passing. What was asked for may have been done.
    """
    try:
        return await fetch.ask(question)
    except SecretError as error:
        raise RotationError(str(error), passing=True) from None


def refused(fetch: Fetch, question: Question, reply: Reply, said: str = "", *, passing: bool = False) -> RotationError:
    """The failure of a reply that did not succeed, in the provider's words (`said`, read from it if not given). It
    passes when its status says so, or `passing` does.
    """
    return RotationError(str(fetch.refused(question, reply, said)), passing=passing or reply.status in PASSING)


def decoded(fetch: Fetch, question: Question, reply: Reply, kind: type[T]) -> T:
    """The JSON of a reply that succeeded; its secrets are `Secret`s where `kind` says so.

    Raises:
        RotationError: the provider refused, or said something else.
    """
    if reply.status not in {200, 201}:
        raise refused(fetch, question, reply)
    try:
        return msgspec.json.decode(reply.body, type=kind, strict=False, dec_hook=as_secret)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # From None: what was decoded may hold a key.
        raise RotationError(f"{question.who} answered with something that is not known of it") from None
