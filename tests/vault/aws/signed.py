"""A check of a received request's signature, by Amazon's own SDK."""

import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.vault.standin import Received

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[A-Z0-9]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z]+)"
    r"/aws4_request, SignedHeaders=(?P<names>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def check_signed(request: Received, secrets: dict[str, str], region: str, service: str) -> str:
    """The id of the key that signed `request`; `secrets` gives each key's secret by its id."""
    found = AUTHORIZATION.fullmatch(request.headers["authorization"])
    assert found is not None, request.headers["authorization"]
    assert (found["region"], found["service"]) == (region, service)
    assert request.headers["x-amz-date"].startswith(found["day"])
    names = found["names"].split(";")
    assert {"host", "x-amz-date"} <= set(names)
    assert "x-amz-security-token" not in request.headers or "x-amz-security-token" in names
    again = AWSRequest(request.method, f"http://{request.headers['host']}{request.target}", data=request.body)
    for name in names:
        again.headers[name] = request.headers[name]
    again.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(found["id"], secrets[found["id"]]), service, region)
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert signature == found["signature"]
    return found["id"]
