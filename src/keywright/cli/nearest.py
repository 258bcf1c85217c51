"""Names that are not known: said with the nearest that are."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from keywright.cli.api import Api, path
from keywright.cli.errors import ApiRefusedError, CommandError


class Noun(Struct, frozen=True):
    """What the API calls a kind of things, and what people do."""

    collection: str
    word: str


class Named(Struct, frozen=True):
    """What every one of them has."""

    name: str


PROJECT: Final = Noun("projects", "project")
USER: Final = Noun("users", "user")
SERVICE_ACCOUNT: Final = Noun("service-accounts", "service account")
OF_SUBJECT: Final = {"project": PROJECT, "user": USER, "service-account": SERVICE_ACCOUNT}


@asynccontextmanager
async def naming(api: Api, noun: Noun, name: str) -> AsyncIterator[None]:
    """Within it, that nothing is found means that there is no such `noun`: the nearest is said.

    Raises:
        CommandError: instead of the API's own error.
    """
    try:
        yield
    except ApiRefusedError as error:
        if error.code != "not_found" or await api.exists(path(noun.collection, name)):
            raise
        known = [row.name for row in await api.rows(path(noun.collection), Named)]
        raise CommandError(f"there is no {noun.word} {name!r}: {_hint(noun, name, known)}") from None


@asynccontextmanager
async def naming_subject(api: Api, on: str) -> AsyncIterator[None]:
    """As `naming`, of what a budget or a limit is to be on."""
    word, _, name = on.partition(":")
    noun = OF_SUBJECT.get(word)
    if noun is None:
        yield
        return
    async with naming(api, noun, name):
        yield


def _hint(noun: Noun, name: str, known: Iterable[str]) -> str:
    """What may have been meant, or where to look."""
    from keywright.catalog.catalogue import nearest

    near = nearest(name, known)
    command = noun.word.replace(" ", "-")
    return f"did you mean {near[0]}?" if near else f"`keywright {command} list` shows those that are there"
