"""How is a no of the policy said? Decision → RefusedError."""

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.policy.decision import Decision


def denied(decision: Decision) -> RefusedError:
    """What the caller is told: 401 where the key counts no longer, 403 where it may not do this."""
    if decision.code in ("key_revoked", "key_expired"):
        failure = Failure(kind="authentication", status=401, code=decision.code, message=decision.message)
    else:
        failure = Failure(kind="permission", status=403, code=decision.code, message=decision.message)
    return RefusedError(failure, rule=decision.rule)
