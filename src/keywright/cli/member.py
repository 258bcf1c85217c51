"""`keywright project member`: who has which role on a project."""

from typing import Annotated, Final, TypeAlias

import typer

from keywright.cli.api import Api, path, run
from keywright.cli.nearest import PROJECT, USER, naming
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.screen import confirm, console, emit_json, show_row, show_rows
from keywright.control.resources import MemberRow
from keywright.core.identity import Role

ADD_EXAMPLE: Final = "Example: keywright project member add search ann --role admin"
REMOVE_EXAMPLE: Final = "Example: keywright project member remove search ann --yes"
LIST_EXAMPLE: Final = "Example: keywright project member list search"

ProjectName: TypeAlias = Annotated[str, typer.Argument(metavar="PROJECT", help="The project.")]
UserName: TypeAlias = Annotated[str, typer.Argument(metavar="USER", help="The user.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="member", help="Say who has which role on a project.")
    app.command("add", epilog=ADD_EXAMPLE)(add)
    app.command("remove", epilog=REMOVE_EXAMPLE)(remove)
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    return app


def add(
    project: ProjectName,
    user: UserName,
    *,
    role: Annotated[Role, typer.Option(help="What they may do there.")] = "member",
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Give a user a role on a project, or another one."""

    async def work(api: Api) -> MemberRow:
        async with naming(api, PROJECT, project), naming(api, USER, user):
            return await api.put(path("projects", project, "members", user), {"role": role}, MemberRow)

    show_row(run(config, work), json=json)


def remove(
    project: ProjectName,
    user: UserName,
    *,
    yes: Yes = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Take a user's role on a project away."""

    async def work(api: Api) -> MemberRow:
        at = path("projects", project, "members", user)
        async with naming(api, PROJECT, project), naming(api, USER, user):
            row = await api.get(at, MemberRow)
        confirm(f"Take the role {row.role} on the project {project} away from {user}?", yes=yes)
        await api.delete(at)
        return row

    row = run(config, work)
    if json:
        emit_json(row)
    else:
        console().print(f"{user} is no {row.role} of the project {project} any more")


def list_all(project: ProjectName, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List who has a role on a project."""

    async def work(api: Api) -> list[MemberRow]:
        async with naming(api, PROJECT, project):
            return await api.rows(path("projects", project, "members"), MemberRow)

    show_rows(run(config, work), ("user", "role"), json=json)
