"""Bedrock and IAM in one: a user's long-term keys, two at most, administered by signed requests.

What is asked is checked by Amazon's own description of IAM, and who asks by Amazon's own SDK.
"""

import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.loaders import Loader

from tests.rotation.standins.base import Door, Say
from tests.rotation.standins.dialects import bedrock_like
from tests.rotation.standins.plane import Uses, bearer
from tests.standin.botoshape import ServiceModel
from tests.standin.wire import Request
from tests.vault.aws.signed import check_signed
from tests.vault.standin import Received

ADMIN_ID = "AKIAADMINISTRATOR0001"
ADMIN_SECRET = "admin-canary-77aa/secret+key"
ACCOUNT = "123456789012"
SERVICE = "bedrock.amazonaws.com"
NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
PER_USER_MAX = 2
DAY_S = 86_400


@dataclass
class LongTermKey:
    """A service-specific credential. Times are Unix seconds."""

    id: str
    user: str
    alias: str
    key: str
    created_s: int
    expires_s: int | None
    status: str = "Active"

    def state(self, now_s: float) -> str:
        return "Expired" if self.expires_s is not None and now_s >= self.expires_s else self.status


@cache
def iam_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("iam", "service-2"))


class Bedrock:
    """`keys` by id. `throttled`: how many questions IAM refuses first, as it does (with 400)."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self.keys: dict[str, LongTermKey] = {}
        self.users = {"gateway"}
        self.uses = Uses()
        self.secrets = {ADMIN_ID: ADMIN_SECRET}
        self.throttled = 0
        self.now_s = now_s
        self.door = Door(self._answer, _is_iam)

    @property
    def url(self) -> str:
        return self.door.url

    @contextmanager
    def open(self) -> Iterator["Bedrock"]:
        """Listens. What it had to complain of fails the test."""
        with self.door.open():
            yield self

    def lives(self, key: str) -> bool:
        return any(each.key == key and each.state(self.now_s()) == "Active" for each in self.keys.values())

    def make(self, user: str, age_days: int | None = None) -> LongTermKey:
        """A key that is there before anything begins, or one that IAM makes now."""
        now_s = int(self.now_s())
        # The first key's public part is the user's alone; a further one has a suffix.
        suffix = f"-{secrets.token_hex(4)}" if any(each.user == user for each in self.keys.values()) else ""
        alias = f"{user}-at-{ACCOUNT}{suffix}"
        key = "ABSK" + b64encode(f"{alias}:{secrets.token_urlsafe(48)}".encode()).decode()
        expires_s = None if age_days is None else now_s + age_days * DAY_S
        made = LongTermKey(f"ACCA{secrets.token_hex(8).upper()}", user, alias, key, now_s, expires_s)
        self.keys[made.id] = made
        return made

    def _answer(self, request: Request) -> Say:
        return self._administer(request) if _is_iam(request) else self._serve(request)

    def _administer(self, request: Request) -> Say:
        text = request.body.decode() if request.method == "POST" else request.path.partition("?")[2]
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
        form = dict(pairs)
        assert len(form) == len(pairs), f"said twice: {pairs}"
        try:
            check_signed(
                Received(request.method, request.path, request.headers, request.body), self.secrets, "us-east-1", "iam"
            )
        except (AssertionError, KeyError):
            token = request.headers.get("x-amz-security-token", "none")
            return fault(403, "SignatureDoesNotMatch", f"The signature does not match; the session was {token}.")
        if self.throttled:
            self.throttled -= 1
            return fault(400, "Throttling", "Rate exceeded")
        action = form.pop("Action")
        assert form.pop("Version") == "2010-05-08"
        given: dict[str, str | int] = {**form}
        if "CredentialAgeDays" in form:
            given["CredentialAgeDays"] = int(form["CredentialAgeDays"])
        complaint = iam_model().input_complaint(action, given)
        if complaint is not None:
            return fault(400, "ValidationError", complaint)
        if form["UserName"] not in self.users:
            return fault(404, "NoSuchEntity", f"The user with name {form['UserName']} cannot be found.")
        return self._done(action, form)

    def _done(self, action: str, form: dict[str, str]) -> Say:
        user, of_user = form["UserName"], [key for key in self.keys.values() if key.user == form["UserName"]]
        if action == "ListServiceSpecificCredentials":
            members = "".join(f"<member>{self._told(key)}</member>" for key in of_user)
            return result(action, f"<ServiceSpecificCredentials>{members}</ServiceSpecificCredentials>")
        if action == "CreateServiceSpecificCredential":
            assert form["ServiceName"] == SERVICE
            if len(of_user) >= PER_USER_MAX:
                return fault(409, "LimitExceeded", "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2")
            made = self.make(user, int(form["CredentialAgeDays"]) if "CredentialAgeDays" in form else None)
            secret = f"<ServiceCredentialSecret>{escape(made.key)}</ServiceCredentialSecret>"
            return result(action, f"<ServiceSpecificCredential>{self._told(made)}{secret}</ServiceSpecificCredential>")
        key = next((each for each in of_user if each.id == form["ServiceSpecificCredentialId"]), None)
        if key is None:
            return fault(404, "NoSuchEntity", "No such credential exists")
        if action == "DeleteServiceSpecificCredential":
            del self.keys[key.id]
            return result(action, "")
        assert action == "UpdateServiceSpecificCredential", f"nobody needs {action}"
        assert form["Status"] in {"Active", "Inactive"}
        assert key.state(self.now_s()) != "Expired", "an expired key has no other status"
        key.status = form["Status"]
        return result(action, "")

    def _told(self, key: LongTermKey) -> str:
        said = {
            "CreateDate": _moment(key.created_s),
            "ServiceName": SERVICE,
            "ServiceCredentialAlias": key.alias,
            "ServiceSpecificCredentialId": key.id,
            "UserName": key.user,
            "Status": key.state(self.now_s()),
        }
        if key.expires_s is not None:
            said["ExpirationDate"] = _moment(key.expires_s)
        return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in said.items())

    def _serve(self, request: Request) -> Say:
        key = next((each for each in self.keys.values() if each.key == bearer(request)), None)
        if key is None or key.state(self.now_s()) != "Active":
            self.uses.refused += 1
            message = {"message": "The security token included in the request is invalid"}
            return Say(message, 403, {"x-amzn-errortype": "UnrecognizedClientException"})
        return bedrock_like(request, key.id, self.uses)


def _is_iam(request: Request) -> bool:
    return request.path == "/" or request.path.startswith("/?")


def _moment(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def result(action: str, inner: str) -> Say:
    body = f"<{action}Result>{inner}</{action}Result>" if inner else ""
    xml = f'<{action}Response xmlns="{NAMESPACE}">{body}<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>'
    return Say(f"{xml}</{action}Response>".encode(), 200, {"content-type": "text/xml"})


def fault(status: int, code: str, message: str) -> Say:
    inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    xml = f'<ErrorResponse xmlns="{NAMESPACE}">{inner}<RequestId>r</RequestId></ErrorResponse>'
    return Say(xml.encode(), status, {"content-type": "text/xml"})
