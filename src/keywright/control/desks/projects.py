"""Projects and their members."""

from msgspec import UNSET
from msgspec.structs import replace

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.paging import Part, page
from keywright.control.permissions import RANK
from keywright.control.resources import MemberRow, Page, ProjectBody, ProjectChange, ProjectRow
from keywright.control.rows import member_row, project_row
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import DEFAULT_PROJECT, Project, Role
from keywright.store.realms import Realms, Standing


class Projects:
    """The projects of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._realms = Realms(blueprint.store.database)
        self._blueprint = blueprint

    async def create(self, by: Actor, body: ProjectBody) -> ProjectRow:
        """Make one."""
        by.require("projects.create")
        project = Project(
            name=reading.name(body.name, "project"),
            created_s=self._blueprint.now_s(),
            title=reading.title(body.title, "title"),
            models=reading.globs(body.models),
            endpoints=reading.endpoints(body.endpoints),
            cidrs=reading.cidrs(body.cidrs),
            allow_unpriced=body.allow_unpriced,
            tags=reading.tags(body.tags),
        )
        await self._realms.add(project)
        await self._blueprint.on_change()
        return project_row(project)

    async def page(self, by: Actor, part: Part) -> Page[ProjectRow]:
        """Those that they may see, by name."""
        sight = by.sight("projects.read")
        found = await self._realms.page(Project, part.after, part.wanted, sight.projects)
        return page(found, part, project_row, lambda project: project.name)

    async def get(self, by: Actor, name: str) -> ProjectRow:
        """One."""
        return project_row(await self._seen(by, name))

    async def update(self, by: Actor, name: str, expected: int | None, body: ProjectChange) -> ProjectRow:
        """Change one. `expected`: the version that is to be changed, None for whichever there is."""
        await self._seen(by, name)
        by.require("projects.change", name)

        def change(project: Project) -> Project:
            _require_own(project)
            return replace(
                project,
                title=project.title if body.title is UNSET else reading.title(body.title, "title"),
                models=project.models if body.models is UNSET else reading.globs(body.models),
                endpoints=project.endpoints if body.endpoints is UNSET else reading.endpoints(body.endpoints),
                cidrs=project.cidrs if body.cidrs is UNSET else reading.cidrs(body.cidrs),
                allow_unpriced=project.allow_unpriced if body.allow_unpriced is UNSET else body.allow_unpriced,
                tags=project.tags if body.tags is UNSET else reading.tags(body.tags),
            )

        project = await self._realms.change(Project, name, expected, change)
        await self._blueprint.on_change()
        return project_row(project)

    async def archive(self, by: Actor, name: str, expected: int | None, *, archived: bool) -> ProjectRow:
        """Refuse its keys from now on, or (not `archived`) accept them again."""
        await self._seen(by, name)
        by.require("projects.change", name)
        if archived and name == DEFAULT_PROJECT:
            raise ChangeRefusedError("conflict", f"the project {DEFAULT_PROJECT!r} cannot be archived")
        now_s = self._blueprint.now_s()

        def change(project: Project) -> Project:
            _require_own(project)
            if archived == (project.archived_s is not None):
                return project
            return replace(project, archived_s=now_s if archived else None)

        project = await self._realms.change(Project, name, expected, change)
        await self._blueprint.on_change()
        return project_row(project)

    async def members(self, by: Actor, name: str, part: Part) -> Page[MemberRow]:
        """Who has a role on it, by user."""
        await self._seen(by, name)
        by.require("members.read", name)
        wanted = part.wanted
        found = [member for member in await self._realms.members(project=name) if member.user > part.after]
        return page(found[:wanted], part, member_row, lambda member: member.user)

    async def member(self, by: Actor, name: str, user: str) -> MemberRow:
        """A user's role on it."""
        await self._seen(by, name)
        by.require("members.read", name)
        found = await self._realms.members(project=name, users=(user,))
        if not found:
            raise ChangeRefusedError("not_found", f"{user!r} is no member of the project {name!r}")
        return member_row(found[0])

    async def put_member(self, by: Actor, name: str, user: str, role: Role | None) -> None:
        """Give a user a role on it; None takes it away. Nobody gives or takes a role that is above their own."""
        await self._seen(by, name)
        by.require("members.change", name)

        def allow(before: Role | None, _: Standing) -> None:
            for each in (before, role):
                if RANK[each] > by.rights.on(name):
                    raise ChangeRefusedError("forbidden", f"{by.name} may not give or take the role {each}", "role")

        await self._realms.put_member(name, user, role, allow)
        await self._blueprint.on_change()

    async def _seen(self, by: Actor, name: str) -> Project:
        """The project, if they may see it."""
        project = await self._realms.one(Project, name) if by.may("projects.read", name) else None
        if project is None:
            raise ChangeRefusedError("not_found", f"there is no project {name!r}")
        return project


def _require_own(project: Project) -> None:
    if project.declared:
        raise ChangeRefusedError(
            "conflict", f"the configuration declares the project {project.name!r}: change it there"
        )
