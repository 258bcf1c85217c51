"""`keywright rotate`: providers' keys, replaced now."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.screen import confirm, console, emit_json, note

if TYPE_CHECKING:
    from keywright.core.rotation import Rotation
    from keywright.core.secret import Secret
    from keywright.house import House
    from keywright.rotation.plan import Plan

EXAMPLE: Final = "Example: keywright rotate openai --dry-run"
BY: Final = "the command line"

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Credentials, as `keywright credential list` has them.")
]


def rotate(
    names: Names = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every credential whose key can be replaced.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Those whose keys are due by their schedule.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
    roll_back: Annotated[bool, typer.Option("--roll-back", help="Let the old key stay, while it still can.")] = False,
    yes: Yes = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Replace keys at their providers, without a call that fails; where a person has to make one, it is asked for.

    A rotation that is left in the middle is gone on with by the running gateway, or by this command called again.
    """
    from keywright.cli.at_home import at_home

    if sum((bool(names), all_of_them, due)) != 1:
        raise CommandError("name credentials, or say --all or --due")

    async def work() -> list["Rotation"] | list["Plan"]:
        async with at_home(config) as house:
            chosen = await _chosen(house, names or [], due=due)
            if roll_back:
                return [await _rolled_back(house, name) for name in chosen]
            plans = [await house.rotating.engine.plan(name) for name in chosen]
            if all_of_them:
                plans = [plan for plan in plans if not plan.obstacles]
            if dry_run:
                return plans
            await asyncio.to_thread(confirm, f"Replace the keys of {_listed(plans)}?", yes=yes)
            return [await _rotated(house, plan.credential, json=json) for plan in plans]

    found = asyncio.run(work())
    if json:
        emit_json({"rows": found})
    elif dry_run:
        _show_plans(found)
    failed = [one for one in found if getattr(one, "outcome", "done") == "failed"]
    if failed:
        raise typer.Exit(1)


async def _chosen(house: "House", names: list[str], *, due: bool) -> list[str]:
    from keywright.config.faults import nearest

    known = sorted(house.sources())
    for name in names:
        if name not in known:
            raise CommandError(f"there is no credential {name!r}; {nearest(name, known)}")
    if due:
        return [one.credential for one in await house.rotating.due()]
    return names or known


async def _rotated(house: "House", name: str, *, json: bool) -> "Rotation":
    """Begin one, or go on with the one that is there, to its end."""
    engine = house.rotating.engine
    last = await house.rotating.rotations.last(name)
    rotation = last if last is not None and not last.outcome else await engine.begin(name, BY)
    told = 0

    def tell(now: "Rotation") -> None:
        nonlocal told
        for past in now.past[told:]:
            if not json:
                console().print(f"{name}: {past.step}: {past.what}")
        told = len(now.past)
        if now.trouble and not json:
            note(f"{name}: {now.step}: {now.trouble}")

    while True:
        rotation = await engine.drive(rotation.id, tell)
        if rotation.outcome:
            return rotation
        rotation = await engine.supply(rotation.id, await asyncio.to_thread(_pasted, name), BY)


async def _rolled_back(house: "House", name: str) -> "Rotation":
    last = await house.rotating.rotations.last(name)
    if last is None or last.outcome:
        raise CommandError(f"no key of {name} is being replaced")
    engine = house.rotating.engine
    return await engine.drive((await engine.roll_back(last.id, BY)).id, lambda _: None)


def _pasted(name: str) -> "Secret":
    """The key that a person has made: typed without an echo, or a line of standard input."""
    from getpass import getpass

    from keywright.core.secret import Secret

    text = getpass(f"The new key of {name}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not text.strip():
        raise CommandError(f"no key was given for {name}: its rotation waits for one")
    return Secret(text.strip())


def _listed(plans: "list[Plan]") -> str:
    return ", ".join(plan.credential for plan in plans) or "no credential"


def _show_plans(plans: object) -> None:
    from keywright.rotation.plan import Plan

    for plan in plans if isinstance(plans, list) else []:
        assert isinstance(plan, Plan)
        console().print(f"{plan.credential} ({plan.driver})")
        for line in plan.steps:
            console().print(f"  - {line}")
        for line in plan.obstacles:
            console().print(f"  ! {line}")
