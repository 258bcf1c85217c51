"""Who calls? Call → Principal."""

from hmac import compare_digest

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure, FailureKind
from keywright.core.identity import Key
from keywright.identity.keystring import digest, read_id
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.types import Principal

HOW = "send it as `Authorization: Bearer KEY` or `x-api-key: KEY`"


def authenticate(presented: str, now_s: int, snapshot: Snapshot) -> Principal:
    """The principal that `presented` proves. One hash, one look-up, one comparison in constant time.

    Raises:
        RefusedError: 401 `invalid_api_key`, `key_revoked` or `key_expired`.
    """
    if not presented:
        raise _refused("invalid_api_key", f"no API key was given: {HOW}")
    key_id = read_id(presented)
    proof = digest(presented)
    key = snapshot.keys.get(key_id) if key_id is not None else None
    if key is None:
        key = snapshot.foreign.get(proof)  # the operator's own may be of any form, ours too
    if key is None or not compare_digest(key.sha256, proof):
        raise _refused("invalid_api_key", f"the API key is not a valid key of this gateway: {HOW}")
    require_valid(key, now_s)
    return Principal(key)


def require_valid(key: Key, now_s: int) -> None:
    """Nothing, while `key` may be used at all.

    Raises:
        RefusedError: 401 `key_revoked` or `key_expired`.
    """
    if key.revoked_s is not None and key.revoked_s <= now_s:
        raise _refused("key_revoked", f"the API key {key.id} has been revoked")
    if key.expires_s is not None and key.expires_s <= now_s:
        raise _refused("key_expired", f"the API key {key.id} has expired")


def _refused(code: str, message: str, kind: FailureKind = "authentication") -> RefusedError:
    return RefusedError(Failure(kind=kind, status=401, code=code, message=message), rule=f"key:{code}")
