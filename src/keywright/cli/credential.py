"""`keywright credential`: what providers are called with, where it lives, and how it fares."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag
from keywright.cli.screen import note, show_rows

if TYPE_CHECKING:
    from keywright.house import House
    from keywright.house.inventory import CredentialRow

LIST_EXAMPLE: Final = "Example: keywright credential list --verify"
DISABLE_EXAMPLE: Final = "Example: keywright credential disable openai/team-a"
COLUMNS: Final = (
    "name",
    "lives_at",
    "fingerprint",
    "kind",
    "age_days",
    "last_use",
    "last_verified",
    "expires",
    "used_by",
    "cost_this_month_usd",
    "state",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `keywright credential list` has it.")]


def commands() -> typer.Typer:
    """The group."""
    app = typer.Typer(name="credential", help="See what providers are called with, and turn it off.")
    app.command("list", epilog=LIST_EXAMPLE)(list_all)
    app.command("disable", epilog=DISABLE_EXAMPLE)(disable)
    app.command("enable")(enable)
    return app


def list_all(
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Ask each provider whether it accepts its key.")] = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """List credentials: where each lives, its key's fingerprint, kind and age, who uses it, and what it cost."""
    from keywright.cli.at_home import at_home
    from keywright.house.inventory import inventory, verify_all

    async def work() -> "list[CredentialRow]":
        async with at_home(config) as house:
            if verify:
                await verify_all(house)
            return await inventory(house, int(time.time()))

    show_rows(asyncio.run(work()), COLUMNS, json=json, figures=("age_days", "cost_this_month_usd"))


def disable(name: Name, *, config: ConfigFile = None) -> None:
    """Let no call use a credential from now on, in any process."""
    _turn(name, config, disabled=True)


def enable(name: Name, *, config: ConfigFile = None) -> None:
    """Let calls use it again."""
    _turn(name, config, disabled=False)


def _turn(name: str, config: ConfigFile, *, disabled: bool) -> None:
    from msgspec.structs import replace

    from keywright.cli.at_home import at_home
    from keywright.config.faults import nearest

    async def work(house: "House") -> None:
        if name not in house.sources():
            raise CommandError(f"there is no credential {name!r}; {nearest(name, sorted(house.sources()))}")
        await house.rotating.states.change(name, lambda known: replace(known, disabled=disabled))

    async def at() -> None:
        async with at_home(config) as house:
            await work(house)

    asyncio.run(at())
    note(f"{name} is {'disabled' if disabled else 'enabled'}; running gateways follow within two seconds")
