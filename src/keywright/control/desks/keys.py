"""Keys: made, changed, revoked, rotated.

What guards them, beside the table in `permissions.py`:

- Who makes, changes, revokes or rotates a key has everywhere at least the roles that it acts with.
- A key that would act as another user is made, and shown by a rotation, by the organisation's owners and admins only:
  whoever has it gains every role that its user is given later.
- Only an admin key makes or changes an admin key. What any other key makes derives from it: so it never exceeds it,
  counts in its budgets and ends with it. Of keys that do not derive from it, it makes none more than they were, and
  shows no new secret.
- A child never exceeds its parent. What narrows a parent narrows its descendants in the same transaction, and is
  refused where nothing would be left of one; what revokes it revokes them.
- Models without a price pass budgets by. So only the organisation's owners and admins allow them, or whoever uses a
  project that allows them anyway.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from keywright.control import reading
from keywright.control.actor import Actor, rights_of_key
from keywright.control.blueprint import ControlBlueprint
from keywright.control.desks.drafts import OWNER_KINDS, draft, redraft
from keywright.control.paging import Part, page
from keywright.control.permissions import ADMINS
from keywright.control.resources import IssuedKeyRow, KeyBody, KeyChange, KeyRow, Page, Rotation, State
from keywright.control.rows import key_row, key_state
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import Key, KeyKind
from keywright.identity.keystring import IssuedKey, issue, reissue
from keywright.identity.narrowing import NothingLeftError, exceeding, narrowed
from keywright.store.key_ring import Family, KeyQuery, KeyRing, KnownKey

GRACE_S_MAX: Final = 30 * 86_400
SHOWN_ONCE: Final = "this is the only time that the key is shown: only its digest is kept"
CHILDREN_NAMED_MAX: Final = 5


class KeyFilter(Struct, frozen=True):
    """Which keys to list; None: whichever. `owner`: a name, or `user:NAME`, `service-account:NAME`."""

    project: str | None = None
    owner: str | None = None
    kind: KeyKind | None = None
    state: State | None = None
    parent: str | None = None


class Keys:
    """The keys of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._ring = KeyRing(blueprint.store.database)
        self._blueprint = blueprint

    async def create(self, by: Actor, body: KeyBody) -> IssuedKeyRow:
        """Make one. Its secret is told now and never again."""
        now_s = self._blueprint.now_s()
        if body.parent is None and by.bound is not None and body.kind != "admin":
            body = replace(body, parent=by.bound.id)
        parent = None if body.parent is None else (await self._seen(by, body.parent)).key
        issued = issue(body.kind, self._blueprint.random)
        key = draft(issued, body, parent, by.user if body.kind == "user" else None, now_s)
        by.require("keys.change", key.project, _user(key))
        _require_kind(by, key)

        def check(family: Family) -> None:
            _require_cover(by, key, family)
            if family.parent is not None:
                by.require("keys.change", family.parent.project, _user(family.parent))
                _require_parent(key, family.parent, now_s)
            _require_derived(by, key, family)
            _require_unpriced(by, key, None, family)

        await self._ring.add(key, check)
        await self._blueprint.on_change()
        return _issued(KnownKey(key, None), issued, now_s)

    async def page(self, by: Actor, part: Part, which: KeyFilter) -> Page[KeyRow]:
        """Those that they may see, the oldest first."""
        now_s = self._blueprint.now_s()
        sight = by.sight("keys.read")
        word, colon, _ = (which.owner or "").partition(":")
        subject = which.owner if colon and word in OWNER_KINDS else None
        query = KeyQuery(
            project=which.project or "",
            owner=subject or "",
            parent=which.parent or "",
            kind=which.kind,
            projects=sight.projects,
            user=sight.user,
        )

        def fits(key: Key) -> bool:
            is_owned = which.owner is None or subject is not None or key.owner == which.owner
            return is_owned and (which.state is None or key_state(key, now_s) == which.state)

        found = await self._ring.page(query, fits, part.after, part.wanted)
        return page(found, part, lambda known: key_row(known, now_s), lambda known: known.key.id)

    async def get(self, by: Actor, key_id: str) -> KeyRow:
        """One."""
        return key_row(await self._seen(by, key_id), self._blueprint.now_s())

    async def children(self, by: Actor, key_id: str, part: Part) -> Page[KeyRow]:
        """Those that are derived from one, the oldest first."""
        await self._seen(by, key_id)
        return await self.page(by, part, KeyFilter(parent=key_id))

    async def update(self, by: Actor, key_id: str, expected: int | None, body: KeyChange) -> KeyRow:
        """Change one. `expected`: the version that is to be changed, None for whichever there is."""
        now_s = self._blueprint.now_s()

        def change(key: Key, family: Family) -> Sequence[Key]:
            _require_kind(by, key, shown=False)
            changed = redraft(key, body, now_s)
            if family.parent is not None and changed != key:
                _require_within(changed, family.parent)
            if exceeding(changed, key):
                _require_derived(by, key, family)
            _require_unpriced(by, changed, key, family)
            return (changed, *_narrowed(changed, family.descendants))

        return key_row(await self._change(by, key_id, expected, change), now_s)

    async def revoke(self, by: Actor, key_id: str, expected: int | None) -> KeyRow:
        """Refuse it, and all that is derived from it, for ever."""
        now_s = self._blueprint.now_s()

        def change(key: Key, family: Family) -> Sequence[Key]:
            return tuple(replace(each, revoked_s=now_s) for each in (key, *family.descendants))

        return key_row(await self._change(by, key_id, expected, change, again=True), now_s)

    async def rotate(self, by: Actor, key_id: str, expected: int | None, body: Rotation) -> IssuedKeyRow:
        """Give it a new secret, told now and never again. The old one goes on for as long as `grace` says."""
        now_s = self._blueprint.now_s()
        seconds = reading.grace_s(body.grace, GRACE_S_MAX)
        known = (await self._seen(by, key_id)).key
        issued = reissue(known.kind, known.id, self._blueprint.random)

        def change(key: Key, family: Family) -> Sequence[Key]:
            _require_kind(by, key)
            if by.key.id != key.id:
                _require_derived(by, key, family)
            if key.expires_s is not None and key.expires_s <= now_s:
                raise ChangeRefusedError("conflict", f"the key {key.id} has expired")
            return (
                replace(
                    key,
                    sha256=issued.sha256,
                    previous_sha256=key.sha256 if seconds else None,
                    previous_until_s=now_s + seconds if seconds else None,
                ),
            )

        return _issued(await self._change(by, key_id, expected, change), issued, now_s)

    async def _change(
        self,
        by: Actor,
        key_id: str,
        expected: int | None,
        change: Callable[[Key, Family], Sequence[Key]],
        *,
        again: bool = False,
    ) -> KnownKey:
        """Change a key that they may change. `again`: one that is revoked already stays as it is, and is no fault."""
        await self._seen(by, key_id)

        def allowed(key: Key, family: Family) -> Sequence[Key]:
            by.require("keys.change", key.project, _user(key))
            _require_cover(by, key, family)
            if key.revoked_s is not None:
                if again:
                    return (key,)
                raise ChangeRefusedError("conflict", f"the key {key.id} has been revoked, for ever")
            return change(key, family)

        known = await self._ring.change(
            key_id, expected, allowed, self._blueprint.now_s(), keep_owner=not by.is_operator
        )
        await self._blueprint.on_change()
        return known

    async def _seen(self, by: Actor, key_id: str) -> KnownKey:
        """The key, if they may see it."""
        known = await self._ring.known(key_id)
        if known is None or not by.may("keys.read", known.key.project, _user(known.key)):
            raise ChangeRefusedError("not_found", f"there is no key {key_id!r}")
        return known


def _user(key: Key) -> str | None:
    """The user that a key belongs to."""
    return key.owner if key.owner_kind == "user" else None


def _require_kind(by: Actor, key: Key, *, shown: bool = True) -> None:
    """Nothing, when they may make or change a key of its kind. `shown`: they will have its secret."""
    if key.kind == "admin":
        if by.bound is not None:
            raise ChangeRefusedError("forbidden", "only a key of the kind admin makes or changes keys of that kind")
        if by.rights.role not in ADMINS and by.rights.projects.get(key.project) not in ADMINS:
            raise ChangeRefusedError("forbidden", f"{by.name} may not make or change keys of the kind admin")
    acts_as = key.owner if key.kind in ("user", "admin") else None
    if shown and acts_as is not None and acts_as != by.user and by.rights.role not in ADMINS:
        raise ChangeRefusedError(
            "forbidden", f"a key that acts as the user {acts_as!r} is made by the organisation's owners and admins"
        )


def _require_cover(by: Actor, key: Key, family: Family) -> None:
    """Nothing, when they have every role that the key acts with, or would with the permission all."""
    by.require_cover(rights_of_key(replace(key, permission="all"), family.owner), f"the key {key.id}")


def _require_parent(key: Key, parent: Key, now_s: int) -> None:
    if parent.revoked_s is not None or (parent.expires_s is not None and parent.expires_s <= now_s):
        raise ChangeRefusedError("conflict", f"the key {parent.id} has been revoked or has expired", "parent")
    if parent.kind == "admin":
        raise ChangeRefusedError("conflict", "no key is derived from one of the kind admin", "parent")
    if parent.project != key.project:
        message = f"the key {parent.id} belongs to the project {parent.project!r}, and so do those derived from it"
        raise ChangeRefusedError("conflict", message, "project")
    _require_within(key, parent)


def _require_within(key: Key, parent: Key) -> None:
    fields = exceeding(key, parent)
    if fields:
        message = f"it would exceed the key {parent.id}, which it is derived from, in {', '.join(fields)}"
        raise ChangeRefusedError("conflict", message, fields[0])


def _require_derived(by: Actor, key: Key, family: Family) -> None:
    """Nothing, when they ask with an admin key, or `key` is derived from the one with which they ask."""
    if by.bound is not None and by.bound.id not in {each.id for each in family.line}:
        message = f"with a key of the kind {by.bound.kind} this can be done to keys only that derive from it"
        raise ChangeRefusedError("forbidden", f"{message}; the key {key.id} does not", "parent")


def _require_unpriced(by: Actor, key: Key, before: Key | None, family: Family) -> None:
    is_new = key.allow_unpriced and not (before is not None and before.allow_unpriced)
    is_open = (family.project is not None and family.project.allow_unpriced) or (
        family.parent is not None and family.parent.allow_unpriced
    )
    if is_new and not is_open and by.rights.role not in ADMINS:
        raise ChangeRefusedError(
            "forbidden",
            "models without a price are allowed by the organisation's owners and admins: no budget stops them",
            "allow_unpriced",
        )


def _narrowed(key: Key, descendants: Sequence[Key]) -> Sequence[Key]:
    """The descendants as they have to be when their ancestor is `key`; parents come before their children."""
    now = {key.id: key}
    empty: list[str] = []
    for child in descendants:
        bound = now[child.parent or ""]
        try:
            now[child.id] = narrowed(child, bound) if exceeding(child, bound) else child
        except NothingLeftError as error:
            now[child.id] = child
            empty.append(f"{child.id} ({error.what})")
    if empty:
        named = ", ".join(empty[:CHILDREN_NAMED_MAX])
        message = f"nothing would be left of {len(empty)} keys that are derived from it; revoke them first: {named}"
        raise ChangeRefusedError("conflict", message)
    del now[key.id]
    return tuple(now.values())


def _issued(known: KnownKey, issued: IssuedKey, now_s: int) -> IssuedKeyRow:
    row = key_row(known, now_s)
    fields = {name: getattr(row, name) for name in KeyRow.__struct_fields__}
    return IssuedKeyRow(**fields, key=issued.secret.reveal(), note=SHOWN_ONCE)
