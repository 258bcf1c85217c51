"""Single calls: the ledger's entries."""

from msgspec import Struct

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.paging import Part, page
from keywright.control.resources import Page, RequestRow, RequestSummary
from keywright.control.rows import request_row, request_summary
from keywright.core.entry import Entry, Outcome
from keywright.core.errors import ChangeRefusedError
from keywright.store.calls import Before, CallQuery, Calls

DAY_S = 86_400


class RequestFilter(Struct, frozen=True):
    """Which calls to list; None: whichever. `since` and `until`: times, or how long ago (`7d`)."""

    since: str | None = None
    until: str | None = None
    project: str | None = None
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    credential: str | None = None
    outcome: Outcome | None = None
    user: str | None = None


class Requests:
    """The calls of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._calls = Calls(blueprint.store.database)
        self._blueprint = blueprint

    async def page(self, by: Actor, part: Part, which: RequestFilter) -> Page[RequestSummary]:
        """Those that they may see, the newest first; of the last day, unless `since` says otherwise."""
        now_s = self._blueprint.now_s()
        sight = by.sight("calls.read")
        query = CallQuery(
            since_s=reading.when_s(which.since, "since", now_s - DAY_S, now_s),
            until_s=reading.when_s(which.until, "until", now_s + 1, now_s),
            project=which.project,
            key=which.key,
            model=which.model,
            provider=which.provider,
            credential=which.credential,
            outcome=which.outcome,
            of_keys=None if which.user is None else await self._calls.keys_of(which.user),
            projects=sight.projects,
            keys=await self._calls.keys_of(sight.user) if sight.user else (),
        )
        found = await self._calls.page(query, _before(part.after), part.wanted)
        return page(found, part, request_summary, lambda entry: f"{entry.started_us}-{entry.id}")

    async def get(self, by: Actor, request_id: str) -> RequestRow:
        """One, with all that is known of it."""
        return request_row(await self.entry(by, request_id))

    async def entry(self, by: Actor, request_id: str) -> Entry:
        """The ledger's entry of one, if they may see it."""
        entry = await self._blueprint.store.entry(request_id)
        if entry is not None:
            user = by.user if by.user and await self._is_theirs(by, entry) else None
            if by.may("calls.read", entry.project, user):
                return entry
        raise ChangeRefusedError("not_found", f"there is no request {request_id!r}")

    async def _is_theirs(self, by: Actor, entry: Entry) -> bool:
        key = await self._blueprint.store.key(entry.key_id)
        return key is not None and key.owner_kind == "user" and key.owner == by.user


def _before(cursor: str) -> Before | None:
    if not cursor:
        return None
    started, _, request_id = cursor.partition("-")
    if not (started.isascii() and started.isdigit() and len(started) < 20 and request_id):
        raise ChangeRefusedError("invalid", f"{cursor!r} is no place in this list", "after")
    return Before(int(started), request_id)
