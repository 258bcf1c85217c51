"""Bedrock's own keys. A short-term one is a presigned URL in other clothes, so it can be made and read without asking.

`bedrock-api-key-` and the base64 of `bedrock.amazonaws.com/?Action=CallWithBearerToken&…&X-Amz-Signature=…&Version=1`:
what Amazon's own generator makes (`Version` stands behind the signature and is not signed). It lives 12 hours at most,
never longer than the keys that signed it, in one region, with the signer's rights. Long-term keys start with `ABSK` and
are plain bearer keys.
"""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

from keywright.core.http import Origin
from keywright.core.secret import Secret
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.aws.sigv4 import Signer

PREFIX: Final = "bedrock-api-key-"
HOST: Final = "bedrock.amazonaws.com"
LIFE_S_MAX: Final = 43_200


def mint(keys: AwsKeys, region: str, now_s: float, life_s: int) -> Secret:
    """A short-term key for `region` that lives for `life_s`, from 1 to 43,200, if `keys` do."""
    if not 0 < life_s <= LIFE_S_MAX:
        raise ValueError(f"a Bedrock key lives from 1 to {LIFE_S_MAX} s, not {life_s}")
    signer = Signer(keys, region, "bedrock")
    target = signer.presign(b"POST", Origin("https", HOST, 443), b"/?Action=CallWithBearerToken", now_s, life_s)
    return Secret(PREFIX + b64encode(HOST.encode() + target + b"&Version=1").decode())


def runs_out_s(key: Secret) -> float | None:
    """When a short-term key runs out, in Unix seconds, as far as it says; None for any other key."""
    if not key.reveal().startswith(PREFIX):
        return None
    try:
        said = b64decode(key.reveal().removeprefix(PREFIX), validate=True).decode("ascii")
        query = parse_qs(said.partition("?")[2])
        signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return signed.timestamp() + int(query["X-Amz-Expires"][0])
    except (ValueError, KeyError, OverflowError):
        return None
