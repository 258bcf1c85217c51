"""AWS's published test suite for Signature Version 4 (aws-sig-v4-test-suite): requests, and their signatures.

All are by `AKIDEXAMPLE`, at 2015-08-30T12:36:00Z, for the service `service` in `us-east-1` at `example.amazonaws.com`.
Left out are headers of several lines, which HTTP has given up, and queries that name a parameter twice, which Amazon's
Python SDK cannot make.
"""

from typing import Final

from msgspec import Struct

from keywright.core.http import Header, HttpRequest

UNRESERVED: Final = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN: Final = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
FORM: Final = "application/x-www-form-urlencoded"


class Case(Struct, frozen=True):
    """A request of the suite. `token`: the session's, "" for none."""

    name: str
    target: str
    signature: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    token: str = ""

    @property
    def request(self) -> HttpRequest:
        headers: tuple[Header, ...] = tuple((name.encode(), value.encode()) for name, value in self.headers)
        return HttpRequest(self.method.encode(), self.target.encode(), headers, self.body.encode())


VANILLA: Final = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
POST: Final = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
POST_QUERY: Final = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"

SIGNED: Final = (
    Case("get-vanilla", "/", VANILLA),
    Case("get-relative", "/example/..", VANILLA),
    Case("get-relative-relative", "/example1/example2/../..", VANILLA),
    Case("get-slash", "//", VANILLA),
    Case("get-slash-dot-slash", "/./", VANILLA),
    Case("get-slash-pointless-dot", "/./example", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
    Case("get-slashes", "//example//", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
    Case("get-space", "/example space/", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
    Case("get-unreserved", f"/{UNRESERVED}", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
    Case("get-utf8", "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    Case(
        "get-vanilla-empty-query-key",
        "/?Param1=value1",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    Case(
        "get-vanilla-query-order-key-case",
        "/?Param2=value2&Param1=value1",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    Case(
        "get-vanilla-query-order-encoded",
        "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    ),
    Case(
        "get-vanilla-query-unreserved",
        f"/?{UNRESERVED}={UNRESERVED}",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    Case(
        "get-vanilla-utf8-query",
        "/?%E1%88%B4=bar",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    Case(
        "get-vanilla-with-session-token",
        "/",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        token=TOKEN,
    ),
    Case(
        "get-header-key-duplicate",
        "/",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        headers=(("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")),
    ),
    Case(
        "get-header-value-order",
        "/",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        headers=tuple(("My-Header1", f"value{number}") for number in (4, 1, 3, 2)),
    ),
    Case(
        "get-header-value-trim",
        "/",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        headers=(("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')),
    ),
    Case("post-vanilla", "/", POST, "POST"),
    Case("post-vanilla-query", "/?Param1=value1", POST_QUERY, "POST"),
    Case(
        "post-header-key-sort",
        "/",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        "POST",
        (("My-Header1", "value1"),),
    ),
    Case(
        "post-header-value-case",
        "/",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        "POST",
        (("My-Header1", "VALUE1"),),
    ),
    Case(
        "post-x-www-form-urlencoded",
        "/",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        "POST",
        (("Content-Type", FORM),),
        "Param1=value1",
    ),
    Case(
        "post-x-www-form-urlencoded-parameters",
        "/",
        "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        "POST",
        (("Content-Type", f"{FORM}; charset=utf8"),),
        "Param1=value1",
    ),
)
"""Signed in a header."""

PRESIGNED_S: Final = 3600
PRESIGNED: Final = (
    Case("get-vanilla-query", "/", "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"),
    Case(
        "get-vanilla-empty-query-key",
        "/?Param1=value1",
        "49096700cbbaa5753443850f40df10f904fc2fdb544dc9512203cc77c471a9de",
    ),
    Case(
        "get-vanilla-utf8-query",
        "/?%E1%88%B4=bar",
        "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600",
    ),
    Case(
        "get-vanilla-with-session-token",
        "/",
        "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c",
        token=TOKEN,
    ),
)
"""Signed in the query, for `PRESIGNED_S`."""
