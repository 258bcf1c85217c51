"""What the hot path knows: one immutable view of keys and routes, swapped whole when anything changes."""

from collections.abc import Mapping

from msgspec import Struct

from keywright.core.identity import Key
from keywright.pipeline.routes import Routes


class Snapshot(Struct, frozen=True, eq=False):
    """`keys` by id; `foreign` by SHA-256: keys without our form, which only the operator's own admin key is."""

    keys: Mapping[str, Key]
    foreign: Mapping[bytes, Key]
    routes: Routes
