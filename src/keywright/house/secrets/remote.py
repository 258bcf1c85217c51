"""The secrets of a running gateway, as far as they may be administered from another machine.

Who administers is not thereby somebody on this machine: which files and variables are there, and what is in them, is
none of their business, and nothing of it is theirs to write. So what they may ask for is what the configuration names,
and what is in the stores that it has a table for, unless that table is for files or variables.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from keywright.control.resources import SecretMarkRow, SecretRow, SecretStoreRow
from keywright.core.errors import ChangeRefusedError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.house.blueprint import Blueprint
from keywright.house.secrets.questions import Questions
from keywright.house.secrets.reading import HERE, Holdings
from keywright.house.secrets.secrets import Secrets
from keywright.store.database import Database
from keywright.vault.google.file import LEADS_HERE, leads_here, read_google
from keywright.vault.reference import Reference, parse

WITHIN_S: Final = 25.0
"""Less than what a client, or a proxy before us, waits for an answer."""


class RemoteSecrets:
    """As of `control.secret_stores.SecretStores`. `holdings` gives what the gateway has now, and may block on a disk.
    Nothing takes longer than `within_s`. Close it when done.
    """

    def __init__(
        self, holdings: Callable[[], Holdings], blueprint: Blueprint, database: Database, within_s: float = WITHIN_S
    ) -> None:
        self._holdings = holdings
        self._blueprint = blueprint
        self._database = database
        self._questions = Questions(within_s)

    def close(self) -> None:
        """Ask nothing more."""
        self._questions.close()

    async def check(self, references: Sequence[str]) -> Sequence[SecretRow]:
        """As of `SecretStores`."""
        holdings, secrets = await self._now()
        for at, text in enumerate(references):
            _admit(text, holdings, secrets, f"references[{at}]")
        return await secrets.check(references)

    async def stores(self) -> Sequence[SecretStoreRow]:
        """As of `SecretStores`."""
        _, secrets = await self._now()
        return await secrets.stores()

    async def names(self, store: str) -> Sequence[str]:
        """As of `SecretStores`."""
        holdings, secrets = await self._now()
        tables = holdings.config.secrets
        kind = holdings.vault.stores.get(store)
        if kind is None or store not in tables or kind in HERE:
            told = ", ".join(sorted(name for name in tables if holdings.vault.stores[name] not in HERE)) or "none"
            raise ChangeRefusedError(
                "not_found", f"no store {store!r} is listed from another machine; those that are: {told}", "store"
            )
        return await secrets.names(store)

    async def mark(self, reference: str) -> SecretMarkRow:
        """As of `SecretStores`."""
        holdings, secrets = await self._now()
        _admit(reference, holdings, secrets, "reference")
        return await secrets.mark(reference)

    async def put(self, reference: str, secret: Secret) -> SecretMarkRow:
        """As of `SecretStores`."""
        holdings, secrets = await self._now()
        _admit(reference, holdings, secrets, "reference")
        try:
            secrets.fitting(reference, secret)
        except SecretReadOnlyError:
            raise
        except SecretError as error:
            raise ChangeRefusedError("invalid", str(error), "value") from None
        _require_elsewhere(secret)
        return await secrets.put(reference, secret)

    async def _now(self) -> tuple[Holdings, Secrets]:
        holdings = await asyncio.to_thread(self._holdings)
        return holdings, Secrets(holdings, self._blueprint, self._database, self._questions)


def _admit(text: str, holdings: Holdings, secrets: Secrets, field: str) -> None:
    """Nothing, when `text` may be asked for from another machine.

    Raises:
        ChangeRefusedError: invalid, it is no reference; forbidden.
    """
    if any(one.reference == text for one in secrets.named):
        return
    try:
        place = parse(text, holdings.vault.stores)
    except SecretError as error:
        raise ChangeRefusedError("invalid", str(error), field) from None
    if place.kind in HERE or place.at not in holdings.config.secrets:
        raise ChangeRefusedError("forbidden", f"{text} {_objection(place)}", field)


def _require_elsewhere(secret: Secret) -> None:
    """Nothing, unless the secret is a credential by which a file of the gateway's machine would be shown to somebody.

    Raises:
        ChangeRefusedError: forbidden.
    """
    with contextlib.suppress(SecretError):  # no credential of Google's that could be used
        if leads_here(read_google("it", secret.reveal())):
            raise ChangeRefusedError("forbidden", f"this credential {LEADS_HERE}", "value")


def _objection(place: Reference) -> str:
    if place.kind in HERE:
        return "is on the gateway's own machine, and its configuration does not name it: do this there"
    return f"is in a store that the gateway's configuration has no table for: write [secrets.{place.at}] there"
