"""Who comes in? From the key that a request presents to whoever acts."""

from keywright.control.actor import Actor, actor_of
from keywright.core.identity import Key
from keywright.pipeline.authenticate import authenticate
from keywright.pipeline.denied import denied
from keywright.pipeline.snapshot import Snapshot
from keywright.policy.decision import address_objection
from keywright.store.realms import Realms


async def admit(presented: str, address: str, now_s: int, snapshot: Snapshot, realms: Realms) -> Actor:
    """Whoever presents that key, from `address`.

    Raises:
        RefusedError: 401 or 403, as for a call.
        ChangeRefusedError: forbidden, the key acts as nobody here.
        StoreError: nobody can tell.
    """
    principal = authenticate(presented, now_s, snapshot)
    objection = address_objection(principal.grant, address)
    if objection is not None:
        raise denied(objection)
    key: Key = principal.key
    owner = await realms.standing(key.owner) if key.owner is not None and key.owner_kind == "user" else None
    return actor_of(key, owner, is_operator=key.id not in snapshot.keys)
