"""A new key, with the project and the owner that it names: who names one that is not there means to have it."""

from keywright.cli.api import Api, path
from keywright.cli.errors import ApiRefusedError
from keywright.cli.nearest import PROJECT, SERVICE_ACCOUNT, USER, Noun
from keywright.cli.screen import note
from keywright.cli.words import Body
from keywright.control.resources import IssuedKeyRow, KeyRow, ProjectRow, ServiceAccountRow, UserRow
from keywright.core.identity import DEFAULT_PROJECT

OWNERS = {"user": USER, "service-account": SERVICE_ACCOUNT}


async def make_key(api: Api, wanted: Body) -> IssuedKeyRow:
    """The key that is `wanted` (a `KeyBody`).

    Raises:
        CommandError: it cannot be.
    """
    try:
        return await api.post("/keys", wanted, IssuedKeyRow)
    except ApiRefusedError as error:
        if error.code != "not_found" or not await _complete(api, wanted):
            raise
    return await api.post("/keys", wanted, IssuedKeyRow)


async def _complete(api: Api, wanted: Body) -> bool:
    """Make what is missing. Whether anything was."""
    project = await _project(api, wanted)
    missing = [] if await api.exists(path(PROJECT.collection, project)) else [(PROJECT, project)]
    owner = _owner(wanted)
    if owner is not None and not await api.exists(path(owner[0].collection, owner[1])):
        missing.append(owner)
    for noun, name in missing:
        await _make(api, noun, name, project)
        note(f"the {noun.word} {name} was not there: it is made")
    return bool(missing)


async def _project(api: Api, wanted: Body) -> str:
    """The key's project: as it says, else the parent's."""
    if "project" in wanted:
        return str(wanted["project"])
    if "parent" in wanted:
        return (await api.get(path("keys", str(wanted["parent"])), KeyRow)).project
    return DEFAULT_PROJECT


def _owner(wanted: Body) -> tuple[Noun, str] | None:
    """Whose key it is to be: as `owner` says, by the key's kind where it does not say it."""
    if "owner" not in wanted:
        return None
    owner = str(wanted["owner"])
    word, colon, name = owner.partition(":")
    if colon and word in OWNERS:
        return OWNERS[word], name
    return SERVICE_ACCOUNT if wanted["kind"] == "service" else USER, owner


async def _make(api: Api, noun: Noun, name: str, project: str) -> None:
    if noun is PROJECT:
        await api.post("/projects", {"name": name}, ProjectRow)
    elif noun is USER:
        await api.post("/users", {"name": name}, UserRow)
    else:
        await api.post("/service-accounts", {"name": name, "project": project}, ServiceAccountRow)
