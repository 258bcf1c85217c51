"""`keywright service-account`: programs, each of one project."""

from typing import Annotated, Final, TypeAlias

import typer

from keywright.cli.api import Api, path, run
from keywright.cli.nearest import PROJECT, SERVICE_ACCOUNT, naming
from keywright.cli.options import ConfigFile, JsonFlag, Tags, Yes
from keywright.cli.screen import confirm, show_row, show_rows
from keywright.cli.words import body, change, said, tags
from keywright.control.resources import ServiceAccountRow
from keywright.core.identity import DEFAULT_PROJECT

CREATE_EXAMPLE: Final = "Example: keywright service-account create indexer --project search"
LIST_EXAMPLE: Final = "Example: keywright service-account list --project search --json"
SHOW_EXAMPLE: Final = "Example: keywright service-account show indexer"
UPDATE_EXAMPLE: Final = "Example: keywright service-account update indexer --title 'Nightly indexer'"
DISABLE_EXAMPLE: Final = "Example: keywright service-account disable indexer --yes"
ENABLE_EXAMPLE: Final = "Example: keywright service-account enable indexer"

COLUMNS: Final = ("name", "project", "title", "tags", "disabled")

AccountName: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The service account.")]
Title: TypeAlias = Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="service-account", help="Make, list and change service accounts.")
    app.command("create", epilog=CREATE_EXAMPLE)(create)
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("update", epilog=UPDATE_EXAMPLE)(update)
    app.command("disable", epilog=DISABLE_EXAMPLE)(disable)
    app.command("enable", epilog=ENABLE_EXAMPLE)(enable)
    return app


def create(
    name: AccountName,
    *,
    project: Annotated[str, typer.Option(metavar="NAME", help="Whose it is.")] = DEFAULT_PROJECT,
    title: Title = None,
    tag: Tags = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a service account."""
    wanted = body({"name": name, "project": project, "title": said(title), "tags": tags(tag)})

    async def work(api: Api) -> ServiceAccountRow:
        async with naming(api, PROJECT, project):
            return await api.post("/service-accounts", wanted, ServiceAccountRow)

    show_row(run(config, work, create=True), json=json)


def list_all(
    *,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of that project.")] = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """List service accounts, disabled ones included."""
    which = {"project": project}
    rows = run(config, lambda api: api.rows("/service-accounts", ServiceAccountRow, which))
    show_rows(rows, COLUMNS, json=json)


def show(name: AccountName, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one service account."""
    show_row(run(config, lambda api: _account(api, name)), json=json)


def update(
    name: AccountName,
    *,
    title: Title = None,
    tag: Tags = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Change a service account: what is given, no more. Its project stays."""
    wanted = change({"title": said(title), "tags": tags(tag)})

    async def work(api: Api) -> ServiceAccountRow:
        async with naming(api, SERVICE_ACCOUNT, name):
            return await api.patch(path("service-accounts", name), wanted, ServiceAccountRow)

    show_row(run(config, work), json=json)


def disable(name: AccountName, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Disable a service account: its keys are refused within two seconds, until it is enabled."""

    async def work(api: Api) -> ServiceAccountRow:
        known = await _account(api, name)
        confirm(f"Disable the service account {known.name}, and refuse its keys?", yes=yes)
        return await api.post(path("service-accounts", name, "disable"), None, ServiceAccountRow)

    show_row(run(config, work), json=json)


def enable(name: AccountName, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Enable a service account that was disabled: its keys work again."""

    async def work(api: Api) -> ServiceAccountRow:
        async with naming(api, SERVICE_ACCOUNT, name):
            return await api.post(path("service-accounts", name, "enable"), None, ServiceAccountRow)

    show_row(run(config, work), json=json)


async def _account(api: Api, name: str) -> ServiceAccountRow:
    async with naming(api, SERVICE_ACCOUNT, name):
        return await api.get(path("service-accounts", name), ServiceAccountRow)
