"""Which price list a command means: the one that counts, or one that is named by its date or its file."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from keywright.cli.errors import CommandError
from keywright.cli.place import local_store

if TYPE_CHECKING:
    from keywright.catalog.snapshot import Snapshot
    from keywright.house.blueprint import Blueprint
    from keywright.store.price_lists import PriceLists


class Kept(Struct, frozen=True):
    """The lists of a store, and the one that counts."""

    lists: "PriceLists"
    snapshot: "Snapshot"


@asynccontextmanager
async def kept_lists(blueprint: "Blueprint", *, create: bool = False) -> AsyncIterator[Kept]:
    """The price lists of the store; the release's own is kept as any other. Where there is no store, one is made if
    `create` says so, else only the release's list is known.
    """
    import time

    from keywright.catalog.snapshot import DATA_FILE
    from keywright.store.address import MEMORY
    from keywright.store.price_lists import PriceLists
    from keywright.store.store import Store

    async with AsyncExitStack() as open_:
        try:
            store = await open_.enter_async_context(local_store(blueprint, create=create))
        except CommandError:  # there is no store yet
            store = await Store.open(MEMORY)
            open_.push_async_callback(store.close)
        lists = PriceLists(store.database)
        yield Kept(lists, await lists.adopt(DATA_FILE.read_bytes(), int(time.time())))


async def counting(blueprint: "Blueprint") -> "Snapshot":
    """The list that counts: the store's, or the release's own where there is no store."""
    from keywright.catalog.dating import is_newer
    from keywright.catalog.snapshot import bundled
    from keywright.store.price_lists import PriceLists

    release = bundled()
    try:
        async with local_store(blueprint, create=False) as store:
            newest = await PriceLists(store.database).newest()
    except CommandError:  # there is no store yet
        return release
    return release if newest is None or is_newer(release, newest) else newest


async def list_named(lists: "PriceLists", text: str) -> "Snapshot":
    """The list that `text` names: the date of a kept one, or a file.

    Raises:
        CommandError: it is neither.
    """
    in_file = _list_in_file(Path(text))
    if in_file is not None:
        return in_file
    try:
        found = await lists.at(text)
    except ValueError as error:
        raise CommandError(f"{error}, and there is no file of that name") from None
    if found is None:
        oldest = (await lists.all())[0].as_of
        raise CommandError(f"no price list of {text} or before is kept; the oldest is of {oldest}")
    return found


def _list_in_file(path: Path) -> "Snapshot | None":
    """The list in that file; None when there is no such file."""
    from datetime import UTC, datetime

    from keywright.catalog.received import read

    if not path.is_file():
        return None
    try:
        return read(path.read_bytes(), datetime.now(UTC).date(), "0001-01-01").snapshot
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from None
