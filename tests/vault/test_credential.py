"""Credentials apply themselves and show nothing."""

import copy
import pickle

import msgspec
import pytest

from keywright.core.http import HttpRequest, Origin
from keywright.core.secret import Secret, SecretLeakError
from keywright.vault.credential import BearerCredential, Credential, HeaderCredential, NoCredential
from keywright.vault.hidden import Hidden

CANARY = "sk-canary-5f1d0c9e7b"
SECRET = Secret(CANARY)
HERE = Origin("https", "api.example.com", 443)
KEYED: list[HeaderCredential] = [BearerCredential("openai", SECRET), HeaderCredential("anthropic", "x-api-key", SECRET)]


def test_a_credential_adds_its_header_to_the_others() -> None:
    others = ((b"content-type", b"application/json"),)
    request = HttpRequest(b"POST", b"/v1/x?y=1", others, b"{}")
    bearer, header = KEYED
    signed = bearer.apply(request, HERE)
    assert signed.headers == (*others, (b"authorization", b"Bearer " + CANARY.encode()))
    assert (signed.method, signed.target, signed.body) == (request.method, request.target, request.body)
    assert header.apply(request, HERE).headers == (*others, (b"x-api-key", CANARY.encode()))
    assert NoCredential("local").apply(request, HERE) == request
    assert request.headers == ((b"content-type", b"application/json"),)


def test_headers_that_belong_to_a_key_go_with_it() -> None:
    credential = BearerCredential("vertex", SECRET, others=((b"x-goog-user-project", b"billed"),))
    signed = credential.apply(HttpRequest(b"GET", b"/", ()), HERE)
    assert signed.headers == (
        (b"authorization", b"Bearer " + CANARY.encode()),
        (b"x-goog-user-project", b"billed"),
    )


def test_every_secret_is_hidden_and_the_longest_beginning_is_held() -> None:
    one, other = Secret("abc-one"), Secret("abcd-other")
    hidden = Hidden(one, other)
    assert hidden.redact(b"x abc-one y abcd-other z") == (
        f"x <secret {one.fingerprint}> y <secret {other.fingerprint}> z".encode()
    )
    assert hidden.begun(b"... abcd") == 4
    assert hidden.begun(b"... abc-on") == 6
    assert hidden.begun(b"... abc-on\n") == 0
    assert Hidden().begun(b"abc") == 0


@pytest.mark.parametrize("credential", KEYED)
def test_a_credential_shows_its_name_and_fingerprint_only(credential: HeaderCredential) -> None:
    assert credential.fingerprint == SECRET.fingerprint
    for shown in (repr(credential), str(credential), f"{credential}", "%s" % credential, repr([credential])):  # noqa: UP031
        assert CANARY not in shown
        assert SECRET.fingerprint in shown
        assert credential.name in shown


@pytest.mark.parametrize("credential", KEYED)
def test_a_credential_cannot_be_copied_or_written_down(credential: HeaderCredential) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(SecretLeakError):
            pickle.dumps(credential, protocol)
    for copier in (copy.copy, copy.deepcopy):
        with pytest.raises(SecretLeakError):
            copier(credential)
    with pytest.raises(TypeError):
        msgspec.json.encode(credential)
    with pytest.raises(TypeError):
        vars(credential)


def test_no_credential_has_no_fingerprint() -> None:
    credential: Credential = NoCredential("local")
    assert credential.fingerprint == ""
    assert repr(credential) == "<no credential local>"
