"""An access key of AWS, as data."""

from msgspec import Struct

from keywright.core.secret import Secret


class AwsKeys(Struct, frozen=True):
    """What requests are signed with. `token`: the session's, for temporary keys, which run out at `expires_s` (Unix
    seconds; None: not, or nobody said when).
    """

    access_key_id: str
    secret_access_key: Secret
    token: Secret | None = None
    expires_s: float | None = None
