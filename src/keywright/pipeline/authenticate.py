"""Who calls? Call → Principal."""

from hmac import compare_digest

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.identity import Key
from keywright.identity.keystring import digest, read_id
from keywright.pipeline.denied import denied
from keywright.pipeline.snapshot import Snapshot
from keywright.pipeline.types import Principal
from keywright.policy.decision import end_objection

HOW = "send it as `Authorization: Bearer KEY` or `x-api-key: KEY`"


def authenticate(presented: str, now_s: int, snapshot: Snapshot) -> Principal:
    """The principal that `presented` proves. One hash, one look-up, one comparison in constant time.

    Raises:
        RefusedError: 401 `invalid_api_key`, `key_revoked` or `key_expired`.
    """
    if not presented:
        raise _invalid(f"no API key was given: {HOW}")
    key_id = read_id(presented)
    proof = digest(presented)
    key = snapshot.keys.get(key_id) if key_id is not None else None
    if key is None:
        key = snapshot.foreign.get(proof)  # the operator's own may be of any form, ours too
    if key is None or not (compare_digest(key.sha256, proof) or _is_before_rotation(key, proof, now_s)):
        raise _invalid(f"the API key is not a valid key of this gateway: {HOW}")
    grant = snapshot.grant(key)
    if now_s >= grant.ends_s and (objection := end_objection(grant, now_s)) is not None:
        raise denied(objection)
    return Principal(key, grant)


def _is_before_rotation(key: Key, proof: bytes, now_s: int) -> bool:
    """Whether `proof` is that of the secret which the key had before, in the time that it is given to be replaced."""
    previous, until_s = key.previous_sha256, key.previous_until_s
    return previous is not None and compare_digest(previous, proof) and until_s is not None and now_s < until_s


def _invalid(message: str) -> RefusedError:
    failure = Failure(kind="authentication", status=401, code="invalid_api_key", message=message)
    return RefusedError(failure, rule="key:invalid")
