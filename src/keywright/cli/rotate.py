"""`keywright rotate`: providers' keys, replaced now."""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, assert_never

import typer
from msgspec import Struct

from keywright.cli.api import Api, path
from keywright.cli.at_home import run_with_keys
from keywright.cli.credential import inventory
from keywright.cli.errors import FAILED, ApiRefusedError, CommandError
from keywright.cli.interrupt import interruptible
from keywright.cli.options import ConfigFile, JsonFlag, Yes
from keywright.cli.screen import confirm, console, emit_json, note, printable, say_error
from keywright.control.resources import InventoryRow, ReplacementRow
from keywright.rotation.plan import Plan

if TYPE_CHECKING:
    from keywright.core.secret import Secret

EXAMPLE: Final = "Example: keywright rotate openai --dry-run"
LOOK_S: Final = 0.5
"""How often it is asked how a rotation stands."""
GIVE_S: Final = 90.0
"""For how long a key is offered: longer than who has died seems to be at a rotation."""

DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]
RollBack: TypeAlias = Annotated[bool, typer.Option("--roll-back", help="Let the old key stay, while it still can.")]
Insist: TypeAlias = Annotated[
    bool, typer.Option("--insist", help="Let the old key end, though somebody unknown still uses it.")
]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Credentials, as `keywright credential list` has them.")
]


class Refused(Struct, frozen=True):
    """A credential whose key was not replaced, beside others: why not."""

    credential: str
    error: str


def rotate(
    names: Names = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every credential whose key can be replaced.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Those whose keys are due by their schedule.")] = False,
    dry_run: DryRun = False,
    roll_back: RollBack = False,
    insist: Insist = False,
    yes: Yes = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Replace keys at their providers, without a call that fails; where a person has to make one, it is asked for.

    A rotation that is left in the middle is gone on with by the running gateway, or by this command called again.
    """
    if sum((bool(names), all_of_them, due)) != 1:
        raise CommandError("name credentials, or say --all or --due: one of the three")
    if sum((dry_run, roll_back, insist)) > 1:
        raise CommandError("--dry-run, --roll-back and --insist exclude each other")

    async def work(api: Api) -> Sequence[ReplacementRow | Plan | Refused]:
        chosen = await _chosen(api, names or [], due=due)
        if roll_back or insist:
            word = "roll-back" if roll_back else "insist"
            running = [row for row in chosen if row.rotation is not None or names]
            if not running:
                note("no key is being replaced")
            return [await _turned(api, row, word, json=json) for row in running]
        plans = [await api.get(path("credentials", row.name, "plan"), Plan) for row in chosen]
        if all_of_them:
            plans = _replaceable(plans)
        if not plans:
            note("no key is due" if due else "no key can be replaced")
        if dry_run or not plans:
            return plans
        confirm(f"Replace the keys of {', '.join(plan.credential for plan in plans)}?", yes=yes)
        return await _each(api, plans, json=json)

    found = run_with_keys(config, work)
    if json:
        emit_json({"rows": found})
    else:
        _show_plans(found)
    if any(_is_in_vain(one, roll_back=roll_back) for one in found):
        raise typer.Exit(FAILED)


def _replaceable(plans: list[Plan]) -> list[Plan]:
    """Those against which nothing stands; of the others it is said what does."""
    for plan in plans:
        if plan.obstacles:
            note(f"{plan.credential} is left out: {'; '.join(plan.obstacles)}")
    return [plan for plan in plans if not plan.obstacles]


def _is_in_vain(one: ReplacementRow | Plan | Refused, *, roll_back: bool) -> bool:
    """Whether what was asked for was not done."""
    match one:
        case ReplacementRow():
            return one.state == "failed" or (one.state == "rolled_back" and not roll_back)
        case Refused():
            return True
        case Plan():
            return False
        case _:
            assert_never(one)


async def _chosen(api: Api, names: list[str], *, due: bool) -> list[InventoryRow]:
    if names:
        return [await api.get(path("credentials", name), InventoryRow) for name in names]
    return await inventory(api, due=due)


async def _each(api: Api, plans: list[Plan], *, json: bool) -> list[ReplacementRow | Refused]:
    """One after the other. One that is refused, or gets no key, is in the way of no other; alone it is the error."""
    found: list[ReplacementRow | Refused] = []
    for plan in plans:
        try:
            found.append(await _rotated(api, plan.credential, json=json))
        except CommandError as error:
            if len(plans) == 1:
                raise
            say_error(f"{plan.credential}: {error}")
            found.append(Refused(plan.credential, str(error)))
    return found


async def _rotated(api: Api, name: str, *, json: bool) -> ReplacementRow:
    """Begin one, or follow the one that is there, to its end."""
    running = (await api.get(path("credentials", name), InventoryRow)).rotation
    if running is None:
        running = (await api.post("/rotations", {"credential": name}, ReplacementRow)).id
    return await followed(api, running, json=json)


async def _turned(api: Api, row: InventoryRow, word: str, *, json: bool) -> ReplacementRow:
    if row.rotation is None:
        raise CommandError(f"no key of {row.name} is being replaced")
    turned = await api.post(path("rotations", row.rotation, word), None, ReplacementRow)
    return await followed(api, turned.id, json=json)


async def followed(api: Api, rotation_id: str, *, json: bool) -> ReplacementRow:
    """The rotation at its end; until then what happens is told, and a key is asked for where one is waited for."""
    told, trouble = 0, ""
    while True:
        now = await api.get(path("rotations", rotation_id), ReplacementRow)
        if not json:
            for past in now.past[told:]:
                console().print(printable(f"{now.credential}: {past.step}: {past.what}"))
            if now.trouble not in ("", trouble, now.past[-1].what if now.past else ""):
                note(f"{now.credential}: {now.step}: {now.trouble}")
        told, trouble = len(now.past), now.trouble
        if now.ended is not None:
            return now
        if now.state == "waiting":
            await _give(api, now, _pasted(now.credential))
        else:
            await asyncio.sleep(LOOK_S)


async def _give(api: Api, waiting: ReplacementRow, key: "Secret") -> None:
    """Give the key that is waited for; again, while somebody who has died still seems to be at the rotation."""
    to, until_s = path("rotations", waiting.id), time.monotonic() + GIVE_S
    while True:
        try:
            await api.put(f"{to}/key", {"key": key.reveal()}, ReplacementRow)
        except ApiRefusedError as error:
            if error.code != "conflict" or time.monotonic() > until_s:
                raise
            if (await api.get(to, ReplacementRow)).state != "waiting":
                return
            await asyncio.sleep(LOOK_S)
        else:
            return


def _pasted(name: str) -> "Secret":
    """The key that a person has made: typed without an echo, or a line of standard input. Nothing else is done here
    until it is given: the rotation waits for it, too.
    """
    from getpass import getpass

    from keywright.core.secret import Secret

    with interruptible():
        text = getpass(f"The new key of {name}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not text.strip():
        raise CommandError(f"no key was given for {name}: its rotation waits for one")
    return Secret(text.strip())


def _show_plans(found: Sequence[ReplacementRow | Plan | Refused]) -> None:
    """What a dry run found. What became of rotations was told while it happened."""
    for plan in found:
        if isinstance(plan, Plan):
            console().print(f"{plan.credential} ({plan.driver})")
            for line in plan.steps:
                console().print(f"  - {line}")
            if plan.assisted_because:
                console().print(f"  ? {plan.assisted_because}")
            for line in plan.obstacles:
                console().print(f"  ! {line}")
