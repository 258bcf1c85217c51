"""What the hot path knows: one immutable view of keys and routes, swapped whole when anything changes."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from keywright.core.budget import Budget, Limit
from keywright.core.identity import NOBODY, Key, Realm
from keywright.pipeline.routes import Routes
from keywright.pipeline.terms import UNBOUNDED, Bounds
from keywright.policy.grant import Grant, grant_of


class Snapshot(Struct, frozen=True, eq=False):
    """`keys` by id; `foreign` by SHA-256: keys without our form, which only the operator's own admin key is.

    `grants` is what it remembers of what keys may do, by their ids; `bounds` are its budgets and limits, ready to be
    asked. Another snapshot begins anew, also one that was made of this by `replace`.
    """

    keys: Mapping[str, Key]
    foreign: Mapping[bytes, Key]
    routes: Routes
    realm: Realm = NOBODY
    budgets: tuple[Budget, ...] = ()
    limits: tuple[Limit, ...] = ()
    grants: dict[str, Grant] = {}
    bounds: Bounds = UNBOUNDED

    def __post_init__(self) -> None:
        """What another snapshot remembers does not count here."""
        msgspec.structs.force_setattr(self, "grants", {})
        msgspec.structs.force_setattr(self, "bounds", Bounds(self.budgets, self.limits, self.realm))

    def grant(self, key: Key) -> Grant:
        """What `key` may do: made when it is first asked for, as most keys do not call between two changes."""
        grant = self.grants.get(key.id)
        if grant is None:
            grant = self.grants[key.id] = grant_of(key, self.keys, self.realm)
        return grant
