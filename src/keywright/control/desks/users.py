"""Users."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from keywright.control import reading
from keywright.control.actor import Actor, Rights
from keywright.control.blueprint import ControlBlueprint
from keywright.control.paging import Part, page
from keywright.control.permissions import RANK
from keywright.control.resources import Page, UserBody, UserChange, UserRow
from keywright.control.rows import user_row
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import Role, User
from keywright.store.realms import Realms, Standing


class Users:
    """The users of one gateway. Who changes one must have, everywhere, at least their roles."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._realms = Realms(blueprint.store.database)
        self._blueprint = blueprint

    async def create(self, by: Actor, body: UserBody) -> UserRow:
        """Make one."""
        by.require("users.create")
        user = User(
            name=reading.name(body.name, "user"),
            created_s=self._blueprint.now_s(),
            email=reading.title(body.email, "email"),
            role=body.role,
            tags=reading.tags(body.tags),
        )
        _require_rank(by, user.role)
        await self._realms.add(user)
        await self._blueprint.on_change()
        return user_row(user, ())

    async def page(self, by: Actor, part: Part) -> Page[UserRow]:
        """Those that they may see, by name."""
        found = await self._realms.page(User, part.after, part.wanted, await self._visible(by))
        members = await self._realms.members(users=[user.name for user in found])
        return page(found, part, lambda user: user_row(user, members), lambda user: user.name)

    async def get(self, by: Actor, name: str) -> UserRow:
        """One."""
        user = await self._seen(by, name)
        return user_row(user, await self._realms.members(users=(name,)))

    async def update(self, by: Actor, name: str, expected: int | None, body: UserChange) -> UserRow:
        """Change one. `expected`: the version that is to be changed, None for whichever there is."""

        def change(user: User) -> User:
            role = user.role if body.role is UNSET else body.role
            if role != user.role:
                _require_rank(by, role)
            return replace(
                user,
                email=user.email if body.email is UNSET else reading.title(body.email, "email"),
                role=role,
                tags=user.tags if body.tags is UNSET else reading.tags(body.tags),
            )

        return await self._change(by, name, expected, change)

    async def disable(self, by: Actor, name: str, expected: int | None, *, disabled: bool) -> UserRow:
        """Refuse their keys from now on, or (not `disabled`) accept them again."""
        now_s = self._blueprint.now_s()

        def change(user: User) -> User:
            if disabled == (user.disabled_s is not None):
                return user
            return replace(user, disabled_s=now_s if disabled else None)

        return await self._change(by, name, expected, change)

    async def _change(self, by: Actor, name: str, expected: int | None, change: Callable[[User], User]) -> UserRow:
        await self._seen(by, name)
        by.require("users.change")

        def allowed(standing: Standing) -> User:
            by.require_cover(Rights(standing.user.role, standing.roles), f"the user {name!r}")
            return change(standing.user)

        user = await self._realms.change_user(
            name, expected, allowed, self._blueprint.now_s(), keep_owner=not by.is_operator
        )
        await self._blueprint.on_change()
        return user_row(user, await self._realms.members(users=(name,)))

    async def _seen(self, by: Actor, name: str) -> User:
        """The user, if they may see them."""
        visible = await self._visible(by)
        user = await self._realms.one(User, name) if visible is None or name in visible else None
        if user is None:
            raise ChangeRefusedError("not_found", f"there is no user {name!r}")
        return user

    async def _visible(self, by: Actor) -> frozenset[str] | None:
        """The names of those that they may see; None for all."""
        sight = by.sight("users.read")
        if sight.projects is None:
            return None
        members = await self._realms.members() if sight.projects else ()
        names = {member.user for member in members if member.project in sight.projects}
        return frozenset(names | ({sight.user} if sight.user else set()))


def _require_rank(by: Actor, role: Role | None) -> None:
    if RANK[role] > by.rights.on(None):
        raise ChangeRefusedError("forbidden", f"{by.name} may not give the role {role}", "role")
