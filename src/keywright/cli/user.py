"""`keywright user`: people."""

from typing import Annotated, Final, Literal, TypeAlias

import typer

from keywright.cli.api import Api, path, run
from keywright.cli.nearest import USER, naming
from keywright.cli.options import ConfigFile, JsonFlag, Tags, Yes
from keywright.cli.screen import confirm, show_row, show_rows
from keywright.cli.words import NONE, body, change, said, tags
from keywright.control.resources import UserRow
from keywright.core.identity import Role

CREATE_EXAMPLE: Final = "Example: keywright user create ann --email ann@example.com --role viewer"
LIST_EXAMPLE: Final = "Example: keywright user list --json"
SHOW_EXAMPLE: Final = "Example: keywright user show ann"
UPDATE_EXAMPLE: Final = "Example: keywright user update ann --role none"
DISABLE_EXAMPLE: Final = "Example: keywright user disable ann --yes"
ENABLE_EXAMPLE: Final = "Example: keywright user enable ann"

COLUMNS: Final = ("name", "email", "role", "projects", "tags", "disabled")

UserName: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The user.")]
Email: TypeAlias = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where they get mail.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="user", help="Make, list and change users.")
    app.command("create", epilog=CREATE_EXAMPLE)(create)
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("show", epilog=SHOW_EXAMPLE)(show)
    app.command("update", epilog=UPDATE_EXAMPLE)(update)
    app.command("disable", epilog=DISABLE_EXAMPLE)(disable)
    app.command("enable", epilog=ENABLE_EXAMPLE)(enable)
    return app


def create(
    name: UserName,
    *,
    email: Email = None,
    role: Annotated[Role | None, typer.Option(help="On the whole organisation (else none).")] = None,
    tag: Tags = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a user."""
    wanted = body({"name": name, "email": said(email), "role": said(role), "tags": tags(tag)})
    show_row(run(config, lambda api: api.post("/users", wanted, UserRow), create=True), json=json)


def list_all(*, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """List users, with their roles on projects, disabled ones included."""
    show_rows(run(config, lambda api: api.rows("/users", UserRow)), COLUMNS, json=json)


def show(name: UserName, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Show one user."""
    show_row(run(config, lambda api: _user(api, name)), json=json)


def update(
    name: UserName,
    *,
    email: Email = None,
    role: Annotated[Literal[Role, "none"] | None, typer.Option(help="On the whole organisation.")] = None,
    tag: Tags = None,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Change a user: what is given, no more."""
    wanted = change({"email": said(email), "role": None if role == NONE else said(role), "tags": tags(tag)})

    async def work(api: Api) -> UserRow:
        async with naming(api, USER, name):
            return await api.patch(path("users", name), wanted, UserRow)

    show_row(run(config, work), json=json)


def disable(name: UserName, *, yes: Yes = False, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Disable a user: their keys are refused within two seconds, until they are enabled."""

    async def work(api: Api) -> UserRow:
        known = await _user(api, name)
        confirm(f"Disable the user {known.name}, and refuse their keys?", yes=yes)
        return await api.post(path("users", name, "disable"), None, UserRow)

    show_row(run(config, work), json=json)


def enable(name: UserName, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """Enable a user who was disabled: their keys work again."""

    async def work(api: Api) -> UserRow:
        async with naming(api, USER, name):
            return await api.post(path("users", name, "enable"), None, UserRow)

    show_row(run(config, work), json=json)


async def _user(api: Api, name: str) -> UserRow:
    async with naming(api, USER, name):
        return await api.get(path("users", name), UserRow)
