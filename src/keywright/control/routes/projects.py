"""`/api/v1/projects`."""

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody

from keywright.control.http import ADesk, AnActor, APart, IfMatch, expected, single
from keywright.control.resources import MemberBody, MemberRow, Page, ProjectBody, ProjectChange, ProjectRow


class ProjectRoutes(Controller):
    """Projects and their members."""

    path = "/projects"
    tags = ("projects",)

    @post()
    async def create(self, actor: AnActor, desk: ADesk, data: JSONBody[ProjectBody]) -> Response[ProjectRow]:
        """Make a project."""
        return single(await desk.projects.create(actor, data), 201)

    @get()
    async def page(self, actor: AnActor, desk: ADesk, part: APart) -> Page[ProjectRow]:
        """List projects, by name."""
        return await desk.projects.page(actor, part)

    @get("/{name:str}")
    async def show(self, actor: AnActor, desk: ADesk, name: FromPath[str]) -> Response[ProjectRow]:
        """One project."""
        return single(await desk.projects.get(actor, name))

    @patch("/{name:str}")
    async def update(
        self,
        actor: AnActor,
        desk: ADesk,
        name: FromPath[str],
        data: JSONBody[ProjectChange],
        if_match: IfMatch = None,
    ) -> Response[ProjectRow]:
        """Change a project."""
        return single(await desk.projects.update(actor, name, expected(if_match), data))

    @post("/{name:str}/archive", status_code=200)
    async def archive(
        self, actor: AnActor, desk: ADesk, name: FromPath[str], if_match: IfMatch = None
    ) -> Response[ProjectRow]:
        """Refuse the project's keys from now on."""
        return single(await desk.projects.archive(actor, name, expected(if_match), archived=True))

    @post("/{name:str}/restore", status_code=200)
    async def restore(
        self, actor: AnActor, desk: ADesk, name: FromPath[str], if_match: IfMatch = None
    ) -> Response[ProjectRow]:
        """Accept the project's keys again."""
        return single(await desk.projects.archive(actor, name, expected(if_match), archived=False))

    @get("/{name:str}/members")
    async def members(
        self,
        actor: AnActor,
        desk: ADesk,
        name: FromPath[str],
        part: APart,
    ) -> Page[MemberRow]:
        """List the members of a project, by user."""
        return await desk.projects.members(actor, name, part)

    @get("/{name:str}/members/{user:str}")
    async def member(
        self, actor: AnActor, desk: ADesk, name: FromPath[str], user: FromPath[str]
    ) -> Response[MemberRow]:
        """A user's role on a project."""
        return single(await desk.projects.member(actor, name, user))

    @put("/{name:str}/members/{user:str}")
    async def put_member(
        self,
        actor: AnActor,
        desk: ADesk,
        name: FromPath[str],
        user: FromPath[str],
        data: JSONBody[MemberBody],
    ) -> Response[MemberRow]:
        """Give a user a role on a project."""
        await desk.projects.put_member(actor, name, user, data.role)
        return single(MemberRow(name, user, data.role))

    @delete("/{name:str}/members/{user:str}")
    async def remove_member(self, actor: AnActor, desk: ADesk, name: FromPath[str], user: FromPath[str]) -> None:
        """Take a user's role on a project away."""
        await desk.projects.put_member(actor, name, user, None)
