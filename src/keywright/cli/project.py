"""`keywright project`: parts of the organisation, who works in them, and what their keys may do."""

from typing import Annotated, Final, TypeAlias

import typer

from keywright.cli import member
from keywright.cli.api import Api, path, run
from keywright.cli.nearest import PROJECT, naming
from keywright.cli.options import Cidrs, ConfigFile, JsonFlag, Models, Tags, Yes
from keywright.cli.screen import confirm, show_row, show_rows
from keywright.cli.words import Words, body, change, said, several, tags
from keywright.control.resources import ProjectRow

CREATE_EXAMPLE: Final = "Example: keywright project create search --title 'Search team' --models 'openai/*'"
LIST_EXAMPLE: Final = "Example: keywright project list --json"
SHOW_EXAMPLE: Final = "Example: keywright project show search"
UPDATE_EXAMPLE: Final = "Example: keywright project update search --models 'openai/*' --cidr 10.0.0.0/8"
ARCHIVE_EXAMPLE: Final = "Example: keywright project archive search --yes"
RESTORE_EXAMPLE: Final = "Example: keywright project restore search"

COLUMNS: Final = ("name", "title", "models", "endpoints", "cidrs", "allow_unpriced", "tags", "archived", "declared")

ProjectName: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The project.")]
Title: TypeAlias = Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it.")]
Endpoints: TypeAlias = Annotated[
    Words, typer.Option("--endpoint", metavar="NAME", help="All that its keys may call, as chat (repeatable).")
]
Unpriced: TypeAlias = Annotated[
    bool | None, typer.Option("--allow-unpriced/--no-allow-unpriced", help="Its keys may use models without a price.")
]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="project", help="Make, list and change projects, and who works in them.")
    app.command("create", epilog=CREATE_EXAMPLE)(create)
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("update", epilog=UPDATE_EXAMPLE)(update)
    app.command("archive", epilog=ARCHIVE_EXAMPLE)(archive)
    app.command("restore", epilog=RESTORE_EXAMPLE)(restore)
    app.add_typer(member.commands())
    return app


def create(
    name: ProjectName,
    *,
    title: Title = None,
    models: Models = None,
    endpoint: Endpoints = None,
    cidr: Cidrs = None,
    allow_unpriced: Unpriced = None,
    tag: Tags = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a project. Models, endpoints and networks narrow what its keys may do."""
    wanted = body({"name": name, **_fields(title, models, endpoint, cidr, allow_unpriced, tag)})
    show_row(run(config, lambda api: api.post("/projects", wanted, ProjectRow), create=True), json=json)


def list_all(*, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List projects, archived ones included."""
    show_rows(run(config, lambda api: api.rows("/projects", ProjectRow)), COLUMNS, json=json)


def show(name: ProjectName, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one project."""
    show_row(run(config, lambda api: _project(api, name)), json=json)


def update(
    name: ProjectName,
    *,
    title: Title = None,
    models: Models = None,
    endpoint: Endpoints = None,
    cidr: Cidrs = None,
    allow_unpriced: Unpriced = None,
    tag: Tags = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Change a project: what is given, no more."""
    wanted = change(_fields(title, models, endpoint, cidr, allow_unpriced, tag))

    async def work(api: Api) -> ProjectRow:
        async with naming(api, PROJECT, name):
            return await api.patch(path("projects", name), wanted, ProjectRow)

    show_row(run(config, work), json=json)


def archive(name: ProjectName, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Archive a project: its keys are refused within two seconds, until it is restored."""

    async def work(api: Api) -> ProjectRow:
        known = await _project(api, name)
        confirm(f"Archive the project {known.name}, and refuse its keys?", yes=yes)
        return await api.post(path("projects", name, "archive"), None, ProjectRow)

    show_row(run(config, work), json=json)


def restore(name: ProjectName, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Restore a project that was archived: its keys work again."""

    async def work(api: Api) -> ProjectRow:
        async with naming(api, PROJECT, name):
            return await api.post(path("projects", name, "restore"), None, ProjectRow)

    show_row(run(config, work), json=json)


async def _project(api: Api, name: str) -> ProjectRow:
    async with naming(api, PROJECT, name):
        return await api.get(path("projects", name), ProjectRow)


def _fields(
    title: str | None,
    models: Words,
    endpoint: Words,
    cidr: Words,
    allow_unpriced: bool | None,
    tag: Words,
) -> dict[str, object]:
    return {
        "title": said(title),
        "models": several(models),
        "endpoints": several(endpoint),
        "cidrs": several(cidr),
        "allow_unpriced": said(allow_unpriced),
        "tags": tags(tag),
    }
