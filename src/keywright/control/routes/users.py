"""`/api/v1/users`."""

from litestar import Controller, Response, get, patch, post
from litestar.params import FromPath, JSONBody

from keywright.control.http import ADesk, AnActor, APart, IfMatch, expected, single
from keywright.control.resources import Page, UserBody, UserChange, UserRow


class UserRoutes(Controller):
    """Users."""

    path = "/users"
    tags = ("users",)

    @post()
    async def create(self, actor: AnActor, desk: ADesk, data: JSONBody[UserBody]) -> Response[UserRow]:
        """Make a user."""
        return single(await desk.users.create(actor, data), 201)

    @get()
    async def page(self, actor: AnActor, desk: ADesk, part: APart) -> Page[UserRow]:
        """List users, by name."""
        return await desk.users.page(actor, part)

    @get("/{name:str}")
    async def show(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> Response[UserRow]:
        """One user."""
        return single(await desk.users.get(actor, name))

    @patch("/{name:str}")
    async def update(
        self,
        actor: AnActor,
        desk: ADesk,
        name: FromPath[str],
        data: JSONBody[UserChange],
        if_match: IfMatch = None,
    ) -> Response[UserRow]:
        """Change a user."""
        return single(await desk.users.update(actor, name, expected(if_match), data))

    @post("/{name:str}/disable", status_code=200)
    async def disable(
        self, actor: AnActor, desk: ADesk, name: FromPath[str], if_match: IfMatch = None
    ) -> Response[UserRow]:
        """Refuse the user's keys from now on."""
        return single(await desk.users.disable(actor, name, expected(if_match), disabled=True))

    @post("/{name:str}/enable", status_code=200)
    async def enable(
        self, actor: AnActor, desk: ADesk, name: FromPath[str], if_match: IfMatch = None
    ) -> Response[UserRow]:
        """Accept the user's keys again."""
        return single(await desk.users.disable(actor, name, expected(if_match), disabled=False))
