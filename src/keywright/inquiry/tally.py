"""How does a replay add up? Sums by rule, model, key and move, each with a few calls to look at."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from keywright.core.money import to_usd

EXAMPLES_MAX: Final = 5


class Row(Struct, frozen=True):
    """Calls of one group. `served_…` counts those that were, or would be, admitted; `examples` are request ids."""

    name: str
    calls: int
    served_before: int
    served_after: int
    before_usd: str
    after_usd: str
    examples: tuple[str, ...]


class Fate(Struct, frozen=True):
    """What became of one call, and what would: whether it is admitted, and its cost in picodollars."""

    id: str
    served_before: bool
    served_after: bool
    before: int
    after: int


class Group:
    """Sums of one group, as calls come."""

    __slots__ = ("after", "before", "calls", "examples", "served_after", "served_before")

    def __init__(self) -> None:
        self.calls = self.served_before = self.served_after = self.before = self.after = 0
        self.examples: list[str] = []

    def add(self, fate: Fate) -> None:
        """One more."""
        self.calls += 1
        self.served_before += fate.served_before
        self.served_after += fate.served_after
        self.before += fate.before
        self.after += fate.after
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(fate.id)

    def row(self, name: str) -> Row:
        """The sums."""
        return Row(
            name=name,
            calls=self.calls,
            served_before=self.served_before,
            served_after=self.served_after,
            before_usd=to_usd(self.before),
            after_usd=to_usd(self.after),
            examples=tuple(self.examples),
        )


class Tally:
    """Groups by name."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    def add(self, name: str, fate: Fate) -> None:
        """One more call of the group `name`."""
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = Group()
        group.add(fate)

    def rows(self) -> tuple[Row, ...]:
        """All groups, that with the most calls first."""
        ordered: Iterable[tuple[str, Group]] = sorted(self._groups.items(), key=lambda item: (-item[1].calls, item[0]))
        return tuple(group.row(name) for name, group in ordered)
