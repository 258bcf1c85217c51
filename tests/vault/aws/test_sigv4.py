"""Signatures are those of AWS's own SDK, byte for byte."""

import datetime
import string
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from keywright.core.http import HttpRequest, Origin
from keywright.core.secret import Secret
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.aws.sigv4 import Signer
from tests.vault.aws.suite import PRESIGNED, PRESIGNED_S, SIGNED, Case

NOW_S = 1_440_938_160
"""2015-08-30T12:36:00Z, the time of AWS's published test suite."""

ID = "AKIDEXAMPLE"
KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmx+fpSPf/kMcGd=="
SUITE = Origin("https", "example.amazonaws.com", 443)
RUNTIME = Origin("https", "bedrock-runtime.eu-central-1.amazonaws.com", 443)
STANDIN = Origin("http", "127.0.0.1", 4566)


@pytest.fixture(autouse=True)
def _botocore_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.datetime.fromtimestamp(NOW_S, datetime.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)


def keys(token: str | None = None) -> AwsKeys:
    return AwsKeys(ID, Secret(KEY), None if token is None else Secret(token))


def theirs(request: HttpRequest, origin: Origin, region: str, service: str, token: str | None) -> dict[str, str]:
    """The headers that botocore puts on `request`."""
    theirs = AWSRequest(method=request.method.decode(), url=url(request, origin), data=request.body)
    for name, value in request.headers:
        theirs.headers.add_header(name.decode(), value.decode())
    SigV4Auth(Credentials(ID, KEY, token), service, region).add_auth(theirs)
    return {name.lower(): value for name, value in theirs.headers.items()}


def url(request: HttpRequest, origin: Origin) -> str:
    port = "" if (origin.scheme, origin.port) in {("https", 443), ("http", 80)} else f":{origin.port}"
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"{origin.scheme}://{host}{port}{request.target.decode()}"


def added(request: HttpRequest, signed: HttpRequest) -> dict[str, str]:
    assert signed.headers[: len(request.headers)] == request.headers
    assert (signed.method, signed.target, signed.body) == (request.method, request.target, request.body)
    return {name.decode(): value.decode() for name, value in signed.headers[len(request.headers) :]}


@pytest.mark.parametrize("case", SIGNED, ids=lambda case: case.name)
def test_a_request_of_the_published_suite_has_the_published_signature(case: Case) -> None:
    found = added(
        case.request, Signer(keys(case.token or None), "us-east-1", "service").sign(case.request, SUITE, NOW_S)
    )
    assert found["authorization"].endswith(f"Signature={case.signature}")
    assert found["x-amz-date"] == "20150830T123600Z"
    amazons = theirs(case.request, SUITE, "us-east-1", "service", case.token or None)
    assert found["authorization"] == amazons["authorization"]


@pytest.mark.parametrize("case", PRESIGNED, ids=lambda case: case.name)
def test_a_presigned_request_of_the_published_suite_has_the_published_signature(case: Case) -> None:
    signer = Signer(keys(case.token or None), "us-east-1", "service")
    presigned = signer.presign(b"GET", SUITE, case.target.encode(), NOW_S, PRESIGNED_S)
    assert presigned.endswith(f"&X-Amz-Signature={case.signature}".encode())


VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))
SEGMENT = st.text(st.sampled_from(string.ascii_letters + string.digits + "-._~:/% +&=?é漢𝄞'"), max_size=12)
TARGETS = st.builds(
    lambda segments, query: "/" + "/".join(quote(segment, safe="") for segment in segments) + query,
    st.lists(SEGMENT, max_size=4),
    st.lists(st.tuples(SEGMENT, SEGMENT), max_size=3).map(
        lambda pairs: "?" * bool(pairs) + "&".join(f"{quote(a, safe='')}={quote(b, safe='')}" for a, b in pairs)
    ),
)
NAMES = st.sampled_from(
    ["Content-Type", "accept", "x-amzn-bedrock-trace", "User-Agent", "traceparent", "X-Custom", "x-custom", "a-b"]
)
VALUES = st.text(st.sampled_from(VISIBLE + "   "), min_size=1, max_size=20).map(lambda text: text.strip() or "x")
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=5)


@settings(deadline=None)
@given(
    method=st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE"]),
    target=TARGETS,
    headers=HEADERS,
    body=st.binary(max_size=200),
    token=st.sampled_from([None, TOKEN]),
    origin=st.sampled_from([RUNTIME, STANDIN, Origin("https", "::1", 8443)]),
)
def test_any_request_is_signed_as_amazon_s_own_sdk_signs_it(
    method: bytes, target: str, headers: list[tuple[str, str]], body: bytes, token: str | None, origin: Origin
) -> None:
    request = HttpRequest(method, target.encode(), tuple((n.encode(), v.encode()) for n, v in headers), body)
    signed = Signer(keys(token), "eu-central-1", "bedrock").sign(request, origin, NOW_S)
    amazons = theirs(request, origin, "eu-central-1", "bedrock", token)
    ours = added(request, signed)
    assert ours == {
        name: amazons[name] for name in ("x-amz-date", "x-amz-security-token", "authorization") if name in amazons
    }


MODELS = [
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
    "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/my~end.point",
]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_in_a_path_is_encoded_once_on_the_wire_and_twice_where_it_is_signed(model: str) -> None:
    request = HttpRequest(b"POST", f"/model/{quote(model, safe='')}/converse".encode(), (), b"{}")
    assert b":" not in request.target
    assert b"%2F" in request.target or "/" not in model
    signed = Signer(keys(), "eu-central-1", "bedrock").sign(request, RUNTIME, NOW_S)
    assert (
        added(request, signed)["authorization"]
        == theirs(request, RUNTIME, "eu-central-1", "bedrock", None)["authorization"]
    )
    unencoded = HttpRequest(b"POST", f"/model/{model}/converse".encode(), (), b"{}")
    other = Signer(keys(), "eu-central-1", "bedrock").sign(unencoded, RUNTIME, NOW_S)
    assert added(unencoded, other)["authorization"] != added(request, signed)["authorization"]


QUERIES = st.lists(
    st.tuples(SEGMENT.filter(bool), SEGMENT.filter(bool)), max_size=4, unique_by=lambda pair: pair[0]
).map(lambda pairs: "?" * bool(pairs) + "&".join(f"{quote(a, safe='')}={quote(b, safe='')}" for a, b in pairs))
"""As Amazon's SDK reads them: a name stands once, and has a value."""


@settings(deadline=None)
@given(
    method=st.sampled_from([b"GET", b"POST"]),
    path=st.lists(SEGMENT, max_size=3).map(lambda segments: "/" + "/".join(quote(each, safe="") for each in segments)),
    query=QUERIES,
    token=st.sampled_from([None, TOKEN]),
    life_s=st.integers(1, 604_800),
    origin=st.sampled_from([RUNTIME, STANDIN, Origin("https", "::1", 8443)]),
)
def test_any_presigned_url_is_amazon_s(
    method: bytes, path: str, query: str, token: str | None, life_s: int, origin: Origin
) -> None:
    target = (path + query).encode()
    presigned = Signer(keys(token), "eu-west-1", "sts").presign(method, origin, target, NOW_S, life_s)
    request = AWSRequest(method=method.decode(), url=url(HttpRequest(method, target, ()), origin))
    SigV4QueryAuth(Credentials(ID, KEY, token), "sts", "eu-west-1", expires=life_s).add_auth(request)
    assert url(HttpRequest(method, presigned, ()), origin) == request.url


@pytest.mark.parametrize("target", ["/", "/?Action=GetCallerIdentity&Version=2011-06-15", "/a%3Ab/c?x=%2F&y="])
def test_a_presigned_url_may_have_an_empty_value(target: str) -> None:
    presigned = Signer(keys(TOKEN), "eu-west-1", "sts").presign(b"GET", RUNTIME, target.encode(), NOW_S, 900)
    request = AWSRequest(method="GET", url=url(HttpRequest(b"GET", target.encode(), ()), RUNTIME))
    SigV4QueryAuth(Credentials(ID, KEY, TOKEN), "sts", "eu-west-1", expires=900).add_auth(request)
    assert url(HttpRequest(b"GET", presigned, ()), RUNTIME) == request.url


def test_the_key_of_the_day_follows_the_day() -> None:
    request = HttpRequest(b"POST", b"/", (), b"")
    signer = Signer(keys(), "eu-west-1", "bedrock")
    days = [NOW_S, NOW_S + 86_400, NOW_S]
    signed = [added(request, signer.sign(request, RUNTIME, now))["authorization"] for now in days]
    fresh = [
        added(request, Signer(keys(), "eu-west-1", "bedrock").sign(request, RUNTIME, now))["authorization"]
        for now in days
    ]
    assert signed == fresh
    assert signed[0] != signed[1]
