"""Lists in parts. One row more than was asked for is read: whether it is there says whether there is a next part."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from keywright.control.resources import Page
from keywright.core.errors import ChangeRefusedError

LIMIT: Final = 100
LIMIT_MAX: Final = 1000

ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT")


class Part(Struct, frozen=True):
    """Which part of a list: up to `limit` behind what the cursor `after` names, "" for the beginning."""

    after: str = ""
    limit: int = LIMIT

    @property
    def wanted(self) -> int:
        """How many to read.

        Raises:
            ChangeRefusedError: invalid, the limit is out of range.
        """
        if not 0 < self.limit <= LIMIT_MAX:
            raise ChangeRefusedError("invalid", f"limit is a number from 1 to {LIMIT_MAX}", "limit")
        return self.limit + 1


def page(
    items: Sequence[ItemT], part: Part, row: Callable[[ItemT], RowT], cursor: Callable[[ItemT], str]
) -> Page[RowT]:
    """The page that shows the first `part.limit` of `items`."""
    shown = items[: part.limit]
    return Page(tuple(map(row, shown)), cursor(shown[-1]) if len(items) > part.limit else None)
