"""`/api/v1/keys`."""

from typing import Annotated

from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec.structs import replace

from keywright.control.desks.keys import KeyFilter
from keywright.control.http import ADesk, AnActor, APart, ControlRequest, IfMatch, expected, keep_instead, single
from keywright.control.resources import IssuedKeyRow, KeyBody, KeyChange, KeyRow, Page, Rotation, State
from keywright.core.identity import KeyKind

WITHHELD = "the key was told in the first answer to this request and is not known any more: rotate it for another"


def key_filter(
    project: FromQuery[str | None] = None,
    owner: FromQuery[str | None] = None,
    kind: FromQuery[KeyKind | None] = None,
    in_state: Annotated[State | None, QueryParameter(name="state")] = None,
    parent: FromQuery[str | None] = None,
) -> KeyFilter:
    """Which keys to list: a dependency."""
    return KeyFilter(project=project, owner=owner, kind=kind, state=in_state, parent=parent)


class KeyRoutes(Controller):
    """Keys."""

    path = "/keys"
    tags = ("keys",)

    @post()
    async def create(
        self,
        request: ControlRequest,
        actor: AnActor,
        desk: ADesk,
        data: JSONBody[KeyBody],
    ) -> Response[IssuedKeyRow]:
        """Make a key. It is told in this answer and never again."""
        return _told(request, await desk.keys.create(actor, data), 201)

    @get(dependencies={"which": Provide(key_filter, sync_to_thread=False)})
    async def page(
        self,
        actor: AnActor,
        desk: ADesk,
        part: APart,
        which: NamedDependency[KeyFilter],
    ) -> Page[KeyRow]:
        """List keys, the oldest first, revoked ones included."""
        return await desk.keys.page(actor, part, which)

    @get("/{key_id:str}")
    async def show(self, actor: AnActor, desk: ADesk, key_id: FromPath[str]) -> Response[KeyRow]:
        """One key, without its secret."""
        return single(await desk.keys.get(actor, key_id))

    @patch("/{key_id:str}")
    async def update(
        self,
        actor: AnActor,
        desk: ADesk,
        key_id: FromPath[str],
        data: JSONBody[KeyChange],
        if_match: IfMatch = None,
    ) -> Response[KeyRow]:
        """Change a key. What narrows it narrows those that are derived from it."""
        return single(await desk.keys.update(actor, key_id, expected(if_match), data))

    @post("/{key_id:str}/revoke", status_code=200)
    async def revoke(
        self,
        actor: AnActor,
        desk: ADesk,
        key_id: FromPath[str],
        if_match: IfMatch = None,
    ) -> Response[KeyRow]:
        """Refuse a key, and those that are derived from it, for ever."""
        return single(await desk.keys.revoke(actor, key_id, expected(if_match)))

    @post("/{key_id:str}/rotate", status_code=200)
    async def rotate(
        self,
        request: ControlRequest,
        actor: AnActor,
        desk: ADesk,
        key_id: FromPath[str],
        data: JSONBody[Rotation],
        if_match: IfMatch = None,
    ) -> Response[IssuedKeyRow]:
        """Give a key a new secret, which is told in this answer and never again."""
        return _told(request, await desk.keys.rotate(actor, key_id, expected(if_match), data), 200)

    @get("/{key_id:str}/children")
    async def children(
        self,
        actor: AnActor,
        desk: ADesk,
        key_id: FromPath[str],
        part: APart,
    ) -> Page[KeyRow]:
        """List the keys that are derived from one, the oldest first."""
        return await desk.keys.children(actor, key_id, part)


def _told(request: ControlRequest, row: IssuedKeyRow, status: int) -> Response[IssuedKeyRow]:
    keep_instead(request, replace(row, key=None, note=WITHHELD))
    return single(row, status)
