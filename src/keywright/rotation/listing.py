"""How providers list keys: without their secrets, in pages; and which of them is ours."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias, TypeVar

from keywright.core.errors import RotationError
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.vault.hint import fits

PAGES_MAX: Final = 100
"""Of one listing: more is a server that goes in circles, or more keys than anyone should have."""

LISTING_S: Final = 120.0


class Hinted(Protocol):
    """A key as its provider lists it: without its secret, but with its ends."""

    @property
    def mark(self) -> KeyMark: ...
    @property
    def hint(self) -> str: ...


H = TypeVar("H", bound=Hinted)

NextPage: TypeAlias = Callable[[list[H]], Awaitable[tuple[list[H], bool]]]
"""Gives the keys of a listing that come after those it is given, and whether there are more. Raises RotationError."""


async def whole(who: str, to: str, page: NextPage[H]) -> list[H]:
    """All keys that `who` lists. `to`: what for, to be read after "asked to".

    Raises:
        RotationError: as `page` does; or it takes longer than `LISTING_S`, or has more than `PAGES_MAX` pages.
    """
    found: dict[str, H] = {}
    try:
        async with asyncio.timeout(LISTING_S):
            for _ in range(PAGES_MAX):
                keys, has_more = await page([*found.values()])
                before = len(found)
                found |= {key.mark.id: key for key in keys}
                if not has_more or len(found) == before:
                    return [*found.values()]
    except TimeoutError:
        raise RotationError(f"{who} did not {to} within {LISTING_S:g} s", passing=True) from None
    raise RotationError(f"{who}, asked to {to}, gives more than {PAGES_MAX} pages")


def the_one(secret: Secret, keys: list[H], where: str) -> H:
    """The key of which `secret` is. `where`: where they are listed, for people.

    Raises:
        RotationError: none has its ends, or several have.
    """
    found = [key for key in keys if fits(secret, key.hint)]
    match found:
        case [key]:
            return key
        case []:
            raise RotationError(
                f"none of the {len(keys)} keys of {where} has the ends of the key {secret.fingerprint}: "
                "it is somebody else's, or has been deleted"
            )
        case _:
            ids = ", ".join(key.mark.id for key in found)
            raise RotationError(f"several keys of {where} have the ends of the key {secret.fingerprint}: {ids}")
