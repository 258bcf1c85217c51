"""Limits."""

from msgspec import UNSET
from msgspec.structs import replace

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.desks.bounds import Bounds, require_own
from keywright.control.desks.names import new_id
from keywright.control.paging import Part, page
from keywright.control.resources import LimitBody, LimitChange, LimitRow, Page
from keywright.control.rows import limit_row
from keywright.core.budget import Limit
from keywright.core.errors import ChangeRefusedError
from keywright.store import budgets as store


class Limits:
    """The limits of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._limits = store.Budgets(blueprint.store.database)
        self._bounds = Bounds(blueprint.store.database)
        self._blueprint = blueprint

    async def create(self, by: Actor, body: LimitBody) -> LimitRow:
        """Make one. It counts from now on."""
        on = reading.on(body.on)
        await self._bounds.require(by, on)
        limit = Limit(
            id=new_id("lim", self._blueprint.random),
            on=on,
            created_s=self._blueprint.now_s(),
            requests_per_min=reading.count(body.requests_per_min, "requests_per_min"),
            tokens_per_min=reading.count(body.tokens_per_min, "tokens_per_min"),
            concurrency=reading.count(body.concurrency, "concurrency"),
        )
        _require_any(limit)
        await self._limits.add(limit)
        await self._blueprint.on_change()
        return limit_row(limit)

    async def page(self, by: Actor, part: Part, on: str | None) -> Page[LimitRow]:
        """Those that they may see, by id; on one subject, unless that is None."""
        subject = None if on is None else reading.on(on)
        return page(await self._bounds.visible(by, part, Limit, subject), part, limit_row, lambda limit: limit.id)

    async def get(self, by: Actor, limit_id: str) -> LimitRow:
        """One."""
        return limit_row(await self._seen(by, limit_id))

    async def update(self, by: Actor, limit_id: str, expected: int | None, body: LimitChange) -> LimitRow:
        """Change one. `expected`: the version that is to be changed, None for whichever there is."""
        await self._bounds.require(by, (await self._seen(by, limit_id)).on)

        def change(limit: Limit) -> Limit:
            require_own("limit", limit.declared)
            changed = replace(
                limit,
                requests_per_min=limit.requests_per_min
                if body.requests_per_min is UNSET
                else reading.count(body.requests_per_min, "requests_per_min"),
                tokens_per_min=limit.tokens_per_min
                if body.tokens_per_min is UNSET
                else reading.count(body.tokens_per_min, "tokens_per_min"),
                concurrency=limit.concurrency
                if body.concurrency is UNSET
                else reading.count(body.concurrency, "concurrency"),
            )
            _require_any(changed)
            return changed

        limit = await self._limits.change(Limit, limit_id, expected, change)
        await self._blueprint.on_change()
        return limit_row(limit)

    async def delete(self, by: Actor, limit_id: str, expected: int | None) -> None:
        """Forget one."""
        await self._bounds.require(by, (await self._seen(by, limit_id)).on)
        await self._limits.remove(Limit, limit_id, expected, lambda limit: require_own("limit", limit.declared))
        await self._blueprint.on_change()

    async def _seen(self, by: Actor, limit_id: str) -> Limit:
        """The limit, if they may see it."""
        limit = await self._limits.one(Limit, limit_id)
        if limit is None or not await self._bounds.may(by, "budgets.read", limit.on):
            raise ChangeRefusedError("not_found", f"there is no limit {limit_id!r}")
        return limit


def _require_any(limit: Limit) -> None:
    if limit.requests_per_min is None and limit.tokens_per_min is None and limit.concurrency is None:
        message = "a limit limits something: requests_per_min, tokens_per_min or concurrency"
        raise ChangeRefusedError("invalid", message)
