"""Who acts: what a key makes of whoever presents it, and whether they may do something.

Nobody gives what they have not. A key shown to somebody is worth as much as what it acts as, so who makes, changes or
revokes a key must have, everywhere, at least the roles that it acts with.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from keywright.control.permissions import EVERYBODY, EVERYTHING, RANK, RULES, Operation, Sight
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import DEFAULT_PROJECT, Key, Role
from keywright.store.realms import Standing

GIVES_RANK_MIN: Final = RANK["admin"]


class Rights(Struct, frozen=True):
    """Roles: on the organisation, and on projects by name."""

    role: Role | None = None
    projects: Mapping[str, Role] = {}

    def on(self, project: str | None) -> int:
        """The rank on a project (None: on the organisation), by whichever role is higher."""
        own = self.projects.get(project) if project is not None else None
        return max(RANK[self.role], RANK[own])

    def cover(self, other: "Rights") -> bool:
        """Whether these are, everywhere, at least as high as `other`."""
        return self.on(None) >= RANK[other.role] and all(
            self.on(project) >= RANK[role] for project, role in other.projects.items()
        )


NO_RIGHTS: Final = Rights()


class Actor(Struct, frozen=True):
    """Whoever asks. `key`: with what. `user`: the user whose rights they have, "" where they are the key's own.

    `bound`: the key itself where it is not of the kind admin: what is made with it derives from it. `is_operator`: by
    the key that the operator set, who can never be locked out.
    """

    key: Key
    user: str
    rights: Rights
    bound: Key | None = None
    is_operator: bool = False

    @property
    def name(self) -> str:
        """As it is written down: `user:ann`, `key:ID`."""
        return f"user:{self.user}" if self.user else f"key:{self.key.id}"

    def may(self, operation: Operation, project: str | None = None, user: str | None = None) -> bool:
        """Whether they may do it to what is in `project` (None: the organisation's) and belongs to `user`."""
        rule = RULES[operation]
        role = self.rights.role
        on_project = self.rights.projects.get(project) if project is not None else None
        is_own = bool(self.user) and user == self.user
        return (
            rule.anyone
            or role in rule.organisation
            or on_project in rule.project
            or (is_own and (rule.own == EVERYBODY or role in rule.own or on_project in rule.own))
        )

    def require(self, operation: Operation, project: str | None = None, user: str | None = None) -> None:
        """Nothing, when they may.

        Raises:
            ChangeRefusedError: forbidden.
        """
        if not self.may(operation, project, user):
            where = "" if project is None else f" in the project {project!r}"
            raise ChangeRefusedError("forbidden", f"{self.name} may not do this ({operation}){where}")

    def sight(self, operation: Operation) -> Sight:
        """What they may see of the kind of things that `operation` reads."""
        rule = RULES[operation]
        if rule.anyone or self.rights.role in rule.organisation:
            return EVERYTHING
        projects = frozenset(name for name, role in self.rights.projects.items() if role in rule.project)
        return Sight(projects, self.user if rule.own else "")

    def require_cover(self, other: Rights, what: str) -> None:
        """Nothing, when their rights cover `other`, which is what `what` acts with.

        Raises:
            ChangeRefusedError: forbidden.
        """
        if not self.rights.cover(other):
            raise ChangeRefusedError(
                "forbidden", f"{self.name} may not do this: {what} has rights that {self.name} has not"
            )


def rights_of_key(key: Key, owner: Standing | None) -> Rights:
    """What `key` acts with here. `owner`: what the user may do that it belongs to."""
    if key.permission != "all" or key.kind not in ("admin", "user"):
        return NO_RIGHTS
    if key.owner is not None:
        is_users = key.owner_kind == "user" and owner is not None and owner.user.disabled_s is None
        return Rights(owner.user.role, owner.roles) if owner is not None and is_users else NO_RIGHTS
    if key.kind != "admin":
        return NO_RIGHTS
    if key.role is None:
        return Rights("owner")
    return Rights(key.role) if key.project == DEFAULT_PROJECT else Rights(None, {key.project: key.role})


def actor_of(key: Key, owner: Standing | None, *, is_operator: bool) -> Actor:
    """Whoever presents `key`.

    Raises:
        ChangeRefusedError: forbidden, it acts as nobody here.
    """
    rights = rights_of_key(key, owner)
    if rights.role is None and not rights.projects:
        raise ChangeRefusedError(
            "forbidden",
            f"the key {key.id} may not administer: that takes a key of kind admin, or one of kind user with the "
            "permission all whose user has a role",
        )
    return Actor(
        key=key,
        user=key.owner or "",
        rights=rights,
        bound=None if key.kind == "admin" else key,
        is_operator=is_operator,
    )
