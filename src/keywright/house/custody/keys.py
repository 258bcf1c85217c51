"""Where credentials keep their keys, for who replaces one: each question is asked of the store itself, now.

The first reference of a credential is the place that owns its key. Other references, which are for when that cannot be
read, are brought up to date with it where they can be written; where not, that is told.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, ParamSpec, TypeVar

from keywright.core.errors import SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import accept
from keywright.vault.reference import parse
from keywright.vault.vault import Vault

QUESTION_S: Final = 15.0

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("keywright.rotation")


class HouseKeys:
    """The keys of the credentials whose references `places` gives, by their names, in the stores of `vault`."""

    def __init__(self, vault: Callable[[], Vault], places: Callable[[], Mapping[str, tuple[str, ...]]]) -> None:
        self._vault = vault
        self._places = places

    def require_usable(self, credential: str, secret: Secret) -> None:
        """Nothing, if `secret` may be the credential's key.

        Raises:
            SecretError: no header could carry it, or the credential has no key.
        """
        accept(parse(self._owner(credential), self._vault().stores), secret)

    async def current(self, credential: str) -> Secret:
        """Its key, read now.

        Raises:
            SecretError: it cannot be had.
        """
        return await self._asked(self._read, self._owner(credential))

    async def write(self, credential: str, secret: Secret) -> str:
        """Let `secret` be its key; the version that it got.

        Raises:
            SecretError: its own place has it not.
        """
        owner, *others = self._references(credential)
        version = await self._asked(self._write, owner, secret)
        for other in others:
            try:
                await self._asked(self._write, other, secret)
            except SecretError as error:
                _log.warning("%s has a new key, but not at its second place: %s", credential, error)
        return version

    async def previous(self, credential: str) -> Secret:
        """What was there before the last `write`.

        Raises:
            SecretError: it cannot be had.
        """
        return await self._asked(self._previous, self._owner(credential))

    async def forget(self, credential: str) -> None:
        """Let what was there before be readable no longer.

        Raises:
            SecretError: it may still be.
        """
        owner, *others = self._references(credential)
        await self._asked(self._forget, owner)
        for other in others:
            try:
                await self._asked(self._forget, other)
            except SecretError as error:
                _log.warning("the old key of %s may still be readable: %s", credential, error)

    def _references(self, credential: str) -> tuple[str, ...]:
        references = self._places().get(credential, ())
        if not references:
            raise SecretReadOnlyError(f"{credential} has no key that is kept anywhere")
        return references

    def _owner(self, credential: str) -> str:
        return self._references(credential)[0]

    async def _asked(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        try:
            async with asyncio.timeout(QUESTION_S):
                return await asyncio.to_thread(work, *given, **named)
        except TimeoutError:
            raise SecretError(f"its store gave no answer within {QUESTION_S:g} s") from None

    def _read(self, text: str) -> Secret:
        return self._vault().resolve(text)

    def _write(self, text: str, secret: Secret) -> str:
        reference = parse(text, self._vault().stores)
        return self._vault().backend(reference).write(reference, accept(reference, secret))

    def _previous(self, text: str) -> Secret:
        reference = parse(text, self._vault().stores)
        return self._vault().backend(reference).previous(reference).secret

    def _forget(self, text: str) -> None:
        reference = parse(text, self._vault().stores)
        self._vault().backend(reference).forget(reference)
