"""Who may do what: one table, operation by role by where the role is.

A role on the organisation holds everywhere. A role on a project holds for what is in that project: its keys, its
service accounts, its members. What binds a project as a whole (its rules, its budgets and limits, its archiving) is the
organisation's. `own` is what belongs to the user who asks; the roles there are those that they need on its project, or
on the organisation, to do it. For everybody: then it does not matter where they have their role.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.core.identity import Role

Operation: TypeAlias = Literal[
    "organisation.read",
    "organisation.change",
    "projects.read",
    "projects.create",
    "projects.change",
    "members.read",
    "members.change",
    "users.read",
    "users.create",
    "users.change",
    "service_accounts.read",
    "service_accounts.change",
    "keys.read",
    "keys.change",
    "budgets.read",
    "budgets.change",
    "prices.read",
    "models.read",
    "providers.read",
    "credentials.read",
    "credentials.change",
    "secrets.read",
    "secrets.change",
    "calls.read",
    "policy.test",
]
"""`budgets` are limits, too. `credentials`: those of providers, and how their keys are replaced. `calls`: usage and
single requests."""

Roles: TypeAlias = frozenset[Role]

RANK: Final[Mapping[Role | None, int]] = MappingProxyType(
    {None: 0, "viewer": 1, "member": 2, "auditor": 2, "admin": 3, "owner": 4}
)
"""Who may do more. A role may be given and taken by whoever has one at least as high, and of 3 or more."""

NOBODY: Final[Roles] = frozenset()
OWNERS: Final[Roles] = frozenset({"owner"})
ADMINS: Final[Roles] = frozenset({"owner", "admin"})
USERS: Final[Roles] = ADMINS | {"member"}
READERS: Final[Roles] = ADMINS | {"viewer", "auditor"}
EVERYBODY: Final[Roles] = READERS | {"member"}


class Rule(Struct, frozen=True):
    """Who may: by a role on the organisation, on the project that it concerns, or for what is their own.

    `anyone`: whoever may use this API at all, with whatever role.
    """

    organisation: Roles
    project: Roles = NOBODY
    own: Roles = NOBODY
    anyone: bool = False


RULES: Final[Mapping[Operation, Rule]] = MappingProxyType(
    {
        "organisation.read": Rule(EVERYBODY, anyone=True),
        "organisation.change": Rule(OWNERS),
        "projects.read": Rule(EVERYBODY, EVERYBODY),
        "projects.create": Rule(ADMINS),
        "projects.change": Rule(ADMINS),
        "members.read": Rule(EVERYBODY, EVERYBODY),
        "members.change": Rule(ADMINS, ADMINS),
        "users.read": Rule(READERS, READERS, EVERYBODY),
        "users.create": Rule(ADMINS),
        "users.change": Rule(ADMINS),
        "service_accounts.read": Rule(EVERYBODY, EVERYBODY),
        "service_accounts.change": Rule(ADMINS, ADMINS),
        "keys.read": Rule(READERS, READERS, EVERYBODY),
        "keys.change": Rule(ADMINS, ADMINS, USERS),
        "budgets.read": Rule(READERS, EVERYBODY, EVERYBODY),
        "budgets.change": Rule(ADMINS, ADMINS),
        "prices.read": Rule(EVERYBODY, anyone=True),
        "models.read": Rule(EVERYBODY, anyone=True),
        "providers.read": Rule(READERS),
        "credentials.read": Rule(READERS),
        "credentials.change": Rule(ADMINS),
        "secrets.read": Rule(ADMINS),
        "secrets.change": Rule(ADMINS),
        "calls.read": Rule(READERS, READERS, EVERYBODY),
        "policy.test": Rule(READERS, READERS, EVERYBODY),
    }
)


class Sight(Struct, frozen=True):
    """What of a kind of things somebody may see. `projects` None: all of it. `user`: their own besides, "" for none."""

    projects: frozenset[str] | None
    user: str = ""

    def shows(self, project: str | None, user: str | None = None) -> bool:
        """Whether a thing of that project, or of that user, may be seen."""
        return self.projects is None or project in self.projects or (bool(self.user) and user == self.user)


EVERYTHING: Final = Sight(None)
