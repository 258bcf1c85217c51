"""What would budgets and limits have refused? Calls come in the order in which they started, one after the other.

It is told by the books, not by the clock: a call is settled before the next begins, so a budget is found as it would be
with nothing in flight, and a minute's rate is that of the calendar's minute. Each budget begins with all of its amount:
what was spent before the first call is not known here.
"""

import heapq
from collections import deque

from msgspec import Struct

from keywright.core.budget import rolling_s
from keywright.pipeline.terms import BudgetTerm, LimitTerm, Terms, counts_for

MINUTE_S = 60
US_PER_S = 10**6


class Need(Struct, frozen=True):
    """What one call takes. `worst` is taken of hard budgets while it runs, `cost` stays; picodollars.

    `names`: by which budgets on models know the model that serves it. `ends_us`: when it ends, Unix microseconds.
    """

    started_us: int
    ends_us: int
    worst: int
    cost: int
    tokens: int
    names: tuple[str, ...]


class Books:
    """Budgets and limits as they fill."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = {}
        self._rolling: dict[str, deque[tuple[int, int]]] = {}
        self._minutes: dict[str, tuple[int, int]] = {}
        self._running: dict[str, list[int]] = {}

    def refusal(self, terms: Terms, need: Need) -> BudgetTerm | LimitTerm | None:
        """The first that does not cover the call; None when all do."""
        now_s = need.started_us // US_PER_S
        for budget in terms.budgets:
            hard = budget.budget.hard and need.worst
            if hard and self._spent(budget, now_s) + need.worst > budget.budget.picodollars:
                return budget
        for limit in terms.limits:
            if self._used(limit, need) + _part(limit, need) > limit.cap:
                return limit
        return None

    def take(self, terms: Terms, need: Need) -> None:
        """Enter the call."""
        now_s = need.started_us // US_PER_S
        for budget in terms.budgets:
            if counts_for(budget.budget, need.names):
                self._charge(budget, now_s, need.cost)
        for limit in terms.limits:
            if limit.kind == "running":
                heapq.heappush(self._running.setdefault(limit.account, []), need.ends_us)
            else:
                used = self._used(limit, need) + _part(limit, need)
                self._minutes[limit.account] = (now_s // MINUTE_S, used)

    def _spent(self, term: BudgetTerm, now_s: int) -> int:
        account = term.account(now_s)
        rolls = rolling_s(term.budget.window)
        if rolls is not None:
            held = self._rolling.get(account)
            while held and held[0][0] <= (now_s - rolls) // MINUTE_S:
                self.spent[account] -= held.popleft()[1]
        return self.spent.get(account, 0)

    def _charge(self, term: BudgetTerm, now_s: int, amount: int) -> None:
        account, minute = term.account(now_s), now_s // MINUTE_S
        self.spent[account] = self._spent(term, now_s) + amount
        if rolling_s(term.budget.window) is not None:
            held = self._rolling.setdefault(account, deque())
            if held and held[-1][0] == minute:
                amount += held.pop()[1]
            held.append((minute, amount))

    def _used(self, limit: LimitTerm, need: Need) -> int:
        if limit.kind == "running":
            ends = self._running.get(limit.account, [])
            while ends and ends[0] <= need.started_us:
                heapq.heappop(ends)
            return len(ends)
        minute, used = self._minutes.get(limit.account, (0, 0))
        return used if minute == need.started_us // US_PER_S // MINUTE_S else 0


def _part(limit: LimitTerm, need: Need) -> int:
    """What the call takes of a limit: of tokens no more than there are, as one too large must be able to run at all."""
    return min(need.tokens, limit.cap) if limit.kind == "tokens" else 1
