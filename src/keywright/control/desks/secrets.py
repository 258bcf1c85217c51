"""Secrets: which there are, whether they can be had, and new values. No value comes out."""

import logging
from bisect import bisect_right
from typing import Final

from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.paging import Part, page
from keywright.control.resources import (
    SecretBody,
    SecretMarkRow,
    SecretNames,
    SecretQuestion,
    SecretStoreTable,
    SecretTable,
)
from keywright.control.secret_stores import SecretStores
from keywright.core.errors import ChangeRefusedError, SecretError

REFERENCES_MAX: Final = 100
ABSENT: Final = "no gateway is at hand that has stores of secrets"

_log = logging.getLogger("keywright")


class Secrets:
    """The secrets of one gateway. Every operation raises SecretError, too, for what stands in the way in a store."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._secrets = blueprint.secrets
        self._on_change = blueprint.on_change

    async def check(self, by: Actor, body: SecretQuestion) -> SecretTable:
        """Those secrets, else all that the configuration names, each read now."""
        by.require("secrets.read")
        if len(body.references) > REFERENCES_MAX:
            raise ChangeRefusedError("invalid", f"at most {REFERENCES_MAX} may be asked for at a time", "references")
        return SecretTable(tuple(await self._held().check(body.references)))

    async def stores(self, by: Actor) -> SecretStoreTable:
        """The stores, and whether each can be reached."""
        by.require("secrets.read")
        return SecretStoreTable(tuple(await self._held().stores()))

    async def names(self, by: Actor, part: Part, store: str) -> SecretNames:
        """What is in a store."""
        by.require("secrets.read")
        wanted = part.wanted
        names = sorted(await self._held().names(store))
        start = bisect_right(names, part.after)
        shown = page(names[start : start + wanted], part, str, str)
        return SecretNames(shown.rows, shown.next)

    async def mark(self, by: Actor, reference: str) -> SecretMarkRow:
        """Which secret is there."""
        by.require("secrets.read")
        return await self._held().mark(reference)

    async def put(self, by: Actor, body: SecretBody) -> SecretMarkRow:
        """Let another secret be there."""
        by.require("secrets.change")
        try:
            row = await self._held().put(body.reference, body.value)
        except SecretError as error:  # some leave open whether it was written
            _log.warning("%s wanted to write the secret %s: %s", by.name, body.value.fingerprint, error)
            raise
        _log.info("%s has written the secret %s to %s", by.name, row.fingerprint, row.reference)
        await self._on_change()
        return row

    def _held(self) -> SecretStores:
        if self._secrets is None:
            raise ChangeRefusedError("not_found", ABSENT)
        return self._secrets
