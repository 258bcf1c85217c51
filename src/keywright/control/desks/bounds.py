"""Where a budget or a limit belongs: who may see it, and who may change it."""

from typing import TypeVar

from keywright.control.actor import Actor
from keywright.control.paging import Part
from keywright.control.permissions import EVERYTHING, Operation
from keywright.core.budget import Budget, Limit, Subject
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import ServiceAccount
from keywright.store.budgets import Budgets
from keywright.store.database import Database
from keywright.store.key_ring import KeyRing
from keywright.store.realms import Realms

BoundT = TypeVar("BoundT", Budget, Limit)


class Bounds:
    """Answers for the budgets and limits of one database."""

    def __init__(self, database: Database) -> None:
        self._ring = KeyRing(database)
        self._realms = Realms(database)
        self._budgets = Budgets(database)

    async def may(self, by: Actor, operation: Operation, on: Subject) -> bool:
        """Whether they may do it to a budget or a limit on that.

        One on a key or a service account belongs to its project. One on a project binds the project as a whole: its
        people see it, and the organisation's change it. One on a user is that user's own to see.
        """
        if by.sight("budgets.read") == EVERYTHING and operation == "budgets.read":
            return True
        match on.kind:
            case "project":
                return by.may(operation, on.name if operation == "budgets.read" else None)
            case "user":
                return by.may(operation, None, on.name)
            case "key":
                known = await self._ring.known(on.name)
                if known is None:
                    return by.may(operation)
                user = known.key.owner if known.key.owner_kind == "user" else None
                return by.may(operation, known.key.project, user)
            case "service_account":
                account = await self._realms.one(ServiceAccount, on.name)
                return by.may(operation, None if account is None else account.project)
            case _:
                return by.may(operation)

    async def visible(self, by: Actor, part: Part, kind: type[BoundT], subject: Subject | None) -> tuple[BoundT, ...]:
        """As many of a part as are wanted, of those that they may see; on one subject, unless that is None."""
        found: list[BoundT] = []
        after = part.after
        while len(found) < part.wanted:
            batch = await self._budgets.page(
                kind, lambda bound: subject is None or bound.on == subject, after, part.wanted
            )
            found += [bound for bound in batch if await self.may(by, "budgets.read", bound.on)]
            if len(batch) < part.wanted:
                break
            after = batch[-1].id
        return tuple(found[: part.wanted])

    async def require(self, by: Actor, on: Subject) -> None:
        """Nothing, when they may change it.

        Raises:
            ChangeRefusedError: forbidden.
        """
        if not await self.may(by, "budgets.change", on):
            raise ChangeRefusedError("forbidden", f"{by.name} may not change a budget or limit on {on}", "on")


def require_own(noun: str, declared: bool) -> None:
    """Nothing, when the configuration has not declared it.

    Raises:
        ChangeRefusedError: conflict.
    """
    if declared:
        raise ChangeRefusedError("conflict", f"the configuration declares this {noun}: change it there")
